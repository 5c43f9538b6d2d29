"""Kubeconfig files: written for the users of a cluster, read for clients."""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from harness.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path


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
    """The current context of a kubeconfig that carries its credentials in itself."""
    document = yaml.safe_load(path.read_text())
    context_name = document.get("current-context", "")
    context = _named(document, "contexts", context_name, path)["context"]
    cluster = _named(document, "clusters", context["cluster"], path)["cluster"]
    user = _named(document, "users", context["user"], path)["user"]
    if "exec" in user or "auth-provider" in user:
        raise HarnessError(
            f"the user {context['user']!r} of {path} logs in by a plugin, which the harness does "
            "not run: give it a kubeconfig with a token or a client certificate"
        )
    return Access(
        context=context_name,
        server=cluster["server"],
        token=_token(user, path),
        authority=_data(cluster, "certificate-authority", path),
        certificate=_data(user, "client-certificate", path),
        key=_data(user, "client-key", path),
        insecure=bool(cluster.get("insecure-skip-tls-verify")),
    )


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
