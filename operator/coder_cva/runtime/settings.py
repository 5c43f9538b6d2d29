"""The process's own settings, from its environment."""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_NAMESPACE_FILE: Final = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")
DEFAULT_NAMESPACE: Final = "coder-cva-system"
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
    in_pod: bool = False
    """Whether it runs in a cluster: what is local is then the Pod's and its node's, and no user's."""


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
        may_annotate_nodes=_namespaces("ALLOW_NODE_ANNOTATIONS"),
        in_pod=bool(os.environ.get("KUBERNETES_SERVICE_HOST")),
    )


def _own_namespace() -> str:
    try:
        return _NAMESPACE_FILE.read_text(encoding="utf-8").strip() or DEFAULT_NAMESPACE
    except OSError:
        return DEFAULT_NAMESPACE


def _namespaces(name: str) -> frozenset[str]:
    """Names with commas between them. A yes says for nobody in particular what reaches beyond a namespace."""
    found = frozenset(one.strip() for one in os.environ.get(name, "").split(",")) - {""}
    words = sorted(one for one in found if one.lower() in _YES_OR_NO)
    if words:
        raise ValueError(
            f"{name}={words[0]!r} names no namespace: set it to those whose CoderDeployments may have nodes "
            "annotated, with commas between them, or to * for all; leave it out for none"
        )
    return found


def _number(name: str, default: int) -> int:
    text = os.environ.get(name, "")
    if not text:
        return default
    if not text.isdigit():
        raise ValueError(f"{name}={text!r} is no number: set it to one such as {default}")
    return int(text)
