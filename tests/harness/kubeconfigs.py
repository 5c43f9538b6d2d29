"""Kubeconfig files: written for the users of a cluster, read for clients."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from harness.errors import HarnessError
from harness.exec_plugins import Credential, ExecPlugin

if TYPE_CHECKING:
    from pathlib import Path


_TOLD_TO_PLUGINS = ("server", "tls-server-name", "insecure-skip-tls-verify", "proxy-url")


@dataclass(frozen=True)
class Access:
    """What a client needs to know of a kubeconfig's current context."""

    context: str
    server: str
    token: str | None = None
    authority: bytes | None = None
    certificate: bytes | None = None
    key: bytes | None = None
    insecure: bool = False
    plugin: ExecPlugin | None = None

    def credential(self) -> Credential:
        """The user's token or certificate as it is now: a plugin's changes in time."""
        if self.plugin:
            return self.plugin.credential()
        return Credential(self.token, self.certificate, self.key)


def write(path: Path, *, name: str, server: str, authority: bytes, token: str) -> Path:
    """Write a kubeconfig with one context, readable by its owner only."""
    cluster = {
        "server": server,
        "certificate-authority-data": base64.b64encode(authority).decode(),
    }
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "clusters": [{"name": name, "cluster": cluster}],
        "users": [{"name": name, "user": {"token": token}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
    }
    path.unlink(missing_ok=True)
    with open(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600), "w") as file:  # noqa: PTH123
        json.dump(document, file, indent=2)
        file.write("\n")
    return path


def read(path: Path) -> Access:
    """The current context of a kubeconfig, whose user has a token, a certificate or an exec plugin."""
    document = yaml.safe_load(path.read_text())
    context_name = document.get("current-context", "")
    context = _named(document, "contexts", context_name, path)["context"]
    cluster = _named(document, "clusters", context["cluster"], path)["cluster"]
    user = _named(document, "users", context["user"], path)["user"]
    if "auth-provider" in user:
        raise HarnessError(
            f"the user {context['user']!r} of {path} has an auth-provider, which Kubernetes itself "
            "gave up: use a kubeconfig with an exec plugin, a token or a client certificate"
        )
    return Access(
        context=context_name,
        server=cluster["server"],
        token=_token(user, path),
        authority=_data(cluster, "certificate-authority", path),
        certificate=_data(user, "client-certificate", path),
        key=_data(user, "client-key", path),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
        plugin=_plugin(user, cluster, path),
    )


def _plugin(user: dict[str, Any], cluster: dict[str, Any], path: Path) -> ExecPlugin | None:
    section = user.get("exec")
    if not section:
        return None
    told = {key: cluster[key] for key in _TOLD_TO_PLUGINS if key in cluster}
    authority = _data(cluster, "certificate-authority", path)
    if authority:
        told["certificate-authority-data"] = base64.b64encode(authority).decode()
    return ExecPlugin.of(section, told, path.parent)


def _token(user: dict[str, Any], path: Path) -> str | None:
    if "tokenFile" in user:
        file: Path = path.parent / user["tokenFile"]
        return file.read_text().strip()
    token: str | None = user.get("token")
    return token


def _named(document: dict[str, Any], kind: str, name: str, path: Path) -> dict[str, Any]:
    for entry in document.get(kind) or []:
        if entry["name"] == name:
            found: dict[str, Any] = entry
            return found
    raise HarnessError(f"{path} has no entry {name!r} among its {kind}")


def _data(section: dict[str, Any], field: str, path: Path) -> bytes | None:
    if f"{field}-data" in section:
        return base64.b64decode(section[f"{field}-data"])
    if field in section:
        file: Path = path.parent / section[field]
        return file.read_bytes()
    return None
