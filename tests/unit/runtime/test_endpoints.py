"""The endpoints answer wherever a probe may come from."""

from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import aiohttp
import pytest

from coder_cva.runtime import endpoints

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def _port() -> int:
    """A port that is free in both families."""
    with socket.create_server(("", 0)) as one:
        number: int = one.getsockname()[1]
        return number


def _has_ipv6() -> bool:
    try:
        with socket.create_server(("::1", 0), family=socket.AF_INET6):
            return True
    except OSError:
        return False


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """The port of endpoints that are alive and not ready."""
    number = _port()
    runner = await endpoints.serve(number, lambda: True, lambda: False)
    yield number
    await runner.cleanup()


async def answer(host: str, port: int, path: str) -> tuple[int, str]:
    """Status and text."""
    async with aiohttp.ClientSession() as session, session.get(f"http://{host}:{port}{path}") as it:
        return it.status, await it.text()


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
async def test_they_answer_in_both_families(port: int, host: str) -> None:
    """A cluster of IPv6 alone probes a Pod at an IPv6 address, any other at an IPv4 one."""
    if host == "[::1]" and not _has_ipv6():
        pytest.skip("this machine has no IPv6")

    assert await answer(host, port, "/healthz") == (200, "ok\n")


async def test_alive_is_not_ready(port: int) -> None:
    """Each probe says its own; the one that fails says why."""
    status, text = await answer("127.0.0.1", port, "/readyz")

    assert (status, text) == (503, "the cluster has not been read yet\n")
