"""Links are followed politely, within bounds, and nowhere but on the internet; the server here is local."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from coder_cva.web.visits import Visits

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

HERE = "127.0.0.1"
ASKED: list[tuple[str, str, str]] = []


def here(address: str) -> bool:
    """The test's own server stands for the internet."""
    return address == HERE


async def _answer(request: web.Request) -> web.StreamResponse:
    """What the path asks for."""
    ASKED.append((request.method, request.path, request.headers.get("User-Agent", "")))
    word, _, rest = request.path.strip("/").partition("/")
    if word == "slow":
        await asyncio.sleep(30)
    if word == "endless" and request.method == "GET":
        return await _endless(request)
    location = {"to": f"/{rest}", "away": request.query.get("to", ""), "round": "/round"}
    if word in location:
        return web.Response(status=302, headers={"Location": location[word]})
    refused = word in ("get-only", "endless") and request.method == "HEAD"
    return web.Response(status=405 if refused else int(rest or 200))


async def _endless(request: web.Request) -> web.StreamResponse:
    response = web.StreamResponse()
    await response.prepare(request)
    while True:
        await response.write(b"x" * 65_536)


@pytest.fixture
async def server() -> AsyncIterator[TestServer]:
    """A server that answers as the path says."""
    ASKED.clear()
    application = web.Application()
    application.router.add_route("*", "/{path:.*}", _answer)
    made = TestServer(application, host=HERE)
    await made.start_server()
    yield made
    await made.close()


def url(server: TestServer, path: str, host: str = HERE) -> str:
    """An address of the server."""
    return f"http://{host}:{server.port}{path}"


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 200),
        ("/status/204", 204),
        ("/status/404", 404),
        ("/status/503", 503),
        ("/get-only", 200),
        ("/to/status/410", 410),
        ("/to/to/get-only", 200),
        ("/status/304", 304),
        ("/endless", 200),
    ],
)
async def test_the_last_answer_counts(server: TestServer, path: str, status: int) -> None:
    """Over redirects, by HEAD and then by GET; no page is read to its end."""
    async with Visits(here) as visits:
        seen = await visits.visit(url(server, path))

    assert (seen.status, seen.reason) == (status, "")


async def test_a_head_that_is_answered_is_enough(server: TestServer) -> None:
    """Who asks is said."""
    async with Visits(here) as visits:
        await visits.visit(url(server, "/"))

    ((method, _, agent),) = ASKED
    assert method == "HEAD"
    assert agent.startswith("coder-cva-operator/")


@pytest.mark.parametrize(
    "to",
    [
        "http://10.96.0.1/",
        "http://169.254.169.254/latest/meta-data/",
        "http://[::1]/",
        "http://2130706433/",
        "//[::ffff:10.0.0.1]/",
    ],
)
async def test_no_redirect_leads_inside(server: TestServer, to: str) -> None:
    """Each hop is looked at; nothing is connected to."""
    async with Visits(here) as visits:
        seen = await visits.visit(url(server, f"/away?to={to}"))

    assert (seen.status, seen.reason) == (0, "Private")


async def test_a_name_that_leads_inside_is_not_asked(server: TestServer) -> None:
    """The address counts to which the name leads."""
    async with Visits(lambda _: False) as visits:
        by_name = await visits.visit(url(server, "/", host="localhost"))
        by_address = await visits.visit(url(server, "/"))

    assert by_name.reason == by_address.reason == "Private"
    assert "localhost leads to a private address" in by_name.words
    assert ASKED == []


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("/round", "more than 5 redirects"),
        ("/away?to=file:///etc/passwd", "a redirect to"),
        ("/away?to=ftp://files.corp.net/", "a redirect to ftp"),
        ("/away?to=http://me:secret@127.0.0.1/", "credentials"),
        ("/slow", "no answer within the time limit"),
    ],
)
async def test_what_is_not_followed(server: TestServer, path: str, words: str) -> None:
    """Rounds, other protocols, credentials of others, and servers that take their time."""
    async with Visits(here, seconds=0.5) as visits:
        seen = await visits.visit(url(server, path))

    assert (seen.status, seen.reason) == (0, "NotReached")
    assert words in seen.words


@pytest.mark.parametrize("target", ["", "http://", "https://[", "no url", "http://a\x00b/"])
async def test_no_text_raises(target: str) -> None:
    """Links are refused before they are asked; should one come through, nothing breaks."""
    async with Visits(here) as visits:
        assert (await visits.visit(target)).reason == "NotReached"


async def test_a_server_that_is_not_there(server: TestServer) -> None:
    """Refused, in the words of the system."""
    gone = url(server, "/")
    await server.close()

    async with Visits(here) as visits:
        seen = await visits.visit(gone)
    assert seen.reason == "NotReached"
    assert seen.words


async def test_all_of_them_in_their_order(server: TestServer) -> None:
    """A few at a time."""
    targets = [url(server, f"/status/{200 + number}") for number in range(9)]

    async with Visits(here) as visits:
        seen = await visits.all(targets)
    assert [one.target for one in seen] == targets
    assert [one.status for one in seen] == [200 + number for number in range(9)]
