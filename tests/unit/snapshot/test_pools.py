import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse_cluster import node as read
from coder_cva.snapshot.pools import (
    Demand,
    Free,
    PoolState,
    Room,
    is_up,
    lasting,
    pool_nodes,
    repelled,
    tolerates,
    toleration,
)
from coder_cva.values.memo import Memo
from support import builders
from support.coder_manifests import POOL

SELECTOR = {POOL: "workspaces"}
GI = 1024**3
TAINT = {"key": "dedicated", "value": "workspaces", "effect": "NoSchedule"}


def state(*manifests: Any, demand: Demand | None = None, **rest: Any) -> PoolState:
    """The state of the workspaces' pool for a Pod of two CPUs and 4Gi."""
    room = Room(builders.snapshot_of(*manifests, **rest), Memo())
    return room.state(SELECTOR, demand or Demand(2000, 4 * GI))


def pooled(name: str, **rest: Any) -> dict[str, Any]:
    """A node of the workspaces' pool."""
    return builders.node(name, "workspaces", **rest)


def test_a_pool_is_its_labels() -> None:
    """All labels of the selector; an empty selector is no pool."""
    snapshot = builders.snapshot_of(builders.pools(1, 2))

    assert [one.meta.name for one in pool_nodes(SELECTOR, snapshot)] == [
        "workspaces-1",
        "workspaces-2",
    ]
    assert pool_nodes({**SELECTOR, "more": "x"}, snapshot) == ()
    assert pool_nodes({}, snapshot) == ()


def test_a_pool_with_room_can_take_a_pod() -> None:
    """Every node counts once in each of the three figures."""
    it = state(pooled("a"), pooled("b", ready=False), pooled("c", cpu="1"), builders.node("d"))

    assert it == PoolState(matching=3, ready=2, roomy=1)
    assert it.can_take


@pytest.mark.parametrize(
    "node",
    [
        pooled("a", ready=False),
        pooled("a", unschedulable=True),
        pooled("a", taints=[TAINT]),
        pooled("a", taints=[{"key": "gone", "effect": "NoExecute"}]),
        pooled("a", cpu="1"),
        pooled("a", memory="2Gi"),
        pooled("a", pods="0"),
        builders.node("a"),
    ],
)
def test_a_pool_that_cannot_take_a_pod(node: Any) -> None:
    """Not ready, cordoned, tainted, too small, full, or none of the pool."""
    assert not state(node).can_take


def test_running_pods_take_room() -> None:
    """Their requests are subtracted; to the millicore it fits, one more does not."""
    busy = builders.running(builders.pod("p", cpu="6", memory="1Gi"), ["a"])

    assert state(pooled("a"), busy).can_take
    assert not state(pooled("a"), busy, demand=Demand(2001, 0)).can_take
    assert state(pooled("a"), busy, demand=Demand(0, 31 * GI)).can_take
    assert not state(pooled("a"), busy, demand=Demand(0, 31 * GI + 1)).can_take
    assert state(pooled("a", pods="2"), busy).can_take
    assert not state(pooled("a", pods="1"), busy).can_take


def test_an_empty_node_has_all_that_it_can_give() -> None:
    """What others ask for is taken from their own node."""
    busy = [builders.running(builders.pod(name, cpu="3", memory="1Gi"), ["b"]) for name in "pqr"]
    snapshot = builders.snapshot_of(pooled("a"), pooled("b"), busy)
    room, (empty, shared) = Room(snapshot, Memo()), pool_nodes(SELECTOR, snapshot)

    assert room.free(empty) == Free(8000, 32 * GI, 110)
    assert room.free(shared) == Free(-1000, 29 * GI, 107)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_finished_pods_take_none(phase: str) -> None:
    """They are still listed on their node."""
    done = builders.running(builders.pod("p", cpu="8"), ["a"])
    done["status"]["phase"] = phase

    assert state(pooled("a"), done).can_take
    later = builders.running(builders.pod("q", cpu="8"), ["a"])
    assert not state(pooled("a"), done, later).can_take


def test_an_overbooked_node_takes_what_asks_for_nothing() -> None:
    """As the scheduler has it: a request of zero always fits."""
    busy = builders.running(builders.pod("p", cpu="9", memory="33Gi"), ["a"])

    assert state(pooled("a"), busy, demand=Demand()).can_take
    assert not state(pooled("a"), busy, demand=Demand(1, 0)).can_take
    assert not state(pooled("a"), busy, demand=Demand(0, 1)).can_take


def test_tolerations_open_nodes() -> None:
    """A taint that is tolerated and a cordon that is tolerated."""
    cordon = {"key": "node.kubernetes.io/unschedulable", "operator": "Exists"}

    assert state(pooled("a", taints=[TAINT]), demand=Demand(1, 1, [TAINT])).can_take
    assert state(pooled("a", unschedulable=True), demand=Demand(1, 1, [cordon])).can_take


