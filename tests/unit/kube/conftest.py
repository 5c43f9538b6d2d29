"""The fake API server and a connection to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import Credentials
from support.api_server import FakeApi, kubeconfig, serving

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    """The fake API server, listening."""
    async with serving() as fake:
        yield fake


@pytest.fixture
async def connection(api: FakeApi, tmp_path: Path) -> AsyncIterator[Connection]:
    """A connection to the fake."""
    file = kubeconfig(tmp_path / "kubeconfig", api.port, {"token": "t0ken-first"})
    credentials = Credentials(file)
    await credentials.load()
    async with Connection(credentials, connect_timeout=1.0, timeout=5.0) as opened:
        yield opened
