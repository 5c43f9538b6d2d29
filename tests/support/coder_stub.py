"""A stub of Coder's API: shaped after Coder's documentation, with every fault that a server has.

It is no Coder: it answers what a test put into it, in the shapes of Coder's API reference (the pages
general, enterprise, organizations, provisioning, templates, users, workspaces, debug and authorization).
Like Coder it leaves out of lists, without a word, what the token's account may not see.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

Fault = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = dict[str, Any]

TOKEN = "sTubTokEn1-oNlyForTheStubOfTheTests"
ORGANIZATION = "7c60d51f-b44e-4682-87d6-449835ea4de6"
LICENSED = (
    "high_availability",
    "external_provisioner_daemons",
    "workspace_proxy",
    "multiple_organizations",
    "access_control",
)
KINDS = frozenset({"user", "template", "workspace", "provisioner_daemon", "organization"})


@dataclass
class CoderStub:
    """What the server holds. ``faults`` stand before the answers, by path below ``/api/v2/``."""

    version: str = "v2.30.1+9a1b2c3"
    features: dict[str, str] = field(default_factory=lambda: dict.fromkeys(LICENSED, "entitled"))
    options: list[Body] = field(default_factory=list)
    users: list[Body] = field(default_factory=list)
    templates: list[Body] = field(default_factory=list)
    workspaces: list[Body] = field(default_factory=list)
    daemons: list[Body] = field(default_factory=list)
    jobs: list[Body] = field(default_factory=list)
    proxies: list[Body] = field(default_factory=list)
    replicas: list[Body] = field(default_factory=list)
    sees: frozenset[str] = KINDS
    """What the token's account may read of all of Coder, by type."""
    is_owner: bool = True
    """Whether its account is an Owner: health, replicas and the queue are for nobody else."""
    faults: dict[str, Fault] = field(default_factory=dict)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    """Method, path with its query, and the token that came with it."""
    port: int = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """One request."""
        token = request.headers.get("Coder-Session-Token", "")
        self.requests.append((request.method, request.path_qs, token))
        path = request.path.removeprefix("/api/v2/")
        fault = self.faults.get(path) or self.faults.get("*")
        if fault is not None:
            return await fault(request)
        if token != TOKEN and path != "buildinfo":
            return refused(401, "You are signed out or your session has expired.")
        if path == "authcheck" and request.method == "POST":
            return web.json_response(self._checked(await request.json()))
        answer = self._answer(path, dict(request.query))
        return refused(404, "Route not found.") if answer is None else web.json_response(answer)

    def _checked(self, body: Body) -> Body:
        return {
            name: one["action"] == "read" and one["object"]["resource_type"] in self.sees
            for name, one in body["checks"].items()
        }

    def _answer(self, path: str, query: dict[str, str]) -> Any:
        words = dict(one.split(":", 1) for one in query.get("q", "").split())
        home = f"organizations/{ORGANIZATION}/"
        if path in ("debug/health", "replicas", home + "provisionerjobs") and not self.is_owner:
            return None
        answers: dict[str, Callable[[], Any]] = {
            "buildinfo": lambda: {"version": self.version, "deployment_id": "stub"},
            "entitlements": self._entitlements,
            "deployment/config": lambda: {"config": {}, "options": self.options},
            "debug/health": lambda: {
                "healthy": True,
                "severity": "ok",
                "database": {"severity": "warning", "warnings": [{"code": "EDB02", "message": ""}]},
                "access_url": {"severity": "ok", "warnings": []},
            },
            "replicas": lambda: self.replicas,
            "workspaceproxies": lambda: {"regions": [{"name": "primary"}, *self.proxies]},
            "organizations": lambda: [{"id": ORGANIZATION, "name": "coder", "is_default": True}],
            home + "provisionerdaemons": lambda: self._shown("provisioner_daemon", self.daemons),
            home + "provisionerjobs": lambda: [
                one for one in self.jobs if one["status"] == query["status"]
            ],
            "templates": lambda: self._shown("template", self.templates),
            "users": lambda: self._page(
                "users", self._shown("user", [u for u in self.users if _is_user(u, words)]), query
            ),
            "workspaces": lambda: self._page("workspaces", self._workspaces(words), query),
        }
        return answers[path]() if path in answers else None

    def _entitlements(self) -> Body:
        return {
            "errors": [],
            "features": {
                name: {"entitlement": said, "enabled": said == "entitled"}
                for name, said in self.features.items()
            },
            "has_license": "entitled" in self.features.values(),
            "trial": False,
            "warnings": [],
        }

    def _shown(self, kind: str, items: list[Body]) -> list[Body]:
        return items if kind in self.sees else []

    def _workspaces(self, words: dict[str, str]) -> list[Body]:
        wanted = {
            "owner": "owner_name",
            "template": "template_name",
            "status": "status",
            "outdated": "outdated",
            "has-agent": "agent",
        }
        found = [
            one
            for one in self.workspaces
            if all(_said(one, wanted[key]) == value for key, value in words.items())
        ]
        return self._shown("workspace", found)

    @staticmethod
    def _page(name: str, items: list[Body], query: dict[str, str]) -> Body:
        begin, limit = int(query.get("offset", "0")), int(query.get("limit", "0"))
        page = items[begin : begin + limit] if limit else items[begin:]
        return {"count": len(items), name: page}


