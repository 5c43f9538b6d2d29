"""Where credentials are looked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.kube.credentials import Credentials, NoCluster
from support.api_server import kubeconfig

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_named_kubeconfig_comes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that was named wins over the environment and over the Pod's ServiceAccount."""
    monkeypatch.setenv("KUBECONFIG", kubeconfig(tmp_path / "env", 1, {"token": "env"}))
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    named = Credentials(kubeconfig(tmp_path / "named", 2, {"token": "named"}))
    fallen_back = Credentials()
    await named.load()
    await fallen_back.load()

    assert (named.host, await named.authorization()) == ("http://127.0.0.1:2", "Bearer named")
    assert await fallen_back.authorization() == "Bearer env"


async def test_a_pod_uses_its_serviceaccount(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a kubeconfig a Pod's mounted token is used; where it is missing, that is said."""
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    with pytest.raises(NoCluster, match="token file"):
        await Credentials().load()


async def test_a_missing_kubeconfig_is_said(tmp_path: Path) -> None:
    """A file that is not there is an error at the start, not an anonymous user later."""
    with pytest.raises(NoCluster):
        await Credentials(str(tmp_path / "none")).load()
