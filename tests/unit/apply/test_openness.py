"""No connection is cut by half of what comes or goes."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Any

import pytest

from coder_cva.apply import openness, order
from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.apply.sweep import unwanted
from coder_cva.desired.plan import Plan
from coder_cva.snapshot.reachability import Peer, Reachability
from coder_cva.values.manifest import ref_of
from support import builders
from support.fake_api import FakeApi

UID = "uid-1"
POD = Peer("the workspace", "team", {"app": "dev"}, ports=(("web", 80, "TCP"), ("ssh", 22, "TCP")))
ANYBODY = Peer("anybody")


def policy(name: str, *ports: int, **labels: str) -> dict[str, Any]:
    """One of ours that keeps these ports open; without a port it only closes."""
    rules = {"ingress": [{"ports": [{"port": one, "protocol": "TCP"} for one in ports]}]}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {
            "name": name,
            "namespace": "team",
            "labels": {
                "app.kubernetes.io/managed-by": "coder-cva-operator",
                "cva.coder.com/owner-uid": UID,
            },
            "annotations": {"cva.coder.com/deployment": "coder/coder"},
        },
        "spec": {
            "podSelector": {"matchLabels": labels or {"app": "dev"}},
            "policyTypes": ["Ingress"],
            **(rules if ports else {}),
        },
    }


WEB, SSH, CLOSED = policy("a-web", 80), policy("b-ssh", 22), policy("c-closed")
ALL = (WEB, SSH, CLOSED)


def reached(api: FakeApi) -> dict[int, bool | None]:
    """Which ports of the workspace anybody reaches now."""
    about = Reachability(builders.snapshot_of(list(api.objects.values())))
    return {port: about.connection(ANYBODY, POD, port).possible for port in (80, 22, 9999)}


@dataclass
class Watching(FakeApi):
    """Notes after each write what can be reached."""

    seen: list[dict[int, bool | None]] = field(default_factory=list)

    async def apply(self, *args: Any, **options: Any) -> Any:
        done = await super().apply(*args, **options)
        self.seen.append(reached(self))
        return done

    async def delete(self, *args: Any, **options: Any) -> None:
        await super().delete(*args, **options)
        self.seen.append(reached(self))


async def brought_about(api: FakeApi, *objects: dict[str, Any]) -> None:
    """What a pass does with these objects wanted, and the others of ours not."""
    engine = Engine(api, Memory(), lambda: True)
    owned = api.owned() or ()
    await order.bring_about(Plan(objects=objects), engine, owned, builders.NOW)
    wanted = frozenset(map(ref_of, objects))
    going = unwanted(owned, UID, "coder/coder", wanted, frozenset())
    await order.open_first(going, owned, engine, builders.NOW)
    for one in going:
        await engine.delete(one, builders.NOW)


@pytest.mark.parametrize("objects", list(itertools.permutations(ALL)), ids="123456")
async def test_on_and_off_no_write_cuts_what_stays_open(
    objects: tuple[dict[str, Any], ...],
) -> None:
    """In whichever order they are rendered, after each single write both ports in use are reached."""
    api = Watching()
    await brought_about(api, *objects)
    closed = dict(reached(api))
    await brought_about(api)

    assert closed == {80: True, 22: True, 9999: False}
    assert reached(api) == {80: True, 22: True, 9999: True}
    assert all(one[80] and one[22] for one in api.seen)


async def test_what_is_closed_already_is_never_opened() -> None:
    """A new connection in use beside others: one write, and at no time is a third port open."""
    api = Watching()
    await brought_about(api, *ALL)
    api.seen.clear()
    journal = len(api.writes)

    await brought_about(api, *ALL, policy("d-more", 8080))
    await brought_about(api, *ALL)

    assert [one.split()[0] for one in api.writes[journal:]] == ["apply", "delete"]
    assert not any(one[9999] for one in api.seen)


async def test_after_a_crash_in_between_it_goes_on_safely() -> None:
    """One of two was made open when the process ended: the next one opens the other before it narrows this."""
    api = Watching()
    await Engine(api, Memory(), lambda: True).apply(openness.opened(WEB), None, builders.NOW)

    await brought_about(api, *ALL)

    assert all(one[80] and one[22] for one in api.seen)
    assert reached(api) == {80: True, 22: True, 9999: False}


async def test_what_no_watch_has_shown_yet_is_asked_for() -> None:
    """Made a moment ago and not seen since: it is not opened again."""
    api = Watching()
    await brought_about(api, *ALL)
    api.seen.clear()
    engine = Engine(api, Memory(), lambda: True)

    await order.bring_about(Plan(objects=ALL), engine, (), builders.NOW)

    assert not any(one[9999] for one in api.seen)


def test_one_alone_needs_nothing() -> None:
    """What is open on a Pod by one policy alone is open by it from its first moment to its last."""
    assert not list(openness.before((WEB, CLOSED), ()))
    assert not list(openness.after((WEB, CLOSED), ()))


def egress(name: str, port: int) -> dict[str, Any]:
    """One of ours that lets a workspace reach one port in the world."""
    made = policy(name)
    rule = {"ports": [{"port": port, "protocol": "TCP"}]}
    return {**made, "spec": {**made["spec"], "policyTypes": ["Egress"], "egress": [rule]}}


async def test_what_leaves_is_no_more_cut_than_what_arrives() -> None:
    """Two that let a Pod out, in a namespace that is closed for what comes in already."""
    api = Watching()
    await brought_about(api, *ALL)
    ways = (egress("x-web", 443), egress("y-database", 5432))

    def out() -> list[bool | None]:
        about = Reachability(builders.snapshot_of(list(api.objects.values())))
        return [about.connection(POD, ANYBODY, port).possible for port in (443, 5432)]

    opened = list(openness.before((*ALL, *ways), {ref_of(one).identity for one in ALL}))
    assert [one["metadata"]["name"] for one in opened] == ["x-web", "y-database"]
    assert all(one["spec"]["egress"] == [{}] for one in opened)
    await brought_about(api, *ALL, *ways)
    assert out() == [True, True]
    leaving = list(openness.after(ways, ALL))
    assert [one["metadata"]["name"] for one in leaving] == ["y-database"]


def test_only_the_direction_that_needs_it_is_opened() -> None:
    """A policy of both directions stays closed in the one that is closed anyhow."""
    one, other = (egress(name, 443) for name in ("one", "other"))
    one["spec"] |= {"policyTypes": ["Ingress", "Egress"]}

    opened = list(openness.before((one, other), ()))

    assert "ingress" not in opened[0]["spec"]


def test_both_directions_are_opened() -> None:
    """A policy that says something about egress too is open in both."""
    body = policy("both", 80)
    body["spec"] |= {"policyTypes": ["Ingress", "Egress"], "egress": [{"to": []}]}

    assert openness.opened(body)["spec"] == {
        "podSelector": {"matchLabels": {"app": "dev"}},
        "policyTypes": ["Ingress", "Egress"],
        "ingress": [{}],
        "egress": [{}],
    }


def test_what_admits_goes_before_what_it_needs() -> None:
    """Bindings before their policies, what closes before what opens, and accounts last."""
    kinds = [
        ("v1", "ServiceAccount"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicy"),
        ("admissionregistration.k8s.io/v1", "ValidatingAdmissionPolicyBinding"),
    ]
    others = [{**policy("one"), "apiVersion": version, "kind": kind} for version, kind in kinds]

    going = unwanted((*others, WEB, CLOSED), UID, "coder/coder", frozenset(), frozenset())

    assert [one["kind"] + one["metadata"]["name"] for one in going] == [
        "ValidatingAdmissionPolicyBindingone",
        "ValidatingAdmissionPolicyone",
        "NetworkPolicyc-closed",
        "NetworkPolicya-web",
        "ServiceAccountone",
    ]
