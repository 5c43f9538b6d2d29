"""One request to Coder's API, and every way in which a server can fail to answer it."""

from __future__ import annotations

import asyncio
import gzip
import ssl
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from coder_cva.coder_api import client, refusals
from coder_cva.coder_api.client import Client
from coder_cva.snapshot.coder_seen import Unseen
from coder_cva.values.addresses import is_remote
from support import coder_stub
from support.coder_stub import TOKEN

if TYPE_CHECKING:
    from support.coder_stub import Fault

PATH = "entitlements"


async def asked(fault: Fault | None, path: str = PATH, token: str = TOKEN) -> Any:
    """What one request gives, of a server with this fault."""
    async with coder_stub.serving() as stub, client.opened(stub.url, token) as opened:
        if fault is not None:
            stub.faults["*"] = fault
        return await opened.get(path)


async def test_an_answer_is_given_as_it_is() -> None:
    """Parsed, and with the token in the header that Coder's reference names."""
    async with coder_stub.serving() as stub, client.opened(stub.url + "/", TOKEN) as opened:
        body = await opened.get("users", {"q": "role:owner status:active", "limit": "1"})

    assert body == {"count": 0, "users": []}
    assert stub.requests == [("GET", "/api/v2/users?q=role:owner+status:active&limit=1", TOKEN)]


@pytest.mark.parametrize(
    ("fault", "reason", "words"),
    [
        (coder_stub.refuses(401), "Unauthorized", ["put a new one", "coder tokens create"]),
        (coder_stub.refuses(403, "You lack it."), "Forbidden", ["You lack it.", "Auditor"]),
        (coder_stub.refuses(404), "NotServed", ["version or build", "may not see it"]),
        (coder_stub.refuses(429), "TooManyRequests", ["CODER_API_RATE_LIMIT"]),
        (coder_stub.refuses(500), "ServerError", ["500", "Something went wrong."]),
        (coder_stub.says(b"<html>", "text/html", 503), "ServerError", ["503"]),
        (
            coder_stub.says(b"<html>", "text/html"),
            "NotUnderstood",
            ["text/html", "spec.coderAPI.url"],
        ),
        (coder_stub.says(b"{no"), "NotUnderstood", ["calls itself JSON"]),
        (coder_stub.says(b""), "NotUnderstood", ["calls itself JSON"]),
        (coder_stub.says(gzip.compress(b"{}")), "NotUnderstood", ["calls itself JSON"]),
        (coder_stub.says(b"[" * 100_000), "NotUnderstood", ["calls itself JSON"]),
        (coder_stub.breaks_off(), "Truncated", ["broke off"]),
        (coder_stub.floods(), "TooLarge", ["8 MiB"]),
    ],
)
async def test_why_there_is_no_answer(fault: Fault, reason: str, words: list[str]) -> None:
    """Each fault in its own words, with what helps; none of them holds the token."""
    found = await asked(fault)

    assert isinstance(found, Unseen)
    assert found.reason == reason
    assert all(word in found.message for word in words), found.message
    assert TOKEN not in found.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
async def test_the_own_machine_is_not_asked(host: str) -> None:
    """However it is written: not even whether something listens there is told."""
    async with coder_stub.serving() as stub:
        url = stub.url.replace("127.0.0.1", host)
        async with client.opened(url, TOKEN, is_remote) as opened:
            found = await opened.get(PATH)

    assert (found.reason, stub.requests) == ("LocalAddress", [])
    assert "the operator's own Pod or node" in found.message


async def test_a_redirect_is_told_and_not_followed() -> None:
    """The token would go to whoever the server names."""
    async with coder_stub.serving() as other, coder_stub.serving() as stub:
        stub.faults["*"] = coder_stub.leads_to(f"{other.url}/login?next=secret")
        async with client.opened(stub.url, TOKEN) as opened:
            found = await opened.get(PATH)

    assert found.reason == "Redirected"
    assert f"{other.url}/login, where the token is not sent" in found.message
    assert "secret" not in found.message
    assert other.requests == []


async def test_all_answers_together_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of them may be small enough."""
    monkeypatch.setattr(client, "LOOK_BYTES", 2500)
    async with coder_stub.serving() as stub, client.opened(stub.url, TOKEN) as opened:
        stub.faults["*"] = coder_stub.says(b"[" + b" " * 1000 + b"]")
        found = [await opened.get(PATH) for _ in range(3)]

    assert found[:2] == [[], []]
    assert found[2].reason == "TooLarge"


async def test_a_server_that_stalls_is_left() -> None:
    """After the time of one request, and after that of the whole look all others at once."""
    async with coder_stub.serving() as stub, aiohttp.ClientSession() as session:
        stub.faults[PATH] = coder_stub.stalls()
        coder = Client(session, stub.url, request_seconds=0.1, look_seconds=0.25)
        found = [await coder.get(PATH) for _ in range(4)]

    assert {one.reason for one in found} == {"Slow"}
    assert "within the time for /api/v2/entitlements, 0.1 s" in found[0].message
    assert "all of a look, 0.25 s" in found[-1].message
    assert len(stub.requests) == 3


async def test_requests_wait_for_their_turn() -> None:
    """Coder has others to serve, and counts what one account asks."""
    now, most = 0, 0

    async def counted(_request: Any) -> Any:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0.02)
        now -= 1
        return coder_stub.refused(500, "")

    async with coder_stub.serving() as stub, client.opened(stub.url, TOKEN) as opened:
        stub.faults["*"] = counted
        await asyncio.gather(*(opened.get(PATH) for _ in range(20)))

    assert most == client.AT_ONCE


async def test_nobody_there() -> None:
    """No port, no host, no URL: the remedy is the same."""
    async with coder_stub.serving() as stub:
        port = stub.port
    for url in (f"http://127.0.0.1:{port}", "http://no-such-host.invalid", "http://h:99999"):
        async with client.opened(url, TOKEN) as opened:
            found = await opened.get(PATH)

        assert found.reason == "Unreachable", url
        assert "spec.coderAPI.url" in found.message


async def test_the_proxy_of_the_environment_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would see the token."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")

    assert await asked(None) == coder_stub.CoderStub()._entitlements()


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (ssl.SSLCertVerificationError("self-signed"), "TLS"),
        (ConnectionResetError(), "Unreachable"),
        (aiohttp.ServerDisconnectedError(), "Unreachable"),
        (aiohttp.ClientPayloadError(), "Truncated"),
    ],
)
def test_errors_of_the_connection(error: Exception, reason: str) -> None:
    """Those that no server of a test makes."""
    assert refusals.no_answer("https://coder.example.com", error).reason == reason
