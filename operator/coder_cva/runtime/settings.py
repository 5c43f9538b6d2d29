"""The process's own settings, from its environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from coder_cva.snapshot.scaling import AUTOSCALERS

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE: Final = "coder-cva-system"
WEBHOOK: Final = "coder-cva-webhook"
"""The name of the webhook's Service, and of the Secret with its certificates."""
ENGINES: Final = ("Auto", "Webhook")
_YES_OR_NO: Final = frozenset({"true", "false", "yes", "no", "on", "off", "1", "0"})


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the operator lives and how it speaks."""

    namespace: str = DEFAULT_NAMESPACE
    port: int = 8080
    """/healthz, /readyz and /metrics; 0 takes a free port and logs it."""
    log_format: str = "text"
    log_level: str = "INFO"
    watch_seconds: float = 300.0
    """After which a watch is asked for anew: a right that was taken away goes unnoticed for so long."""
    resync_seconds: float = 600.0
    """A look at everything even when nothing happened: dates in the spec pass, and belt and braces."""
    may_annotate_nodes: frozenset[str] = frozenset()
    """For CoderDeployments of which namespaces nodes may be annotated (protectNodes); ``*`` stands for all."""
    autoscaler_namespaces: frozenset[str] = AUTOSCALERS
    """Where a status of cluster-autoscaler is believed: in the cluster's own namespaces, and where somebody says so."""
    in_pod: bool = False
    """Whether it runs in a cluster: what is local is then the Pod's and its node's, and no user's."""
    admission_engine: str = "Auto"
    """``Webhook`` uses our webhook also where the API server serves policies."""
    webhook_port: int = 9443
    """Where the admission webhook is served; 0 for not at all."""
    webhook_url: str = ""
    """How the API server reaches that port where the operator does not run in the cluster."""
    webhook_service: str = WEBHOOK
    """The Service in front of all replicas."""
    webhook_secret: str = WEBHOOK
    """The Secret that holds the certificates."""
    webhook_certificate: str = ""
    """cert-manager's Certificate, as ``namespace/name``, that fills that Secret; "" makes our own."""

    @property
    def webhook_problem(self) -> str:
        """Why the API server could not call the webhook, whatever its certificates; "" where it could."""
        if not self.webhook_port:
            return "WEBHOOK_PORT is 0"
        if self.in_pod or self.webhook_url:
            return ""
        return (
            "the operator runs outside of the cluster, and WEBHOOK_URL does not say how to reach it"
        )

    @property
    def webhook_names(self) -> tuple[str, ...]:
        """The names for which the serving certificate is made."""
        host = urlsplit(self.webhook_url).hostname
        return (f"{self.webhook_service}.{self.namespace}.svc", *([host] if host else []))


def from_environment() -> Settings:
    """The settings of this process.

    Raises:
        ValueError: a variable holds no number where one is needed, or a yes instead of names; the message
            names it.
    """
    return Settings(
        namespace=os.environ.get("OPERATOR_NAMESPACE") or _own_namespace(),
        port=_number("PORT", 8080),
        log_format=os.environ.get("LOG_FORMAT", "text"),
        log_level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        watch_seconds=_number("WATCH_SECONDS", 300),
        may_annotate_nodes=_namespaces(
            "ALLOW_NODE_ANNOTATIONS",
            "whose CoderDeployments may have nodes annotated",
            ", or to * for all",
        ),
        autoscaler_namespaces=autoscaler_namespaces(),
        in_pod=bool(os.environ.get("KUBERNETES_SERVICE_HOST")),
        admission_engine=_one_of("ADMISSION_ENGINE", ENGINES),
        webhook_port=_number("WEBHOOK_PORT", 9443),
        webhook_url=_https("WEBHOOK_URL"),
        webhook_service=os.environ.get("WEBHOOK_SERVICE") or WEBHOOK,
        webhook_secret=os.environ.get("WEBHOOK_SECRET") or WEBHOOK,
        webhook_certificate=os.environ.get("WEBHOOK_CERTIFICATE", ""),
    )


def autoscaler_namespaces() -> frozenset[str]:
    """Where a status of cluster-autoscaler is believed. Raises ValueError as ``from_environment`` does."""
    return AUTOSCALERS | _namespaces("AUTOSCALER_NAMESPACES", "in which cluster-autoscaler runs")


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def _namespaces(name: str, which: str, all_of_them: str = "") -> frozenset[str]:
    """Names with commas between them. A yes says for nobody in particular what reaches beyond a namespace."""
    found = frozenset(one.strip() for one in os.environ.get(name, "").split(",")) - {""}
    words = sorted(one for one in found if one.lower() in _YES_OR_NO)
    if words:
        raise ValueError(
            f"{name}={words[0]!r} names no namespace: set it to those {which}, with commas between "
            f"them{all_of_them}; leave it out for none"
        )
    return found


def _one_of(name: str, words: tuple[str, ...]) -> str:
    word = os.environ.get(name) or words[0]
    if word not in words:
        raise ValueError(f"{name}={word!r} is unknown: use {' or '.join(words)}")
    return word


def _https(name: str) -> str:
    url = os.environ.get(name, "")
    if url and urlsplit(url).scheme != "https":
        raise ValueError(f"{name}={url!r} is no https URL: the API server calls no other")
    return url


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise ValueError(f"{name}={text!r} is no number: set it to one such as {default}")
    return int(text)
