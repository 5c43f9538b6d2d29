"""The one connection: credentials, limits of time, what is never logged."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import TYPE_CHECKING, Any

import kopf
import pytest

from coder_cva.kube import credentials as module
from coder_cva.kube.connection import Answer, Connection, NoAnswer, Refused
from coder_cva.kube.credentials import Credentials
from support.api_server import answer, kubeconfig, refuse, watched

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

    from support.api_server import FakeApi


async def opened(path: str, **options: Any) -> Connection:
    """A connection by a kubeconfig."""
    credentials = Credentials(path, clock=options.pop("clock", time.monotonic))
    await credentials.load()
    return Connection(credentials, **options)


async def test_a_request_carries_what_it_should(api: FakeApi, connection: Connection) -> None:
    """Token, agent, content type, parameters and body arrive; the answer is parsed."""
    api.others = [answer({"a": 1}, 201)]

    got = await connection.request("POST", "/apis/x/y%3Az", params={"q": "a=b"}, body={"b": 2})

    method, path, query, headers, body = api.requests[0]
    assert got == Answer(201, {"a": 1})
    assert (method, path, query, body) == ("POST", "/apis/x/y:z", {"q": "a=b"}, {"b": 2})
    assert headers["Authorization"] == "Bearer t0ken-first"
    assert headers["User-Agent"].startswith("coder-cva-operator/")
    assert headers["Content-Type"] == "application/json"


async def test_a_refusal_is_an_answer(api: FakeApi, connection: Connection) -> None:
    """A refusal does not raise, whether a Kubernetes Status or a proxy's page."""

    async def page(_request: web.Request) -> web.Response:
        return web_response("<h1>Bad Gateway</h1>")

    api.others = [refuse(409, "conflict"), page]

    assert (await connection.request("GET", "/")).message == "conflict"
    assert (await connection.request("GET", "/")).message == "<h1>Bad Gateway</h1>"


def web_response(text: str, status: int = 502) -> web.Response:
    """A page that is no JSON."""
    from aiohttp import web as server  # noqa: PLC0415

    return server.Response(text=text, status=status)


async def test_a_success_that_is_no_json_is_no_answer(api: FakeApi, connection: Connection) -> None:
    """A captive portal's 200 is not taken for an API server's."""

    async def page(_request: web.Request) -> web.Response:
        return web_response("<h1>Welcome</h1>", 200)

    api.others = [page]

    with pytest.raises(NoAnswer, match="not JSON"):
        await connection.request("GET", "/")


async def test_a_slow_api_server_is_given_up(api: FakeApi, connection: Connection) -> None:
    """An answer that takes longer than allowed is none."""
    given_up = asyncio.Event()

    async def slow(_request: web.Request) -> web.Response:
        await given_up.wait()
        return web_response("{}")

    api.others = [slow]
    try:
        with pytest.raises(NoAnswer):
            await connection.request("GET", "/", timeout=0.2)
    finally:
        given_up.set()


async def test_a_frozen_api_server_is_given_up(tmp_path: Path) -> None:
    """A socket that accepts and never answers, as a stopped process has, costs the time limit."""
    with socket.create_server(("127.0.0.1", 0)) as deaf:
        path = kubeconfig(tmp_path / "k", deaf.getsockname()[1], {"token": "t"})
        async with await opened(path, timeout=0.2) as connection:
            with pytest.raises(NoAnswer):
                await connection.request("GET", "/")


async def test_no_api_server_is_no_answer(tmp_path: Path) -> None:
    """A refused connection is told as such."""
    with socket.create_server(("127.0.0.1", 0)) as used:
        port = used.getsockname()[1]
    async with await opened(kubeconfig(tmp_path / "k", port, {"token": "t"})) as connection:
        with pytest.raises(NoAnswer, match=r"(?i)connect"):
            await connection.request("GET", "/")
        with pytest.raises(NoAnswer):
            async with connection.stream("/", params={"watch": "1"}, accept="x", silence=1):
                pass


