"""A look at Coder: what is asked for, what comes of it, and what an account that sees little must not make of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest

from coder_cva.coder_api import reading
from coder_cva.snapshot.coder_seen import (
    PARTS,
    CoderSeen,
    Daemon,
    Entitlements,
    Proxy,
    Replica,
    Template,
    TemplateAdmin,
    Unseen,
)
from support import coder_stub
from support.coder_stub import ORGANIZATION, TOKEN, CoderStub

if TYPE_CHECKING:
    from support.coder_stub import Fault

ALL = set(PARTS)


def busy() -> CoderStub:
    """A Coder with a bit of everything."""
    return CoderStub(
        options=[{"env": "CODER_PROVISIONER_DAEMONS", "value": 0}],
        users=[
            coder_stub.user("root", "owner"),
            coder_stub.user("alice"),
            coder_stub.user("bob", status="dormant"),
            coder_stub.user("templates", "template-admin", service=True),
            coder_stub.user("carol", "template-admin", "user-admin"),
            coder_stub.user("gone", "template-admin", status="suspended"),
        ],
        templates=[
            coder_stub.template("python"),
            coder_stub.template("go", active=True),
            coder_stub.template("old", deprecated=True),
        ],
        workspaces=[
            coder_stub.workspace("alice", "python", outdated=True),
            coder_stub.workspace("carol", "python", outdated=True, status="stopped"),
            coder_stub.workspace("carol", "go", outdated=True, agent="disconnected"),
            coder_stub.workspace("alice", "go", agent="timeout"),
            coder_stub.workspace("alice", "go", agent="connecting"),
            coder_stub.workspace("carol", "go", agent="disconnected", status="stopped"),
        ],
        daemons=[coder_stub.daemon(), coder_stub.daemon("offline", "built-in")],
        jobs=[coder_stub.job(), coder_stub.job(), coder_stub.job("running")],
        proxies=[coder_stub.proxy("sydney"), coder_stub.proxy("oslo", "unreachable")],
        replicas=[{"hostname": "coder-a", "error": ""}],
    )


async def look(stub: CoderStub, token: str = TOKEN) -> CoderSeen:
    """One look at it."""
    async with coder_stub.serving(stub):
        return await reading.seen(stub.url, token)


def unseen(seen: CoderSeen) -> dict[str, str]:
    """The parts that were not seen, with their reasons."""
    found = {name: getattr(seen, name) for name in ALL}
    return {name: one.reason for name, one in found.items() if isinstance(one, Unseen)}


async def test_all_is_seen_with_the_token_of_an_owner() -> None:
    """Every part, in the words of the project."""
    seen = await look(busy())

    assert unseen(seen) == {}
    assert seen.version == "2.30.1+9a1b2c3"
    assert isinstance(seen.entitlements, Entitlements)
    assert seen.entitlements.feature("high_availability").is_licensed
    assert seen.options == {"CODER_PROVISIONER_DAEMONS": "0"}
    assert seen.replicas == (Replica("coder-a"),)
    tags = {"scope": "organization", "owner": ""}
    assert seen.daemons == (
        Daemon("idle", "ci", "v2.30.1", tags),
        Daemon("offline", "built-in", "v2.30.1", tags),
    )
    assert (seen.pending_jobs, seen.running_jobs) == (2, 1)
    assert (seen.owners, seen.users, seen.running_workspaces) == (1, 4, 4)
    assert seen.lost_agents == 2
    assert seen.templates == (
        Template("go", "coder", requires_active_version=True),
        Template("python", "coder", outdated=2),
    )
    assert seen.proxies == (Proxy("oslo", "unreachable"), Proxy("sydney", "ok"))
    assert seen.template_admins == (
        TemplateAdmin(frozenset({"template-admin"}), is_service_account=True, workspaces=0),
        TemplateAdmin(frozenset({"template-admin", "user-admin"}), workspaces=3),
    )


async def test_nothing_of_a_person_is_kept() -> None:
    """Neither names nor addresses, and no token."""
    told = repr(await look(busy()))

    for word in ("alice", "carol", "example.com", TOKEN):
        assert word not in told


async def test_only_reading_requests_are_made() -> None:
    """The one POST asks what may be read."""
    stub = busy()
    await look(stub)

    posts = {path for method, path, _ in stub.requests if method != "GET"}
    assert posts == {"/api/v2/authcheck"}
    assert len(stub.requests) < 30
    assert {token for _, _, token in stub.requests} == {TOKEN}


async def test_an_account_that_sees_little_is_not_believed() -> None:
    """Coder answers such an account with empty lists: they are not taken for the truth."""
    stub = busy()
    stub.sees, stub.is_owner = frozenset(), False
    seen = await look(stub)

    hidden = unseen(seen)
    assert set(hidden) == ALL - {"version", "entitlements", "options", "proxies"}
    for name in (
        "templates",
        "users",
        "template_admins",
        "daemons",
        "running_workspaces",
        "lost_agents",
    ):
        assert hidden[name] == "Forbidden"
    assert isinstance(seen.templates, Unseen)
    assert "the roles Auditor and Template Admin" in seen.templates.message
    assert hidden["health"] == "NotServed"


async def test_an_auditor_and_template_admin_sees_what_the_rules_use() -> None:
    """All but what Coder shows to an Owner alone."""
    stub = busy()
    stub.is_owner = False

    assert set(unseen(await look(stub))) == {"health", "replicas", "pending_jobs", "running_jobs"}


async def test_without_the_right_to_workspaces_templates_are_seen_all_the_same() -> None:
    """How many workspaces stay behind is what lacks then."""
    stub = busy()
    stub.sees = stub.sees - {"workspace"}
    seen = await look(stub)

    assert not isinstance(seen.templates, Unseen)
    assert not isinstance(seen.template_admins, Unseen)
    counts = [one.outdated for one in seen.templates if not one.requires_active_version]
    assert [one.reason for one in counts if isinstance(one, Unseen)] == ["Forbidden"]
    assert all(isinstance(one.workspaces, Unseen) for one in seen.template_admins)


@pytest.mark.parametrize(
    ("path", "lost"),
    [
        ("entitlements", {"entitlements"}),
        ("deployment/config", {"options"}),
        ("debug/health", {"health"}),
        ("replicas", {"replicas"}),
        ("workspaceproxies", {"proxies"}),
        ("templates", {"templates"}),
        ("users", {"users", "owners", "template_admins"}),
        ("workspaces", {"running_workspaces", "lost_agents"}),
        ("organizations", {"daemons", "pending_jobs", "running_jobs"}),
        (f"organizations/{ORGANIZATION}/provisionerjobs", {"pending_jobs", "running_jobs"}),
    ],
)
@pytest.mark.parametrize(
    "fault", [coder_stub.refuses(403), coder_stub.refuses(404), coder_stub.breaks_off()]
)
async def test_one_endpoint_that_fails_takes_nothing_else_with_it(
    path: str, lost: set[str], fault: Fault
) -> None:
    """A refusal, an older version without the endpoint, a broken answer."""
    stub = busy()
    stub.faults[path] = fault

    assert set(unseen(await look(stub))) == lost


async def test_a_version_that_cannot_be_asked_for_rights() -> None:
    """Lists that may be a part of the truth are not asked for."""
    stub = busy()
    stub.faults["authcheck"] = coder_stub.refuses(404)

    assert unseen(await look(stub))["users"] == "NotServed"


@pytest.mark.parametrize("reason", ["Unauthorized", "Unreachable", "Redirected"])
async def test_what_stands_for_every_request_is_asked_once(reason: str) -> None:
    """A wrong token is not tried thirty times."""
    stub = busy()
    if reason == "Redirected":
        stub.faults["*"] = coder_stub.leads_to("https://coder.example.com")
    if reason == "Unreachable":
        seen = await reading.seen("http://127.0.0.1:1", TOKEN)
    else:
        seen = await look(stub, "another" if reason == "Unauthorized" else TOKEN)

    assert unseen(seen) == dict.fromkeys(ALL, reason)
    assert len(stub.requests) == (0 if reason == "Unreachable" else 1)


async def test_accounts_come_in_pages() -> None:
    """All pages of them; where there are too many to look at, that is said."""
    stub = CoderStub(users=[coder_stub.user(f"t{n}", "template-admin") for n in range(150)])
    seen = await look(stub)

    assert not isinstance(seen.template_admins, Unseen)
    assert len(seen.template_admins) == 150
    asked = [one for one in seen.template_admins if one.workspaces == 0]
    assert len(asked) == reading.MOST_ASKED
    stub.users = [coder_stub.user(f"t{n}", "template-admin") for n in range(1_001)]
    assert unseen(await look(stub))["template_admins"] == "TooMany"


@pytest.mark.parametrize("body", [b"[]", b"null", b"{}", b'[{"name": "coder"}]', b'["coder"]'])
async def test_without_organizations_nobody_is_taken_for_gone(body: bytes) -> None:
    """No daemon of no organization would read as: nobody builds."""
    stub = busy()
    stub.faults["organizations"] = coder_stub.says(body)
    hidden = unseen(await look(stub))

    assert hidden == dict.fromkeys(("daemons", "pending_jobs", "running_jobs"), "NotUnderstood")


async def test_a_list_that_ends_at_the_limit_is_not_taken_for_all() -> None:
    """There may be more behind it."""
    stub = busy()
    stub.jobs = [coder_stub.job()] * reading.MOST_LISTED

    assert unseen(await look(stub)) == {"pending_jobs": "TooMany"}


async def test_a_crowd_of_organizations_is_not_asked_one_by_one() -> None:
    """One answer must not become a hundred thousand requests."""
    stub = busy()
    crowd = [{"id": str(number)} for number in range(reading.MOST_ORGANIZATIONS + 1)]
    stub.faults["organizations"] = coder_stub.says(orjson.dumps(crowd))

    hidden = unseen(await look(stub))

    assert hidden == dict.fromkeys(("daemons", "pending_jobs", "running_jobs"), "TooMany")
    assert not [path for _, path, _ in stub.requests if "/organizations/" in path]
