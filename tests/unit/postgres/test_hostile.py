"""Servers that mean ill, and hosts that are not to be asked: each ends in a word, none in a crash."""

from __future__ import annotations

import asyncio
import contextlib
import struct
from typing import TYPE_CHECKING

import pytest

from coder_cva.postgres import greeting, probe
from coder_cva.postgres.faults import Unmeasured
from coder_cva.snapshot.database_seen import Fault
from coder_cva.values.addresses import is_remote
from coder_cva.values.postgres_url import parse

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_VERSION = b"server_version\x0016.4\0"
_LOGIN = (
    b"R"
    + struct.pack("!ii", 8, 0)
    + b"S"
    + struct.pack("!i", 4 + len(_VERSION))
    + _VERSION
    + b"K"
    + struct.pack("!iii", 12, 7, 7)
)
_READY = b"Z" + struct.pack("!i", 5) + b"I"


@contextlib.asynccontextmanager
async def letting_in(words: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A URL of a server that lets everybody in and answers this to every question; what it was told."""
    heard: list[bytes] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        first = await reader.read(1000)
        heard.append(first)
        if len(first) == 8:
            writer.write(b"N")
        else:
            writer.write(_LOGIN + _READY)
            with contextlib.suppress(ConnectionError):
                while await reader.read(1000):
                    writer.write(words)
        writer.close()

    listening = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with listening:
        port = listening.sockets[0].getsockname()[1]
        yield f"postgres://u:pw@127.0.0.1:{port}/coder?sslmode=disable", heard
    for one in writers:
        one.close()
        with contextlib.suppress(ConnectionError):
            await one.wait_closed()


@pytest.mark.parametrize(
    "words",
    [
        b"Z" + struct.pack("!i", 9) + b"Ixxxx",
        b"?" + struct.pack("!i", 4),
        b"D" + struct.pack("!ih", 6, 0) + _READY,
    ],
)
async def test_what_no_server_says(words: bytes) -> None:
    """The driver has errors of its own for it, in which words of the server's stand."""
    async with letting_in(words) as (url, _):
        with pytest.raises(Unmeasured) as raised:
            async with asyncio.timeout(10):
                await probe.measure(parse(url))
    assert "pw" not in raised.value.message
    assert raised.value.__cause__ is None


@pytest.mark.parametrize("host", ["a..b", f"{'a' * 70}.b", "a" * 300])
async def test_a_name_that_no_dns_can_have(host: str) -> None:
    """As one that leads nowhere."""
    with pytest.raises(Unmeasured) as raised:
        await probe.measure(parse(f"postgres://u:pw@{host}/coder"))
    assert raised.value.fault is Fault.HOST_NOT_RESOLVED
    with pytest.raises(Unmeasured):
        await greeting.offers_tls(host, 5432, 1.0)


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "169.254.169.254", "0.0.0.0"])
async def test_what_is_local_is_not_asked(host: str) -> None:
    """Not even whether something listens: that would tell of the operator's own Pod and node."""
    async with letting_in(b"") as (url, heard):
        there = url.replace("127.0.0.1", host)
        with pytest.raises(Unmeasured) as raised:
            await probe.measure(parse(there), permit=is_remote)

    assert raised.value.fault is Fault.LOCAL
    assert heard == []
