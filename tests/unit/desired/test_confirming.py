"""A hash takes what it covers into force: nothing less, nothing more, and nothing that comes later."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.api.v1alpha1.status import MOST_CLASSES
from coder_cva.desired import confirming, render
from coder_cva.desired.plan import Preview
from coder_cva.snapshot.confirmations import Confirmation, class_digest, hash_of
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.coder_manifests import chart_coderd, workspace_binding
from support.deployments import adopted, managed
from support.policies import service
from support.workspace_manifests import envbox_pod, home_claim, workspace_deployment, workspace_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from coder_cva.desired.plan import Plan
    from coder_cva.snapshot.world import World

Manifest = dict[str, Any]
MISTYPED = "f" * 12
ISOLATION, BOUNDS, HOST = "CVA-NET-005", "CVA-STO-002", "CVA-STO-004"
BY_ID = "Services to port 3000 of workspaces in dev, chosen by com.coder.workspace.id"
DATABASE = service("db", {"com.coder.resource": "true"}, 5432, "dev")
BY_KIND = "Services to port 5432 of workspaces in dev, chosen by com.coder.resource=true"


def app(name: str) -> Manifest:
    """The Service that a template makes for a workspace."""
    chosen = {"com.coder.workspace.id": workspace_id(name)}
    made: Manifest = service(f"app-{name}", chosen, 3000, "dev")
    return made


def cr(confirm: str | None = None, **spec: Any) -> Manifest:
    """An adopted Coder whose spec confirms this."""
    made = adopted("coder")
    made["spec"] |= spec
    if confirm is not None:
        made["spec"]["network"] = {"confirm": confirm}
    return made


def world(
    resource: Manifest, *more: Any, names: Iterable[str] = ("one", "two"), **rest: Any
) -> World:
    """Workspaces in dev, each with a Service, beside a coderd of Helm's."""
    there = [
        b.pools(),
        workspace_binding("dev"),
        b.all_running([workspace_deployment(one, "dev") for one in names]),
        [app(one) for one in names],
        chart_coderd(),
    ]
    return b.world(resource, there, more, **rest)


def again(plan: Plan) -> dict[str, Any]:
    """The status that this plan leaves behind, as far as confirmations go."""
    return {"confirm": {"accepted": confirming.written(plan.confirmations)}}


def current(seen: World) -> str:
    """The hash of what there is to confirm."""
    plan = render.plan(seen)
    return confirming.classes(seen, plan.previews).hash


def policies(plan: Plan) -> set[str]:
    """The NetworkPolicies of workspaces, by name."""
    names = {one["metadata"]["name"] for one in plan.objects if one["kind"] == "NetworkPolicy"}
    return names - {"coder-coderd"}


CLOSED = {"coder-coder-workspaces", "coder-coder-workspaces-by-name"}


def test_nothing_is_restricted_before_it_is_confirmed() -> None:
    """The preview names the classes: the namespace and the Services' port."""
    plan = render.plan(world(cr()))

    assert policies(plan) == set()
    assert plan.restrictions == ()
    (preview,) = (one for one in plan.previews if one.rule == ISOLATION)
    assert preview.hits == (BY_ID, "workspaces in dev")
    assert preview.resources == (
        "Service dev/app-one (port 3000)",
        "Service dev/app-two (port 3000)",
    )


def test_the_hash_takes_the_whole_preview_into_force() -> None:
    """In the very pass that first sees it; what leads to workspaces keeps nothing open any more."""
    confirmed = current(world(cr()))

    plan = render.plan(world(cr(confirmed)))

    assert policies(plan) == CLOSED
    assert [(one.namespace, one.by) for one in plan.restrictions] == [("dev", confirmed)]
    assert [one.hash for one in plan.confirmations] == [confirmed]


