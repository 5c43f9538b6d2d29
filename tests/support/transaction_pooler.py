"""A stand-in for a transaction pooler, after what PgBouncer documents of pool_mode = transaction.

It is no PgBouncer. What it has in common: it answers the login itself, with a process id of its own making; it
gives a client a server from the first message of a transaction to its end, the one that was given
back last; session state is not kept apart.
"""

from __future__ import annotations

import asyncio
import contextlib
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

_SSL_REQUEST = 80_877_103
_TERMINATE = b"X"
_READY = b"Z"


@dataclass
class _Server:
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter


@dataclass
class TransactionPooler:
    """Serves on ``port`` in its context; every client is taken for the role ``trusted`` of the server behind."""

    behind: int
    database: str = "postgres"
    port: int = 0
    _idle: list[_Server] = field(default_factory=list)
    _clients: set[asyncio.Task[None]] = field(default_factory=set)
    _logins: int = 1_000_000

    @contextlib.asynccontextmanager
    async def serving(self) -> AsyncIterator[None]:
        """Listens; at the end it waits for its clients to go."""
        listening = await asyncio.start_server(self._come, "127.0.0.1", 0)
        self.port = listening.sockets[0].getsockname()[1]
        try:
            yield
        finally:
            listening.close()
            await asyncio.gather(*self._clients)
            for one in self._idle:
                one.writer.close()
                await one.writer.wait_closed()

    def _come(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._clients.add(asyncio.get_running_loop().create_task(self._serve(reader, writer)))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server: _Server | None = None
        answering: asyncio.Task[None] | None = None
        try:
            await self._login(reader, writer)
            while (message := await _message(reader))[0] != _TERMINATE:
                if server is None or answering is None or answering.done():
                    server = await self._taken()
                    answering = asyncio.create_task(self._answer(server, writer))
                server.writer.write(message[0] + message[1])
        except (asyncio.IncompleteReadError, OSError):
            pass  # the client has gone without a word
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def _answer(self, server: _Server, writer: asyncio.StreamWriter) -> None:
        """Passes on what the server says until its transaction is over; then the next client may have it."""
        kind, body = b"", b""
        while kind != _READY or not body.endswith(b"I"):
            kind, body = await _message(server.reader)
            writer.write(kind + body)
        self._idle.append(server)

    async def _login(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            (size,) = struct.unpack("!i", await reader.readexactly(4))
            body = await reader.readexactly(size - 4)
            if struct.unpack("!i", body[:4]) != (_SSL_REQUEST,):
                break
            writer.write(b"N")
        self._logins += 1
        writer.write(b"R" + struct.pack("!ii", 8, 0))
        for one in (b"server_version\x0016.0\0", b"client_encoding\0UTF8\0"):
            writer.write(b"S" + struct.pack("!i", len(one) + 4) + one)
        writer.write(b"K" + struct.pack("!iii", 12, self._logins, 42))
        writer.write(_READY + struct.pack("!i", 5) + b"I")

    async def _taken(self) -> _Server:
        """The one that was given back last, else a new one."""
        if self._idle:
            return self._idle.pop()
        server = _Server(*await asyncio.open_connection("127.0.0.1", self.behind))
        said = b"user\0trusted\0database\0" + self.database.encode() + b"\0\0"
        server.writer.write(struct.pack("!ii", len(said) + 8, 196_608) + said)
        while (await _message(server.reader))[0] != _READY:
            pass
        return server


async def _message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The kind of the next message, and its length with what follows."""
    kind = await reader.readexactly(1)
    size = await reader.readexactly(4)
    return kind, size + await reader.readexactly(struct.unpack("!i", size)[0] - 4)
