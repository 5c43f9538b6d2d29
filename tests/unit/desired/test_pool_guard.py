"""The guard's way back: a pool that comes and goes binds nobody, one that stays is required again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired import pool_guard
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.status import conclude
from support import builders as b
from support.deployments import managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

PARTS = ("controlPlane", "workspaces")
HEARTBEAT = timedelta(seconds=10)


def after(
    before: dict[str, Any], seconds: float, *nodes: Any, spec: dict[str, Any] | None = None
) -> World:
    """The world so long after NOW, with what was said before."""
    there = b.world(spec or managed("coder"), list(nodes), previous={"placement": before})
    return replace(there, now=b.NOW + timedelta(seconds=seconds))


GONE = placement(b.world(managed("coder")))
"""Both pools have no node."""


@pytest.mark.parametrize("part", PARTS)
def test_a_pool_that_is_back_is_required_once_that_has_lasted(part: str) -> None:
    """Thirty seconds later, not before, and the moment is told from which it counts."""
    back = placement(after(GONE, 0, b.pools()))
    assert (back[part]["mode"], back[part]["steadySince"]) == ("Preferred", "2026-11-23T09:00:00Z")
    assert "can take Pods again, and is required once that has lasted 30 s" in back["guards"]

    still = placement(after(back, 29, b.pools()))
    assert still[part] == back[part]

    required = placement(after(still, 30, b.pools()))
    assert required[part]["mode"] == "Required"
    assert "steadySince" not in required[part]


@pytest.mark.parametrize("part", PARTS)
def test_a_pool_that_goes_again_begins_anew(part: str) -> None:
    """What it had lasted counts no more."""
    back = placement(after(GONE, 0, b.pools()))
    again = placement(after(back, 20))
    assert again[part] == GONE[part]
    assert placement(after(again, 31, b.pools()))[part]["mode"] == "Preferred"


def test_the_way_there_takes_no_time() -> None:
    """A pool that is gone is preferred in the very pass that sees it."""
    there = placement(b.world(managed("coder"), b.pools()))
    assert {placement(after(there, 0))[part]["mode"] for part in PARTS} == {"Preferred"}


def test_another_pool_and_the_first_word_are_required_at_once() -> None:
    """It is no pool that comes back: the selector was changed, or nothing was said yet."""
    other = managed("coder")
    other["spec"]["workspaces"]["nodePool"]["selector"] = {"pool": "new"}
    made = placement(after(GONE, 0, b.node("new", labels={"pool": "new"}), spec=other))
    assert made["workspaces"]["mode"] == "Required"
    assert placement(b.world(managed("coder"), b.pools()))["workspaces"]["mode"] == "Required"


def test_the_users_own_word_waits_for_nothing() -> None:
    """Required is required at once, whatever the pool was like before."""
    cr = managed("coder")
    cr["spec"]["controlPlane"]["nodePool"]["placement"] = "Required"
    assert placement(after(GONE, 0, b.pools(), spec=cr))["controlPlane"]["mode"] == "Required"


def test_a_pool_that_cannot_be_seen_begins_anew() -> None:
    """Nobody knows whether it took Pods all the while."""
    back = placement(after(GONE, 0, b.pools()))
    blind = b.world(
        managed("coder"), unavailable={Need.NODES: Absence.STALE}, previous={"placement": back}
    )
    made = placement(blind)
    assert made["controlPlane"]["mode"] == "Preferred"
    assert "steadySince" not in made["controlPlane"]


def test_it_is_looked_at_again_in_time() -> None:
    """No watch tells that half a minute is over."""
    back = placement(after(GONE, 0, b.pools()))
    world = after(back, 12.5, b.pools())
    status = {"placement": back, "conditions": [{"type": "Ready", "reason": "AsIntended"}]}
    assert conclude.retry_after(world, status, ()) == 17.5
    assert pool_guard.wait(GONE, b.NOW) == []


@given(st.lists(st.booleans(), min_size=1, max_size=12))
def test_it_is_required_exactly_after_three_good_looks(looks: list[bool]) -> None:
    """Whatever the pool does every ten seconds: required means that it has taken Pods for thirty."""
    said = GONE
    for number, is_there in enumerate(looks):
        nodes = [b.pools()] if is_there else []
        said = placement(after(said, number * HEARTBEAT.seconds, *nodes))
        lasted = looks[max(0, number - 3) : number + 1]
        expected = "Required" if len(lasted) == 4 and all(lasted) else "Preferred"
        assert said["workspaces"]["mode"] == expected
