"""Kubeconfigs for ServiceAccounts, by the API server's TokenRequest."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import kubeconfigs

if TYPE_CHECKING:
    from pathlib import Path

    from harness.kube import Kube

LIFETIME_SECONDS = 3600


def serviceaccount_kubeconfig(
    kube: Kube, namespace: str, name: str, path: Path, *, seconds: int = LIFETIME_SECONDS
) -> Path:
    """Write a kubeconfig that has the rights of a ServiceAccount and no others, for so long."""
    account = f"/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token"
    request = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenRequest",
        "spec": {"expirationSeconds": seconds},
    }
    answer = kube.api.request("POST", account, request)
    return kubeconfigs.write(
        path,
        name=f"{namespace}-{name}",
        server=kube.api.access.server,
        authority=kube.api.access.authority or b"",
        token=answer["status"]["token"],
    )