def test_a_class_that_comes_later_is_left_alone_and_takes_nothing_away() -> None:
    """Its port stays open, and the others stay closed, until the new hash is confirmed."""
    first = current(world(cr()))
    before = again(render.plan(world(cr(first))))
    later = world(cr(first), DATABASE, previous=before)

    plan = render.plan(later)

    assert policies(plan) == CLOSED | {name for name in policies(plan) if "in-use-5432" in name}
    assert len(policies(plan)) == 3
    found = confirming.classes(later, plan.previews)
    assert found.pending == (f"{ISOLATION}: {BY_KIND}",)
    assert found.hash != first

    both = render.plan(world(cr(found.hash), DATABASE, previous=again(plan)))
    assert policies(both) == CLOSED
    assert [one.hash for one in both.confirmations] == [found.hash, first]


def test_a_port_that_a_service_gets_later_is_left_alone() -> None:
    """The ports that were confirmed stay closed."""
    two_ports = service("db", {"com.coder.resource": "true"}, 5432, "dev")
    first = current(world(cr(), two_ports))
    before = again(render.plan(world(cr(first), two_ports)))
    more = service("db", {"com.coder.resource": "true"}, 5432, "dev")
    more["spec"]["ports"] = [{"name": str(one), "port": one} for one in (5432, 5433)]

    plan = render.plan(world(cr(first), more, previous=before))

    (opened,) = policies(plan) - CLOSED
    assert opened.startswith("coder-coder-in-use-5433")
    told = {one.resources for one in plan.previews if one.rule == ISOLATION}
    assert ("Service dev/db (port 5433)",) in told


def test_a_namespace_that_comes_later_is_left_alone() -> None:
    """Nothing is written there before it is confirmed."""
    first = current(world(cr()))
    before = again(render.plan(world(cr(first))))
    more = [workspace_binding("new"), b.all_running([workspace_deployment("three", "new")])]

    plan = render.plan(world(cr(first), more, previous=before))

    assert {one.namespace for one in plan.restrictions} == {"dev"}
    places = {
        one["metadata"]["namespace"] for one in plan.objects if one["kind"] == "NetworkPolicy"
    }
    assert places == {"coder", "dev"}


def test_taking_the_field_out_takes_all_of_it_back() -> None:
    """One edit, and nothing is remembered."""
    first = current(world(cr()))
    before = again(render.plan(world(cr(first))))

    plan = render.plan(world(cr(), previous=before))

    assert (policies(plan), plan.restrictions, plan.confirmations) == (set(), (), ())


def test_going_back_to_an_earlier_hash_opens_what_it_did_not_cover() -> None:
    """As `git revert` does."""
    first = current(world(cr()))
    before = again(render.plan(world(cr(first))))
    second = current(world(cr(first), DATABASE, previous=before))
    after = again(render.plan(world(cr(second), DATABASE, previous=before)))

    plan = render.plan(world(cr(first), DATABASE, previous=after))

    assert len(policies(plan)) == 3
    assert [one.hash for one in plan.confirmations] == [first, second]


@pytest.mark.parametrize("previous", [{}, None])
def test_a_hash_of_nothing_restricts_nothing(previous: dict[str, Any] | None) -> None:
    """Mistyped, or of another cluster."""
    plan = render.plan(world(cr(MISTYPED), previous=previous))

    assert (policies(plan), plan.restrictions, plan.confirmations) == (set(), (), ())


def test_a_mistyped_hash_takes_nothing_away_from_what_was_confirmed() -> None:
    """What was confirmed stays until the field is taken out."""
    before = again(render.plan(world(cr(current(world(cr()))))))

    assert policies(render.plan(world(cr(MISTYPED), previous=before))) == CLOSED


def test_what_is_gone_and_comes_back_is_still_confirmed() -> None:
    """Workspaces stop, and start again."""
    first = current(world(cr()))
    before = again(render.plan(world(cr(first))))
    empty = render.plan(world(cr(first), names=(), previous=before))

    assert again(empty) == before
    assert policies(render.plan(world(cr(first), previous=again(empty)))) == CLOSED


@pytest.mark.parametrize("word", ["Audit", "Off"])
def test_the_users_own_word_is_stronger_than_a_confirmation(word: str) -> None:
    """Where two switches meet the weaker wins; and nothing of it is asked to be confirmed."""
    before = again(render.plan(world(cr(current(world(cr()))))))
    spec = cr(before["confirm"]["accepted"][0]["hash"], enforcement={"rules": {ISOLATION: word}})

    plan = render.plan(world(spec, previous=before))

    assert policies(plan) == set()
    assert not [one for one in plan.previews if one.hits]


