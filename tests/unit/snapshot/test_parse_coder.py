"""Bodies of Coder's API in, what was seen out: no shape raises, and nothing half-understood passes for all."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import parse_coder
from coder_cva.snapshot.coder_seen import (
    NOT_READ,
    PARTS,
    CoderSeen,
    Daemon,
    Entitlements,
    Feature,
    Health,
    Proxy,
    Replica,
    Template,
    TemplateAdmin,
    Unseen,
    nothing,
)
from coder_cva.snapshot.parse_coder import coder_seen

ALL = PARTS
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
KEYS = st.sampled_from(
    ["features", "count", "users", "regions", "name", "id", "username", "roles", "status", "tags",
     "options", "env", "value", "severity", "warnings", "code", "hostname", "version", "deprecated"]
)  # fmt: skip
JSON = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=3), inner, max_size=4)
    ),
    max_leaves=12,
)
BODIES = st.dictionaries(
    st.sampled_from([*parse_coder.NAMES, "outdated", "workspaces_of"]), JSON, max_size=16
)


@given(BODIES)
def test_no_shape_raises(bodies: dict[str, Any]) -> None:
    """Whatever a server answers, every part is a value or says why there is none."""
    seen = coder_seen(bodies)

    assert all(getattr(seen, name) is not None for name in ALL)
    assert seen == coder_seen(bodies)


@given(st.lists(JSON, max_size=4))
def test_a_list_is_understood_as_a_whole_or_not_at_all(entries: list[Any]) -> None:
    """What is left of it would be taken for all."""
    found = parse_coder.replicas(entries)

    assert isinstance(found, Unseen) or len(found) == len(entries)


def test_what_was_not_asked_for_is_not_read() -> None:
    """Nothing stands for an answer."""
    assert coder_seen({}) == CoderSeen()
    assert {getattr(CoderSeen(), name) for name in ALL} == {NOT_READ}


def test_a_reason_is_handed_on() -> None:
    """For one part, for several answers of one part, and for all at once."""
    why = Unseen("Forbidden", "no")
    seen = coder_seen(
        {
            "entitlements": why,
            "templates": [{"id": "1", "name": "a"}, {"id": "2", "name": "b"}],
            "outdated": {"1": why, "2": {"count": 3}},
        }
    )

    assert seen.entitlements == why
    assert seen.templates == (Template("a", outdated=why), Template("b", outdated=3))
    assert {getattr(nothing("Slow", "late"), name).reason for name in ALL} == {"Slow"}


@pytest.mark.parametrize(
    ("said", "feature"),
    [
        ({"entitlement": "entitled", "enabled": True}, Feature("entitled", enabled=True)),
        ({"entitlement": "grace_period", "enabled": True}, Feature("grace_period", enabled=True)),
        ({"entitlement": "not_entitled"}, Feature()),
        ("yes", Feature()),
    ],
)
def test_a_feature_of_the_licence(said: Any, feature: Feature) -> None:
    """What coderd does not name is not in the licence; what it enables by itself is not licensed by that."""
    body = {"has_license": True, "features": {"high_availability": said}}
    found = parse_coder.entitlements(body)

    assert isinstance(found, Entitlements)
    assert found.has_license
    assert found.feature("high_availability") == feature
    assert found.feature("high_availability").is_licensed is (feature.entitlement != "not_entitled")
    assert not found.feature("another").is_licensed


@pytest.mark.parametrize(
    ("value", "kept"), [(3, "3"), ("3", "3"), (True, "true"), (None, None), ({"a": 1}, None)]
)
def test_settings_are_texts_and_only_those_that_are_looked_at(value: Any, kept: str | None) -> None:
    """An address, a secret, a setting of another type: none of it is kept."""
    name = "CODER_PROVISIONER_DAEMONS"
    others = [{"env": "CODER_PG_CONNECTION_URL", "value": "postgres://u:p@h/d"}, "no", {}]

    found = parse_coder.options({"options": [{"env": name, "value": value}, *others]})

    assert found == ({} if kept is None else {name: kept})


def test_the_health_of_every_section() -> None:
    """Its severity, and the codes of its warnings; its words are not kept, they hold addresses."""
    body = {
        "healthy": False,
        "severity": "warning",
        "database": {"severity": "warning", "warnings": [{"code": "EDB02"}, {"code": "EDB01"}]},
        "websocket": {"severity": "ok", "warnings": None},
        "time": "2026-01-01T00:00:00Z",
    }

    assert parse_coder.health(body) == Health(
        {"database": "warning", "websocket": "ok"},
        {"database": ("EDB01", "EDB02"), "websocket": ()},
    )


def test_lists_of_go_may_be_null() -> None:
    """An empty slice is written so; anything else that is no list is not understood."""
    assert parse_coder.daemons(None) == ()
    assert parse_coder.jobs(None) == 0
    assert parse_coder.template_admins({"users": None, "count": 0}) == ()
    for parse in (
        parse_coder.daemons,
        parse_coder.jobs,
        parse_coder.templates,
        parse_coder.proxies,
    ):
        assert isinstance(parse("no"), Unseen)


@pytest.mark.parametrize(
    ("tags", "takes"),
    [
        ({"scope": "organization", "owner": ""}, True),
        ({}, True),
        ({"scope": "user", "owner": "someone"}, False),
        ({"scope": "organization", "owner": "", "zone": "b"}, False),
    ],
)
def test_a_daemon_takes_jobs_without_tags_if_it_has_none(tags: dict[str, str], takes: bool) -> None:
    """The two that every daemon has are none."""
    assert Daemon("idle", tags=tags).takes_untagged is takes


@pytest.mark.parametrize(
    ("status", "connected"), [("idle", True), ("busy", True), ("offline", False), ("", False)]
)
def test_a_daemon_that_says_nothing_is_gone(status: str, connected: bool) -> None:
    """What an older version does not say counts as gone."""
    assert Daemon(status).is_connected is connected


def test_deprecated_templates_are_no_longer_in_use() -> None:
    """Nor are deleted ones; the others come in the order of their names."""
    body = [
        {"id": "3", "name": "c", "require_active_version": True, "organization_name": "ops"},
        {"id": "1", "name": "a", "deprecated": True},
        {"id": "2", "name": "b", "deleted": True},
    ]

    assert parse_coder.templates(body) == (Template("c", "ops", requires_active_version=True),)
    assert isinstance(parse_coder.templates([*body, {"id": "4"}]), Unseen)


@pytest.mark.parametrize("wrap", [lambda it: it, lambda it: [it]])
def test_proxies_without_the_primary(wrap: Any) -> None:
    """coderd lists itself among them; the reference shows a list around what is answered."""
    proxy = {"name": "oslo", "status": {"status": "unhealthy"}}
    gone = {"name": "gone", "deleted": True}
    body = wrap({"regions": [{"name": "primary", "healthy": True}, proxy, gone]})

    assert parse_coder.proxies(body) == (Proxy("oslo", "unhealthy"),)


def test_accounts_are_told_by_their_roles() -> None:
    """Suspended ones administer nothing."""

    def user(name: str, **rest: Any) -> dict[str, Any]:
        return {"username": name, "roles": [{"name": "template-admin"}], **rest}

    body = [user("a"), user("b", status="suspended"), user("c", is_service_account=True)]

    assert parse_coder.template_admins(body, {"a": {"count": 2}}) == (
        TemplateAdmin(frozenset({"template-admin"}), workspaces=2),
        TemplateAdmin(frozenset({"template-admin"}), is_service_account=True),
    )


@pytest.mark.parametrize("body", [{"count": -1}, {"count": True}, {"count": "3"}, {}, None, 3])
def test_a_number_is_a_whole_one(body: Any) -> None:
    """Anything else is none."""
    assert isinstance(parse_coder.count(body), Unseen)


def test_the_version_has_no_v() -> None:
    """As everywhere in the project."""
    assert parse_coder.version({"version": "v2.30.1+abc"}) == "2.30.1+abc"
    assert isinstance(parse_coder.version({"version": ""}), Unseen)
    assert parse_coder.replicas([{"hostname": "a", "error": "dial"}]) == (Replica("a", "dial"),)


def test_what_a_replica_says_moves_with_no_try() -> None:
    """The port of its own end is another one each time."""
    bodies = [
        [{"hostname": "coder-a", "error": f"read tcp 10.0.0.1:{port}->10.0.0.2:8080: i/o timeout"}]
        for port in (40_001, 51_234)
    ]

    first, second = (parse_coder.replicas(one) for one in bodies)

    assert first == second == (Replica("coder-a", "read tcp 10.0.0.1->10.0.0.2:8080: i/o timeout"),)


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ({"disconnected": {"count": 3}, "timeout": {"count": 1}}, 4),
        ({"disconnected": {"count": 3}}, NOT_READ),
        ({"disconnected": {"count": 3}, "timeout": Unseen("Slow", "late")}, Unseen("Slow", "late")),
        ([], NOT_READ),
    ],
)
def test_agents_are_counted_where_every_status_was_answered(body: Any, count: Any) -> None:
    """One that lacks would make the sum too small."""
    assert coder_seen({"lost_agents": body}).lost_agents == count