def _said(workspace: Body, key: str) -> str:
    """What a filter compares; a workspace that is stopped has no agent."""
    if key != "agent":
        return str(workspace[key]).lower()
    (resource,) = workspace["latest_build"]["resources"]
    return str(resource["agents"][0]["status"]) if workspace["status"] == "running" else ""


def _is_user(user: Body, words: dict[str, str]) -> bool:
    roles = {one["name"] for one in user["roles"]}
    return words.get("role") in {None, *roles} and words.get("status") in (None, user["status"])


def user(name: str, *roles: str, status: str = "active", service: bool = False) -> Body:
    """An account, as a list of users shows it."""
    return {
        "id": _id("user", name),
        "username": name,
        "email": f"{name}@example.com",
        "name": name.title(),
        "status": status,
        "is_service_account": service,
        "roles": [{"name": one, "display_name": one} for one in roles],
    }


def template(name: str, *, active: bool = False, deprecated: bool = False) -> Body:
    """A template; ``active`` requires the active version of its workspaces."""
    return {
        "id": _id("template", name),
        "name": name,
        "organization_id": ORGANIZATION,
        "organization_name": "coder",
        "require_active_version": active,
        "deprecated": deprecated,
        "deleted": False,
        "autostop_requirement": {"days_of_week": [], "weeks": 0},
        "activity_bump_ms": 3_600_000,
    }


def workspace(
    owner: str,
    template_name: str,
    *,
    outdated: bool = False,
    status: str = "running",
    agent: str = "connected",
) -> Body:
    """A workspace with one agent, by whose status it can be asked for while it is started (has-agent)."""
    return {
        "id": str(uuid.uuid4()),
        "name": "dev",
        "owner_name": owner,
        "template_name": template_name,
        "outdated": outdated,
        "status": status,
        "automatic_updates": "never",
        "latest_build": {"resources": [{"agents": [{"name": "main", "status": agent}]}]},
    }


def daemon(status: str = "idle", key: str = "ci", **tags: str) -> Body:
    """A provisioner."""
    return {
        "id": str(uuid.uuid4()),
        "name": "provisioner",
        "status": status,
        "key_name": key,
        "version": "v2.30.1",
        "tags": {"scope": "organization", "owner": "", **tags},
    }


def job(status: str = "pending") -> Body:
    """A build or an import."""
    return {"id": str(uuid.uuid4()), "status": status, "type": "workspace_build", "tags": {}}


def proxy(name: str, status: str = "ok") -> Body:
    """A workspace proxy."""
    return {"id": _id("proxy", name), "name": name, "deleted": False, "status": {"status": status}}


def _id(kind: str, name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{kind}/{name}"))


def refused(status: int, message: str) -> web.Response:
    """A refusal in the shape of codersdk.Response."""
    return web.json_response({"message": message, "detail": ""}, status=status)


def refuses(status: int, message: str = "Something went wrong.") -> Fault:
    """401, 403, 404 of an older version, 429, 5xx."""

    async def fault(_request: web.Request) -> web.StreamResponse:
        return refused(status, message)

    return fault


def stalls(seconds: float = 60.0) -> Fault:
    """It takes the request and says nothing."""

    async def fault(_request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.json_response({})

    return fault


def says(raw: bytes, content_type: str = "application/json", status: int = 200) -> Fault:
    """Bytes as they are: no JSON, HTML of a login page, compressed ones."""

    async def fault(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=raw, content_type=content_type, status=status)

    return fault


def breaks_off() -> Fault:
    """Half of an answer, then the connection is gone."""

    async def fault(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Length": "1000"})
        response.content_type = "application/json"
        await response.prepare(request)
        await response.write(b'{"features": {')
        assert request.transport is not None
        request.transport.close()
        return response

    return fault


def leads_to(url: str) -> Fault:
    """A redirect, as to the access URL or to a login page."""

    async def fault(_request: web.Request) -> web.StreamResponse:
        raise web.HTTPTemporaryRedirect(url)

    return fault


def floods(megabytes: int = 12) -> Fault:
    """More than anybody wants to read, without a length before it."""

    async def fault(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        response.content_type = "application/json"
        await response.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(megabytes):
                await response.write(b" " * 1024 * 1024)
        return response

    return fault


@contextlib.asynccontextmanager
async def serving(stub: CoderStub | None = None) -> AsyncIterator[CoderStub]:
    """The stub on a port of 127.0.0.1 while the context is open."""
    made = stub or CoderStub()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.handle)
    runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=0.1)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", made.port)
        await site.start()
        made.port = runner.addresses[0][1]
        yield made
    finally:
        await runner.cleanup()


@contextlib.contextmanager
def in_background(stub: CoderStub) -> Iterator[CoderStub]:
    """The stub in a thread of its own, for tests that wait themselves; what it holds may be replaced meanwhile."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    context = serving(stub)
    try:
        asyncio.run_coroutine_threadsafe(context.__aenter__(), loop).result(10)
        try:
            yield stub
        finally:
            asyncio.run_coroutine_threadsafe(context.__aexit__(None, None, None), loop).result(10)
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
