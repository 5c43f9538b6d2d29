"""One connection pool to one API server: a request in, a status and parsed JSON out."""

import contextlib
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from typing import Any, Final, NamedTuple, Self

import aiohttp
import orjson
import yarl

import coder_cva
from coder_cva.kube.credentials import Credentials
from coder_cva.kube.lines import Lines
from coder_cva.values.manifest import dig

logger = logging.getLogger(__name__)

JSON: Final = "application/json"
CONNECT_TIMEOUT: Final = 5.0
"""Seconds for TCP and TLS: a frozen API server accepts connections and never shakes hands."""
REQUEST_TIMEOUT: Final = 20.0
"""Seconds for a whole request."""
_SHOWN = 300


class NoAnswer(Exception):
    """The API server did not answer, or not in full: nothing is known about what it did."""


class Silence(NoAnswer):
    """A stream on which nothing came for too long; when it broke is not known."""


class Answer(NamedTuple):
    """A status and the parsed body; a refusal's body is a ``Status`` object."""

    status: int
    body: Any
    warnings: tuple[str, ...] = ()
    """What the API server, or somebody at admission, says beside it: whole headers."""

    @property
    def ok(self) -> bool:
        """Whether the request was done."""
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """The API server's own words about a refusal."""
        return str(dig(self.body, "message", default="") or f"HTTP status {self.status}")


class Refused(Exception):
    """An answer that is not the one that was needed."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.message)
        self.answer = answer


class Connection:
    """The one HTTP session of this process; open it within the event loop that uses it."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        connect_timeout: float = CONNECT_TIMEOUT,
        timeout: float = REQUEST_TIMEOUT,
    ) -> None:
        self.credentials = credentials
        self._connect_timeout = connect_timeout
        self._timeout = timeout
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, ssl=credentials.tls()),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers={
                "User-Agent": f"coder-cva-operator/{coder_cva.__version__}",
                # As the control plane's own clients do: compressing costs the API server more
                # than the bytes cost a cluster's network.
                "Accept-Encoding": "identity",
            },
        )

    @classmethod
    async def open(cls, kubeconfig: str | None = None, context: str | None = None) -> Self:
        """A connection by a kubeconfig, or as ``Credentials`` finds it. Raises NoCluster."""
        credentials = Credentials(kubeconfig, context)
        await credentials.load()
        return cls(credentials)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes all connections."""
        await self._session.close()

    async def kopf_info(self) -> dict[str, Any]:
        """The keyword arguments of ``kopf.ConnectionInfo`` for the same cluster and user."""
        return await self.credentials.kopf_info()

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: bytes | Mapping[str, Any] | None = None,
        content_type: str = JSON,
        accept: str = JSON,
        timeout: float | None = None,  # noqa: ASYNC109 - the whole answer is bounded by it
    ) -> Answer:
        """One request; ``timeout`` in seconds bounds all of it. Refusals are answers too.

        Raises:
            NoAnswer: no answer, half of one, or something that is no JSON.
        """
        data = body if body is None or isinstance(body, bytes) else orjson.dumps(body)
        limits = aiohttp.ClientTimeout(
            total=timeout or self._timeout, sock_connect=self._connect_timeout
        )
        url = self._url(path, params)
        sent = content_type if data is not None else ""
        answer = await self._once(method, url, data, accept=accept, sent=sent, limits=limits)
        if answer.status == 401:
            # The token was withdrawn or expired early: what lies on disk may be newer.
            await self._reload()
            answer = await self._once(method, url, data, accept=accept, sent=sent, limits=limits)
        logger.debug("%s %s: %s", method, path, answer.status)
        return answer

    async def _once(
        self,
        method: str,
        url: yarl.URL,
        data: bytes | None,
        *,
        accept: str,
        sent: str,
        limits: aiohttp.ClientTimeout,
    ) -> Answer:
        headers = await self._headers(accept, sent)
        try:
            async with self._session.request(
                method, url, data=data, headers=headers, timeout=limits, **self._route()
            ) as response:
                warnings = tuple(response.headers.getall("Warning", ()))
                return Answer(response.status, _parsed(response, await response.read()), warnings)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(_words(error)) from error

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, params: Mapping[str, str], accept: str, silence: float
    ) -> AsyncIterator[AsyncIterator[Any]]:
        """The parsed JSON lines of a watch, until the API server ends it.

        ``silence`` is how many seconds may pass without a byte before the connection counts as
        dead.

        Raises:
            Refused: the watch was not granted.
            NoAnswer: the connection broke, also while iterating; Silence where it fell silent.
        """
        headers = await self._headers(accept, "")
        limits = aiohttp.ClientTimeout(
            total=None, sock_connect=self._connect_timeout, sock_read=silence
        )
        try:
            async with self._session.get(
                self._url(path, params), headers=headers, timeout=limits, **self._route()
            ) as response:
                if response.status != 200:
                    if response.status == 401:
                        await self._reload()
                    raise Refused(Answer(response.status, _parsed(response, await response.read())))
                async with contextlib.aclosing(_objects(response)) as objects:
                    yield objects
        except aiohttp.SocketTimeoutError as error:
            raise Silence(f"nothing came for {silence:g} s") from error
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise NoAnswer(_words(error)) from error

    async def _headers(self, accept: str, content_type: str) -> dict[str, str]:
        headers = {"Accept": accept}
        if content_type:
            headers["Content-Type"] = content_type
        try:
            authorization = await self.credentials.authorization()
        except Exception as error:  # noqa: BLE001 - named by its type alone
            # Exec plugins and identity providers fail in their own ways, and may quote secrets.
            raise NoAnswer(f"no credentials to be had: {type(error).__name__}") from None
        if authorization:
            headers["Authorization"] = authorization
        return headers

    def _url(self, path: str, params: Mapping[str, str] | None) -> yarl.URL:
        url = yarl.URL(self.credentials.host + path, encoded=True)
        return url.with_query(params) if params else url

    def _route(self) -> dict[str, Any]:
        return {
            "proxy": self.credentials.proxy,
            "server_hostname": self.credentials.server_name,
            # A redirect of an API server leads to another program.
            "allow_redirects": False,
        }

    async def _reload(self) -> None:
        try:
            await self.credentials.load()
        except Exception as error:  # noqa: BLE001 - plugins fail in their own ways; the 401 stands
            logger.warning("The credentials could not be read again: %s", type(error).__name__)


async def _objects(response: aiohttp.ClientResponse) -> AsyncGenerator[Any, None]:
    lines = Lines()
    async for chunk in response.content.iter_any():
        for line in lines.feed(chunk):
            yield _loads(line)


def _parsed(response: aiohttp.ClientResponse, raw: bytes) -> Any:
    try:
        return _loads(raw) if raw else {}
    except NoAnswer:
        if response.status < 400:
            raise
        # Proxies in between refuse with a page of their own.
        return {"message": raw[:_SHOWN].decode(errors="replace").strip()}


def _loads(raw: bytes) -> Any:
    try:
        return orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise NoAnswer(f"the answer is not JSON: {error}") from error


def _words(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return str(error) or "no answer within the time limit"
    return str(error) or type(error).__name__
