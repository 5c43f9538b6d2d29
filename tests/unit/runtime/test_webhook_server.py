"""The webhook's server over real TLS: routes, sizes, faults, and a certificate that changes meanwhile."""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import ssl
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from coder_cva.certificates.chain import Chain, advanced
from coder_cva.runtime.tls import Tls
from coder_cva.runtime.webhook_server import DEPLOYMENT, NAMESPACE, WebhookServer
from harness import ports

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

REVIEW = {"request": {"namespace": "dev", "uid": "1"}}


def chain() -> Chain:
    return advanced(Chain.of({}), ("127.0.0.1",), datetime.now(UTC))


@pytest.fixture
def tls() -> Iterator[Tls]:
    made = Tls()
    yield made
    made.close()


@contextlib.asynccontextmanager
async def serving(tls: Tls, ask: Any) -> AsyncIterator[str]:
    port = ports.free(1)[0]
    server = WebhookServer(port, tls)(ask)
    await anext(server)
    try:
        yield f"https://127.0.0.1:{port}"
    finally:
        await server.aclose()  # type: ignore[attr-defined]


async def post(url: str, told: Chain, body: Any = REVIEW) -> tuple[int, Any]:
    trust = ssl.create_default_context(cadata=told.authorities)
    connector = aiohttp.TCPConnector(ssl=trust)
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(url, data=io.BytesIO(json.dumps(body).encode())) as answer,
    ):
        return answer.status, await answer.json(content_type=None) if answer.ok else None


async def echo(review: Any, *, webhook: str, headers: Any, sslpeer: Any) -> Any:
    return {"policy": webhook, "of": headers[DEPLOYMENT], "in": headers[NAMESPACE]}


async def test_the_path_says_which_policy_and_for_whom(tls: Tls) -> None:
    """And the review where the object is to be."""
    known = chain()
    tls.take(known.certificate, known.key)
    async with serving(tls, echo) as url:
        said = await post(f"{url}/coder-cva-placement/coder/prod", known)
        assert said == (200, {"policy": "coder-cva-placement", "of": "coder/prod", "in": "dev"})
        assert (await post(f"{url}/elsewhere", known))[0] == 404


async def test_a_pod_of_the_largest_size_is_taken(tls: Tls) -> None:
    """The API server takes requests of three megabytes, and so must we."""
    known = chain()
    tls.take(known.certificate, known.key)
    large = {"request": {**REVIEW["request"], "object": "x" * 3 * 2**20}}
    async with serving(tls, echo) as url:
        assert (await post(f"{url}/p/a/b", known, large))[0] == 200


async def test_a_fault_is_an_answer_that_the_api_server_ignores(tls: Tls) -> None:
    """No answer would let it wait."""
    known = chain()
    tls.take(known.certificate, known.key)

    async def broken(*_: Any, **__: Any) -> Any:
        raise RuntimeError

    async with serving(tls, broken) as url:
        assert (await post(f"{url}/p/a/b", known))[0] == 400
        assert (await post(f"{url}/p/a/b", known, ["no review"]))[0] == 400


async def test_a_new_certificate_holds_for_the_next_connection(tls: Tls) -> None:
    """Without a moment in which nobody listens."""
    first, second = chain(), chain()
    tls.take(first.certificate, first.key)
    async with serving(tls, echo) as url:
        assert (await post(f"{url}/p/a/b", first))[0] == 200
        tls.take(second.certificate, second.key)
        assert (await post(f"{url}/p/a/b", second))[0] == 200
        with pytest.raises(aiohttp.ClientConnectorCertificateError):
            await post(f"{url}/p/a/b", first)


async def test_it_waits_for_its_first_certificate(tls: Tls) -> None:
    """Nobody is answered by a server that nobody would believe."""
    known = chain()
    port = ports.free(1)[0]
    server = WebhookServer(port, tls)(echo)
    starting = asyncio.ensure_future(anext(server))
    await asyncio.sleep(0.05)
    assert not starting.done()
    tls.take(known.certificate, known.key)
    await starting
    assert (await post(f"https://127.0.0.1:{port}/p/a/b", known))[0] == 200
    await server.aclose()  # type: ignore[attr-defined]


async def test_halves_of_two_certificates_are_not_taken(tls: Tls) -> None:
    """What was served before is served on."""
    known = chain()
    with pytest.raises(ssl.SSLError):
        tls.take(known.certificate, chain().key)
    assert not tls.is_ready
    tls.take(known.certificate, known.key)
    async with serving(tls, echo) as url:
        with pytest.raises(ssl.SSLError):
            tls.take(chain().certificate, known.key)
        assert (await post(f"{url}/p/a/b", known))[0] == 200