def test_enforce_keeps_open_what_is_in_use_until_that_is_confirmed() -> None:
    """Also where Enforce is the default: only the Services are asked for."""
    spec = managed("coder")
    there = [b.pools(), b.all_running([workspace_deployment("one")])]
    used = service("app", {"com.coder.workspace.id": workspace_id("one")}, 3000)
    plan = render.plan(b.world(spec, there, used))
    found = confirming.classes(b.world(spec, there, used), plan.previews)
    assert [one.partition(": ")[2][:8] for one in found.pending] == ["Services"]
    assert [one.by for one in plan.restrictions] == [""]

    spec["spec"]["network"] = {"confirm": found.hash}
    closed = render.plan(b.world(spec, there, used))

    assert policies(closed) == {"coder-workspaces", "coder-workspaces-by-name"}
    assert [one.by for one in closed.restrictions] == [found.hash]


def test_what_a_waiver_wants_stays_open_and_is_not_asked_for() -> None:
    """Until its last day; then it is a class that nobody has confirmed."""
    waiver = {"rule": ISOLATION, "reason": "wanted", "until": "2026-11-30"}
    waiver["resources"] = ["Service dev/app-one", "Service dev/app-two"]  # type: ignore[assignment]
    first = current(world(cr(waivers=[waiver])))
    spec = cr(first, waivers=[waiver])
    plan = render.plan(world(spec))
    assert len(policies(plan)) == 3
    assert f"{ISOLATION}: {BY_ID}" not in confirming.classes(world(spec), plan.previews).pending

    later = world(spec, previous=again(plan), now=b.NOW + timedelta(days=30))
    assert len(policies(render.plan(later))) == 3
    assert f"{ISOLATION}: {BY_ID}" in confirming.classes(later, render.plan(later).previews).pending


def test_what_cannot_be_read_confirms_nothing_new_and_takes_nothing_back() -> None:
    """A hash over a part of the previews would be another one."""
    first = current(world(cr()))
    blind = {Need.SERVICES: Absence.FORBIDDEN}
    assert render.plan(world(cr(first), names=(), unavailable=blind)).confirmations == ()
    before = again(render.plan(world(cr(first))))

    plan = render.plan(world(cr(first), names=(), unavailable=blind, previous=before))

    assert again(plan) == before
    assert "NetworkPolicy" in plan.keep_kinds


def test_suspended_remembers_what_was_confirmed() -> None:
    """And writes nothing; resumed, it is in force again."""
    first = current(world(cr()))
    before = again(render.plan(world(cr(first))))

    plan = render.plan(world(cr(first, suspend=True), previous=before))

    assert (again(plan), plan.restrictions) == (before, ())


def test_volumes_are_refused_in_the_namespaces_that_are_confirmed() -> None:
    """Host volumes and bounds, at admission: a namespace that comes later is not bound."""
    storage = {"hostVolumes": "Deny", "maxSize": "50Gi"}
    pool = adopted("coder")["spec"]["workspaces"]["nodePool"]
    spec: dict[str, Any] = {"workspaces": {"nodePool": pool, "storage": storage}}
    large = home_claim("home", "dev", {"com.coder.resource": "true"})
    large["spec"]["resources"]["requests"]["storage"] = "100Gi"
    there = [b.all_running([envbox_pod("box", "dev")]), large]
    seen = world(cr(**spec), there)
    told = {one.rule: one for one in render.plan(seen).previews}
    assert told[BOUNDS].resources == ("PersistentVolumeClaim dev/home (100Gi)",)
    assert told[BOUNDS].hits == (
        "claims of more than 50Gi in dev",
        "new claims of more than 50Gi in coder",
        "new claims of more than 50Gi in dev",
    )
    assert told[HOST].resources == ("Pod dev/coder-alice-box",)
    assert "volumes of the node in dev" in told[HOST].hits
    assert any(one.startswith("workspaces of image ") for one in told[HOST].hits)
    assert not bound(render.plan(seen))

    first = current(seen)
    plan = render.plan(world(cr(first, **spec), there))
    assert bound(plan) == {
        "coder-cva-claim-bounds": ["coder", "dev"],
        "coder-cva-host-volumes": ["coder", "dev"],
    }
    assert plan.placement["workspaces"]["hostVolumes"] == "Deny"
    assert plan.placement["workspaces"]["maxSize"] == "50Gi"
    refused = {(one.rule, one.namespace) for one in plan.restrictions if one.by == first}
    assert refused >= {(rule, place) for rule in (BOUNDS, HOST) for place in ("coder", "dev")}

    later = world(cr(first, **spec), there, workspace_binding("new"), previous=again(plan))
    assert set(map(tuple, bound(render.plan(later)).values())) == {("coder", "dev")}


