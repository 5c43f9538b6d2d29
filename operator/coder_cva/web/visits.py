"""One address in, whether it answers out: politely, within bounds, and nowhere but on the internet.

Every hop is looked at anew, and the connection goes to the very address that was looked at: a name that
leads elsewhere the next moment changes nothing.
"""

import asyncio
import socket
from collections.abc import Iterable
from types import TracebackType
from typing import Final, Self

import aiohttp
import yarl
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import DefaultResolver

import coder_cva
from coder_cva.snapshot.links_seen import LinkSeen
from coder_cva.values.addresses import Permit
from coder_cva.web.addresses import is_public

_SECONDS: Final = 10.0
_HOPS: Final = 5
_AT_ONCE: Final = 4
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_WITHOUT_HEAD: Final = 400
"""From here on a HEAD is asked again as a GET: many pages answer only that."""
_LONGEST_LINE: Final = 8_190


class InsideError(OSError):
    """A name or an address leads to what is not the internet."""


class _Resolver(AbstractResolver):
    """Names, to addresses that are all permitted."""

    def __init__(self, permit: Permit) -> None:
        self._permit = permit
        self._resolver = DefaultResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """The addresses of a name. Raises InsideError where one of them is not permitted."""
        found = await self._resolver.resolve(host, port, family)
        if not all(self._permit(one["host"]) for one in found):
            raise InsideError(f"{host} leads to a private address")
        return found

    async def close(self) -> None:
        """Nothing is kept open."""
        await self._resolver.close()


class Visits:
    """A session without cookies, credentials and proxies. ``permit`` says which addresses it may reach."""

    def __init__(self, permit: Permit = is_public, *, seconds: float = _SECONDS) -> None:
        self._permit = permit
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=_Resolver(permit), use_dns_cache=False, force_close=True
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={"User-Agent": f"coder-cva-operator/{coder_cva.__version__} (link check)"},
            timeout=aiohttp.ClientTimeout(total=seconds),
            max_line_size=_LONGEST_LINE,
            max_field_size=_LONGEST_LINE,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self._session.close()

    async def all(self, targets: Iterable[str]) -> tuple[LinkSeen, ...]:
        """What each address answers, a few at a time, in their order."""
        places = asyncio.Semaphore(_AT_ONCE)

        async def one(target: str) -> LinkSeen:
            async with places:
                return await self.visit(target)

        return tuple(await asyncio.gather(*(one(target) for target in targets)))

    async def visit(self, target: str) -> LinkSeen:
        """What one address answers in the end, or why nothing came; it does not raise."""
        try:
            status = await self._follow("HEAD", target)
            if status >= _WITHOUT_HEAD:
                status = await self._follow("GET", target)
        except (InsideError, aiohttp.ClientConnectorError) as error:
            cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
            word = "Private" if isinstance(cause, InsideError) else "NotReached"
            return LinkSeen(target, reason=word, words=_words(cause))
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return LinkSeen(target, reason="NotReached", words=_words(error))
        return LinkSeen(target, status=status)

    async def _follow(self, method: str, target: str) -> int:
        url = yarl.URL(target)
        for _ in range(_HOPS):
            self._look_at(url)
            # Only the head of the answer is read: how long the page is does not matter.
            async with self._session.request(method, url, allow_redirects=False) as answer:
                following = answer.headers.get("Location", "")
                if answer.status not in _REDIRECTS or not following:
                    return answer.status
            url = url.join(yarl.URL(following))
        raise ValueError(f"more than {_HOPS} redirects")

    def _look_at(self, url: yarl.URL) -> None:
        """An address that stands in the URL itself is resolved by nobody."""
        if url.scheme not in ("http", "https") or not url.host:
            raise ValueError(f"a redirect to {url.scheme or 'nowhere'}")
        if url.user or url.password:
            raise ValueError("a redirect with credentials in it")
        is_address = ":" in url.host or url.host.replace(".", "").isdigit()
        if is_address and not self._permit(url.host):
            raise InsideError(f"{url.host} is a private address")


def _words(error: BaseException) -> str:
    if isinstance(error, TimeoutError):
        return "no answer within the time limit"
    return str(error)[:200] or type(error).__name__
