"""One request to Coder's API in, the parsed body or why there is none out. It never raises.

The token goes to the server that the spec names and to nobody else: no redirect is followed, no proxy of
the environment is used, and no message holds it.
"""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any, Final

import aiohttp
import orjson
import yarl
from aiohttp.connector import AddrInfoType, SocketFactoryType

import coder_cva
from coder_cva.coder_api import refusals
from coder_cva.snapshot.coder_seen import Unseen
from coder_cva.values.addresses import Permit, anywhere

REQUEST_SECONDS: Final = 5.0
LOOK_SECONDS: Final = 20.0
"""For all requests of a look together."""
BODY_BYTES: Final = 8 * 1024 * 1024
"""Ten thousand accounts are counted, not listed: what is larger than this is no answer to our requests."""
LOOK_BYTES: Final = 3 * BODY_BYTES
"""Of all answers of a look together: what is parsed takes many times the memory of its text."""
AT_ONCE: Final = 4
"""Requests at the same time: Coder allows 512 in a minute (CODER_API_RATE_LIMIT), and has others to serve."""
TOKEN_HEADER: Final = "Coder-Session-Token"  # noqa: S105 - the header's name, from Coder's API reference
_CHUNK: Final = 64 * 1024


class Client:
    """Requests with one token, until the time of the look is over."""

    def __init__(
        self,
        session: aiohttp.ClientSession,
        url: str,
        *,
        request_seconds: float = REQUEST_SECONDS,
        look_seconds: float = LOOK_SECONDS,
    ) -> None:
        self._session = session
        self._url = url
        self._request_seconds = request_seconds
        self._look_seconds = look_seconds
        self._ends = asyncio.get_running_loop().time() + look_seconds
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._bytes_left = LOOK_BYTES

    async def get(self, path: str, params: Mapping[str, str] | None = None) -> Any:
        """The parsed body of ``/api/v2/…``, or Unseen."""
        return await self._bounded("GET", path, params, None)

    async def check(self, body: Mapping[str, Any]) -> Any:
        """What ``authcheck`` answers: it is asked by POST, and changes nothing."""
        return await self._bounded("POST", "authcheck", None, orjson.dumps(body))

    async def _bounded(
        self, method: str, path: str, params: Mapping[str, str] | None, data: bytes | None
    ) -> Any:
        async with self._turns:
            left = self._ends - asyncio.get_running_loop().time()
            if left <= 0:
                return refusals.slow(f"all of a look, {self._look_seconds:g} s")
            seconds = min(left, self._request_seconds)
            try:
                async with asyncio.timeout(seconds):
                    return await self._request(method, path, params, data)
            except TimeoutError:
                return refusals.slow(f"/api/v2/{path}, {seconds:.2g} s")
            except (aiohttp.ClientError, OSError, ValueError) as error:
                return refusals.no_answer(self._url, error)

    async def _request(
        self, method: str, path: str, params: Mapping[str, str] | None, data: bytes | None
    ) -> Any:
        url = (yarl.URL(self._url) / "api/v2" / path).with_query(params)
        headers = {"Content-Type": "application/json"} if data is not None else {}
        async with self._session.request(
            method, url, data=data, headers=headers, allow_redirects=False
        ) as response:
            raw = await self._read(response)
            if raw is None:
                return refusals.too_large(path, BODY_BYTES, LOOK_BYTES)
            if response.status != 200:
                location = response.headers.get("Location", "")
                return refusals.refusal(path, response.status, raw, location)
            if response.content_type != "application/json":
                return refusals.no_json(path, f"it is {response.content_type}")
            return _parsed(path, raw)

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | None:
        """The body; None where it is too large, which is known before all of it was taken."""
        kept = bytearray()
        async for chunk in response.content.iter_chunked(_CHUNK):
            kept += chunk
            self._bytes_left -= len(chunk)
            if len(kept) > BODY_BYTES or self._bytes_left < 0:
                return None
        return bytes(kept)


@contextlib.asynccontextmanager
async def opened(url: str, token: str, permit: Permit = anywhere) -> AsyncIterator[Client]:
    """A client for one look: no connection and no token outlives it.

    ``permit`` is asked for each address that a connection is about to be made to.
    """
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(socket_factory=_sockets(permit)),
        cookie_jar=aiohttp.DummyCookieJar(),
        trust_env=False,
        timeout=aiohttp.ClientTimeout(total=None),
        headers={
            TOKEN_HEADER: token,
            "Accept": "application/json",
            # A body of few bytes cannot become one of many.
            "Accept-Encoding": "identity",
            "User-Agent": f"coder-cva-operator/{coder_cva.__version__}",
        },
        auto_decompress=False,
    ) as session:
        yield Client(session, url)


def _sockets(permit: Permit) -> SocketFactoryType:
    """Asked after a name was resolved, so no name that leads elsewhere the next moment leads past it."""

    def made(info: AddrInfoType) -> socket.socket:
        family, kind, protocol, _, where = info
        if not permit(str(where[0])):
            raise refusals.LocalError
        return socket.socket(family, kind, protocol)

    return made


def _parsed(path: str, raw: bytes) -> Any | Unseen:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError:
        return refusals.no_json(path, "it calls itself JSON and is none")