def bound(plan: Plan) -> dict[str, list[str]]:
    """The namespaces to which each validating policy is bound."""
    return {
        one["spec"]["policyName"]: one["spec"]["matchResources"]["namespaceSelector"][
            "matchExpressions"
        ][0]["values"]
        for one in plan.objects
        if one["kind"] == "ValidatingAdmissionPolicyBinding"
    }


HITS = st.lists(st.tuples(st.sampled_from([ISOLATION, BOUNDS]), st.text(max_size=6)), max_size=8)


@given(HITS, st.randoms(use_true_random=False), st.tuples(st.just(HOST), st.text(max_size=6)))
def test_the_hash_is_over_classes_whatever_their_order(
    found: list[tuple[str, str]], random: Any, new: tuple[str, str]
) -> None:
    """The same classes in another order, twice, or spread over other previews: the same. One more: another."""
    seen = b.world(adopted("coder"))
    once = [Preview(rule, "would hit", (), (hit,)) for rule, hit in found]
    shuffled = [*once, *once]
    random.shuffle(shuffled)
    other = [replace(one, message="otherwise", resources=("Pod a/b",)) for one in shuffled]

    first = confirming.classes(seen, once)

    assert confirming.classes(seen, other) == first
    assert re.fullmatch("[a-f][0-9a-f]{11}" if found else "", first.hash)
    grown = confirming.classes(seen, [*once, Preview(HOST, "", (), (new[1],))])
    assert grown.hash not in (first.hash, "")


@given(
    st.sets(st.sampled_from(["three", "four", "five"])), st.permutations(["one", "two", "three"])
)
@settings(max_examples=20)
def test_pods_of_known_classes_change_nothing(more: set[str], order: list[str]) -> None:
    """Workspaces come and go, in whatever order the API server lists them."""
    plain = current(world(cr()))

    assert current(world(cr(), names=order)) == plain
    assert current(world(cr(), names=["one", *sorted(more)])) == plain
    assert current(world(cr(), DATABASE, names=order)) != plain


def test_too_many_classes_are_not_confirmed() -> None:
    """The status could not remember them; Enforce takes them all."""
    hits = tuple(f"workspaces in {number}" for number in range(MOST_CLASSES + 1))
    seen = b.world(cr(hash_of(class_digest(ISOLATION, one) for one in hits)))
    previews = (Preview(ISOLATION, "", (), hits),)

    assert confirming.classes(seen, previews).hash == ""
    assert len(confirming.classes(seen, previews).pending) == len(hits)
    assert confirming.taken(seen, previews) is None


@pytest.mark.parametrize(
    "rubbish", [None, "x", {"accepted": "x"}, {"accepted": [None, {"classes": 3}]}]
)
def test_a_status_that_somebody_spoilt_remembers_nothing(rubbish: Any) -> None:
    """It never raises, and confirms nothing."""
    seen = world(cr(MISTYPED), previous={"confirm": rubbish})

    assert not confirming.is_confirmed(seen, ISOLATION, "workspaces in dev")
    assert all(one.classes == frozenset() for one in seen.confirmations)
    assert Confirmation("", "", frozenset()) in (
        *seen.confirmations,
        Confirmation("", "", frozenset()),
    )