async def test_a_refused_stream_is_told(api: FakeApi, connection: Connection) -> None:
    """A watch that is not granted raises with the answer."""
    api.watches = [refuse(403, "no watch")]

    with pytest.raises(Refused, match="no watch") as refused:
        async with connection.stream("/", params={"watch": "1"}, accept="x", silence=1):
            pass

    assert refused.value.answer.status == 403


async def test_a_stream_gives_objects(api: FakeApi, connection: Connection) -> None:
    """Lines come out parsed, until the server ends."""
    api.watches = [watched({"a": 1}, {"b": 2})]

    async with connection.stream("/", params={"watch": "1"}, accept="x", silence=1) as objects:
        got = [one async for one in objects]

    assert got == [{"a": 1}, {"b": 2}]


async def test_a_withdrawn_token_is_read_again(api: FakeApi, tmp_path: Path) -> None:
    """After a 401 the kubeconfig is read anew and the request made once more, not for ever."""
    api.others = [refuse(401), answer({}), refuse(401)]
    path = kubeconfig(tmp_path / "k", api.port, {"token": "old"})
    async with await opened(path) as connection:
        kubeconfig(tmp_path / "k", api.port, {"token": "new"})

        assert (await connection.request("GET", "/")).ok
        assert [one[3]["Authorization"] for one in api.requests] == ["Bearer old", "Bearer new"]

        assert (await connection.request("GET", "/")).status == 401
        assert len(api.requests) == 4


async def test_a_token_file_that_rotates(api: FakeApi, tmp_path: Path) -> None:
    """A token file is read again after a minute, without any refusal."""
    api.others = [answer({})]
    token = tmp_path / "token"
    token.write_text("one")
    now = [0.0]
    path = kubeconfig(tmp_path / "k", api.port, {"tokenFile": str(token)})
    async with await opened(path, clock=lambda: now[0]) as connection:
        await connection.request("GET", "/")
        token.write_text("two\n")
        await connection.request("GET", "/")
        now[0] += module.REFRESH
        await connection.request("GET", "/")

    sent = [one[3]["Authorization"] for one in api.requests]
    assert sent == ["Bearer one", "Bearer one", "Bearer two"]


async def test_an_exec_plugin_is_asked(api: FakeApi, tmp_path: Path) -> None:
    """A kubeconfig with an exec plugin uses the token that it prints."""
    api.others = [answer({})]
    credential = (
        '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential",'
        '"status":{"token":"from-plugin"}}'
    )
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": "echo",
        "args": [credential],
    }
    path = kubeconfig(tmp_path / "k", api.port, {"exec": plugin})
    async with await opened(path) as connection:
        await connection.request("GET", "/")

    assert api.requests[0][3]["Authorization"] == "Bearer from-plugin"


async def test_neither_token_nor_body_is_logged(
    api: FakeApi, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """At the most talkative level no credential and no body gets into the log."""
    caplog.set_level(logging.DEBUG)
    api.others = [answer({"data": {"key": "c2VjcmV0LXZhbHVl"}}), refuse(401)]

    await connection.request("PATCH", "/", body={"stringData": {"a": "secret-body"}})
    await connection.request("GET", "/")

    ours = "\n".join(one.getMessage() for one in caplog.records)
    assert "GET /: 401" in ours
    for secret in ("t0ken", "secret-body", "c2VjcmV0LXZhbHVl"):
        assert secret not in ours


async def test_what_kopf_is_told(connection: Connection, api: FakeApi) -> None:
    """kopf gets the same server and user, in the words of its ConnectionInfo."""
    info = kopf.ConnectionInfo(**await connection.kopf_info())

    assert info.server == f"http://127.0.0.1:{api.port}"
    assert info.as_http_headers() == {"Authorization": "Bearer t0ken-first"}
