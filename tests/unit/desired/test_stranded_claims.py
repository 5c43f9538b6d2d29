from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.placement import MOST_STRANDED, Placement
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.deployments import managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

POOL_IN_A = [b.pools(1, 0), b.node("ws-a", b.WORKSPACES, zone="a")]
AUTO_OUTCOME = ("Required", ["coder/home"])
BLIND = {Need.PERSISTENT_VOLUMES: Absence.FORBIDDEN}


def outcome(world: World) -> tuple[str, list[str]]:
    """The mode of the workspaces' pool and the claims that are kept out of it."""
    made = placement(world)["workspaces"]
    return made["mode"], made.get("strandedClaims", [])


def world_with(*manifests: Any, **parts: Any) -> World:
    return b.world(managed("coder"), POOL_IN_A, *manifests, **parts)


def test_a_claim_in_a_zone_without_a_ready_node_of_the_pool_is_named() -> None:
    """The pool stays required for everybody else, and the guard says what it lacks."""
    world = world_with(
        b.persistent_volume("pv-1", "coder/home", "b"),
        b.persistent_volume("pv-2", "coder/other", "a"),
    )
    assert outcome(world) == AUTO_OUTCOME
    guards = placement(world)["guards"]
    assert "1 claim (coder/home)" in guards
    assert "add nodes with topology.kubernetes.io/zone=b to the pool" in guards


@pytest.mark.parametrize("state", [{"ready": False}, {"unschedulable": True}])
def test_a_node_that_takes_no_pods_reaches_no_volume(state: dict[str, Any]) -> None:
    """The pool's only node of the zone is not ready, or closed: nothing could start on it."""
    closed = b.node("ws-b", b.WORKSPACES, zone="b", **state)
    volume = b.persistent_volume("pv-1", "coder/home", "b")
    assert outcome(world_with(volume, closed)) == AUTO_OUTCOME
    assert outcome(world_with(volume, b.node("ws-b", b.WORKSPACES, zone="b"))) == ("Required", [])


def test_a_node_of_the_zone_outside_the_pool_does_not_count() -> None:
    """The scheduler would look for both, the zone and the pool, on one node."""
    world = world_with(b.persistent_volume("pv", "coder/home", "b"), b.node("stray", zone="b"))
    assert outcome(world) == AUTO_OUTCOME


def test_only_claims_of_consenting_namespaces_are_named() -> None:
    """Where a namespace did not consent nothing is done at admission, and nothing is told of it."""
    assert outcome(world_with(b.persistent_volume("pv", "others/home", "b"))) == ("Required", [])
    consent = {"cva.coder.com/deployment": "coder/coder"}
    dev = b.namespace("dev", annotations=consent)
    world = world_with(b.persistent_volume("pv", "dev/home", "b"), dev)
    assert outcome(world) == ("Required", ["dev/home"])


def test_as_many_as_the_status_holds_are_named_and_more_soften_the_whole_pool() -> None:
    """One above the bound, and every workspace prefers the pool: none of them may get stuck."""
    volumes = [
        b.persistent_volume(f"pv-{number}", f"coder/home-{number:03}", "b")
        for number in range(MOST_STRANDED + 1)
    ]
    mode, claims = outcome(world_with(volumes[:-1]))
    assert (mode, len(claims)) == ("Required", MOST_STRANDED)
    assert claims == sorted(claims)
    assert outcome(world_with(volumes)) == ("Preferred", [])
    guards = placement(world_with(volumes))["guards"]
    assert "(coder/home-000, coder/home-001 and 99 more), so the pool is preferred" in guards


@pytest.mark.parametrize("word", ["Required", "Preferred"])
def test_the_users_own_word_is_not_softened(word: str) -> None:
    """Required is a decision; with Preferred there is nothing to soften."""
    spec = managed("coder")
    spec["spec"]["workspaces"]["nodePool"]["placement"] = word
    world = b.world(spec, POOL_IN_A, b.persistent_volume("pv", "coder/home", "b"))
    assert outcome(world) == (word, [])


def test_volumes_that_cannot_be_read_flip_nothing() -> None:
    """What was known of them stays, with the mode; from the start on the pool is only preferred."""
    before = placement(world_with(b.persistent_volume("pv", "coder/home", "b")))
    blind = world_with(unavailable=BLIND)
    assert outcome(replace(blind, previous={"placement": before})) == AUTO_OUTCOME
    assert outcome(blind) == ("Preferred", [])
    assert "persistent_volumes cannot be read, so it stays Preferred" in placement(blind)["guards"]


def test_unread_volumes_do_not_keep_a_pool_required_that_is_gone() -> None:
    """That no node is there was seen, and is enough to let workspaces start elsewhere."""
    before = placement(world_with())
    assert before["workspaces"]["mode"] == "Required"
    gone = b.world(managed("coder"), b.pools(1, 0), unavailable=BLIND)
    assert outcome(replace(gone, previous={"placement": before})) == ("Preferred", [])


def test_unread_nodes_keep_the_claims_that_were_known() -> None:
    """Without nodes nobody knows who reaches what: the mode and the claims stay as they were."""
    before = placement(world_with(b.persistent_volume("pv", "coder/home", "b")))
    blind = b.world(managed("coder"), unavailable={Need.NODES: Absence.STALE})
    assert outcome(replace(blind, previous={"placement": before})) == AUTO_OUTCOME


def test_the_status_may_hold_it() -> None:
    """The field stands in the model, so the API server prunes it not."""
    made = placement(world_with(b.persistent_volume("pv", "coder/home", "b")))
    dumped = Placement.model_validate(made).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    assert dumped == made
