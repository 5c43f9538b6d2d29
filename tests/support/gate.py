"""What may stand between the API server and the operator's webhook: a way through, a wall, or a hole."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Self

from harness import ports

if TYPE_CHECKING:
    from collections.abc import Coroutine

SHUT = "shut"
"""Nothing listens: connections are refused."""
SILENT = "silent"
"""Connections are taken, and nothing ever comes back, as behind a firewall that drops."""
OPEN = "open"
"""Everything is passed on."""


class Gate:
    """A port of this machine that leads to another one, or does not. With each change all connections end."""

    def __init__(self, target: int, mode: str = SHUT) -> None:
        self.port = ports.free(1)[0]
        self._target = target
        self._mode = mode
        self._server: asyncio.Server | None = None
        self._live: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._turn(self._mode))
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._turn(SHUT))
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    @property
    def url(self) -> str:
        """Where it is."""
        return f"https://127.0.0.1:{self.port}"

    def turn(self, mode: str) -> None:
        """Returns once it is so."""
        self._do(self._turn(mode))

    def _do(self, work: Coroutine[None, None, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _turn(self, mode: str) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        live = tuple(self._live)
        for one in live:
            one.cancel()
        await asyncio.gather(*live, return_exceptions=True)
        self._mode = mode
        if mode != SHUT:
            self._server = await asyncio.start_server(self._take, "127.0.0.1", self.port)

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._live.add(task)
        try:
            if self._mode == SILENT:
                await asyncio.Event().wait()
            await self._pass_on(reader, writer)
        except (OSError, asyncio.CancelledError):
            return
        finally:
            self._live.discard(task)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        beyond, back = await asyncio.open_connection("127.0.0.1", self._target)
        try:
            ways = (_copy(reader, back), _copy(beyond, writer))
            tasks = [asyncio.ensure_future(one) for one in ways]
            try:
                await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for one in tasks:
                    one.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        finally:
            back.transport.abort()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(2**16):
        writer.write(data)
        await writer.drain()
