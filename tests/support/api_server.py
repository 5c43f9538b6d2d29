"""A small API server in the test's own process: it answers what a test tells it to."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path
    from typing import TypeAlias

    Handler: TypeAlias = Callable[[web.Request], Awaitable[web.StreamResponse]]


def answer(body: Any, status: int = 200) -> Handler:
    """A handler that answers JSON."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        return web.json_response(body, status=status)

    return handle


def refuse(status: int, message: str = "no", **rest: Any) -> Handler:
    """A handler that refuses as an API server does."""
    body = {"kind": "Status", "status": "Failure", "code": status, "message": message, **rest}
    return answer(body, status)


def listed(*objects: dict[str, Any], version: str = "1", token: str = "") -> Handler:
    """A handler that gives one page of a list."""
    return answer({"items": list(objects), "metadata": {"resourceVersion": version, "continue": token}})  # fmt: skip


def watched(*events: Any, stay: float = 0.0, drop: bool = False) -> Handler:
    """A handler that streams events (bytes go out as they are), then stays, drops or ends."""

    async def handle(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for event in events:
            raw = event if isinstance(event, bytes) else json.dumps(event).encode() + b"\n"
            await response.write(raw)
        await asyncio.sleep(stay)
        if drop and request.transport is not None:
            request.transport.close()
        return response

    return handle


def obj(name: str, namespace: str = "ns", version: str = "1", **rest: Any) -> dict[str, Any]:
    """An object with metadata."""
    return {"metadata": {"name": name, "namespace": namespace, "resourceVersion": version}, **rest}


def event(kind: str, raw: dict[str, Any]) -> dict[str, Any]:
    """A watch event."""
    return {"type": kind, "object": raw}


@dataclass
class FakeApi:
    """Scripts of answers; the last one of each repeats. Requests are kept as they came."""

    lists: list[Handler] = field(default_factory=list)
    watches: list[Handler] = field(default_factory=list)
    others: list[Handler] = field(default_factory=list)
    requests: list[tuple[str, str, dict[str, str], dict[str, str], Any]] = field(
        default_factory=list
    )
    port: int = 0

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Keeps the request and plays the next answer of its script."""
        raw = await request.read()
        body = json.loads(raw) if raw else None
        query = dict(request.query)
        self.requests.append((request.method, request.path, query, dict(request.headers), body))
        script = self.watches if "watch" in query else self.lists or self.others
        handler = script.pop(0) if len(script) > 1 else script[0]
        return await handler(request)

    @property
    def asked(self) -> list[dict[str, str]]:
        """The query of every request, in order."""
        return [one[2] for one in self.requests]


def kubeconfig(path: Path, port: int, user: dict[str, Any]) -> str:
    """Writes a kubeconfig (JSON is YAML) and returns its path."""
    config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "contexts": [{"name": "c", "context": {"cluster": "k", "user": "u"}}],
        "clusters": [{"name": "k", "cluster": {"server": f"http://127.0.0.1:{port}/"}}],
        "users": [{"name": "u", "user": user}],
    }
    path.write_text(json.dumps(config))
    return str(path)


async def until(condition: Callable[[], Any], limit: float = 120.0) -> None:
    """Waits until something holds; fails the test where it does not in time (seconds).

    The limit is for what never comes: it says nothing about how long anything may take.
    """
    async with asyncio.timeout(limit):
        while not condition():  # noqa: ASYNC110 - any condition, also of a fake
            await asyncio.sleep(0.005)


@contextlib.asynccontextmanager
async def background(run: Awaitable[Any]) -> AsyncIterator[asyncio.Task[Any]]:
    """Runs something while the context is open."""
    task = asyncio.ensure_future(run)
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[FakeApi]:
    """The fake API server, listening while the context is open."""
    fake = FakeApi()
    app = web.Application()
    app.router.add_route("*", "/{tail:.*}", fake.handle)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.port = runner.addresses[0][1]
    try:
        yield fake
    finally:
        await runner.cleanup()