@pytest.mark.parametrize("need", [Need.NODES, Need.PODS])
def test_room_that_was_not_seen_is_none(need: Need) -> None:
    """Nothing is required of a pool of which it is not known that it can take the Pod."""
    it = state(pooled("a"), unavailable={need: Absence.FORBIDDEN})

    assert it.unread == (need,)
    assert it.roomy == 0
    assert not it.can_take


@pytest.mark.parametrize(
    ("expected", "toleration"),
    [
        (
            True,
            {
                "key": "dedicated",
                "operator": "Equal",
                "value": "workspaces",
                "effect": "NoSchedule",
            },
        ),
        (True, {"key": "dedicated", "value": "workspaces"}),
        (True, {"key": "dedicated", "operator": "Exists"}),
        (True, {"operator": "Exists"}),
        (True, {"operator": "Exists", "effect": "NoSchedule"}),
        (False, {"key": "dedicated", "value": "others"}),
        (False, {"key": "dedicated", "value": "zebras"}),
        (False, {"key": "dedicated", "operator": "Exists", "effect": "NoExecute"}),
        (False, {"key": "other", "operator": "Exists"}),
        (False, {"key": "dedicated", "operator": "Gt", "value": "1"}),
        (False, {"value": "workspaces"}),
        (False, {}),
    ],
)
def test_tolerations_are_compared_as_the_scheduler_does(
    expected: bool, toleration: dict[str, str]
) -> None:
    """What is not said covers everything; what is not known covers nothing."""
    assert tolerates(toleration, TAINT) is expected


def test_a_preference_keeps_nobody_away() -> None:
    """PreferNoSchedule is a wish."""
    assert not repelled([{**TAINT, "effect": "PreferNoSchedule"}], [])
    assert repelled([TAINT], [])


@given(st.lists(st.integers(0, 3000), max_size=8), st.integers(1, 4000))
def test_more_pods_never_make_room(requests: list[int], cpu: int) -> None:
    """A pool that can take a Pod beside all of these can take it beside fewer."""
    bodies = [
        builders.running(builders.pod(f"p{number}", cpu=f"{one}m"), ["a"])
        for number, one in enumerate(requests)
    ]
    demand = Demand(cpu, 0)

    if state(pooled("a"), bodies, demand=demand).can_take:
        assert state(pooled("a"), bodies[1:], demand=demand).can_take
    assert state(pooled("a"), bodies, demand=demand).can_take == (sum(requests) + cpu <= 8000)


@given(
    st.text(min_size=1, max_size=5),
    st.text(max_size=5),
    st.sampled_from(["NoSchedule", "NoExecute"]),
)
def test_the_narrowest_toleration_covers_its_taint(key: str, value: str, effect: str) -> None:
    """And none of another key, value or effect."""
    taint = {"key": key, "value": value, "effect": effect}
    made = json.loads(json.dumps(toleration(taint)))  # as it comes back from an API server

    assert not repelled([taint], [made])
    assert repelled([{**taint, "key": f"{key}x"}], [made])
    assert repelled(
        [{**taint, "effect": "NoSchedule" if effect == "NoExecute" else "NoExecute"}], [made]
    )
    assert repelled([{**taint, "value": f"{value}x"}], [made]) is bool(value)


@pytest.mark.parametrize(
    ("taint", "passes"),
    [
        ("node.kubernetes.io/not-ready", True),
        ("node.cloudprovider.kubernetes.io/uninitialized", True),
        ("karpenter.sh/disrupted", True),
        ("ToBeDeletedByClusterAutoscaler", True),
        ("node.cilium.io/agent-not-ready", True),
        ("dedicated", False),
        ("example.com/karpenter.sh", False),
    ],
)
def test_some_taints_pass_and_others_last(taint: str, passes: bool) -> None:
    """What passes is nothing to tolerate: the node takes Pods again, or goes."""
    found = read(pooled("a", taints=[{"key": taint, "effect": "NoSchedule"}]))

    assert found is not None
    assert bool(lasting(found)) is not passes
    assert is_up(found) is not passes


@pytest.mark.parametrize("state", [{"ready": False}, {"unschedulable": True}])
def test_a_node_that_is_away_is_not_up(state: dict[str, bool]) -> None:
    """A preference against it does not take it away."""
    soft = {"key": "karpenter.sh/disrupted", "effect": "PreferNoSchedule"}
    away, there = read(pooled("a", **state)), read(pooled("a", taints=[soft]))

    assert away is not None
    assert there is not None
    assert not is_up(away)
    assert is_up(there)
