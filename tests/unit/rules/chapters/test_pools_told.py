"""CVA-NODE-*: the figures in messages and findings, in worlds where a wrong sum would show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules.engine import evaluate
from support import builders
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.workspace_manifests import (
    devcontainer_deployment,
    workspace_deployment,
)

if TYPE_CHECKING:
    from coder_cva.rules.model import RuleResult

PLANE = [f"control-plane-{number}" for number in (1, 2, 3)]
SPACES = [f"workspaces-{number}" for number in (1, 2, 3)]


def judged(rule: str, *manifests: Any, nodes: Any = None) -> RuleResult:
    """What is said of an adopted Coder whose pools have three nodes each, or these."""
    world = builders.world(adopted("coder"), nodes or builders.pools(), *manifests)
    return next(one for one in evaluate(world, strict=True).results if one.id == rule)


def coderd(*nodes: str) -> list[dict[str, Any]]:
    """A replica on each of these nodes, as Coder's chart makes them."""
    return builders.all_running(chart_coderd(replicas=len(nodes)), nodes)


def observed(result: RuleResult) -> list[str]:
    """What was seen, of each finding."""
    return [one.observed for one in result.findings]


def test_replicas_on_the_pool_are_counted() -> None:
    """Three of five; each of the others is a finding that names its node."""
    result = judged("CVA-NODE-003", coderd(*PLANE, *SPACES[:2]))

    assert result.message == "3 of 5 Pods of coderd run on the control plane's pool"
    assert sorted(observed(result)) == SPACES[:2]
    assert {one.expected for one in result.findings} == {
        "a node with coder.com/node-group=control-plane"
    }


def test_the_first_crowded_node_is_told_with_its_own_number() -> None:
    """Three there, two on the next: what is told of one node is not another's."""
    result = judged("CVA-NODE-003", coderd(*PLANE[:2], *PLANE[:2], PLANE[0]))

    assert observed(result) == ["3 replicas on node control-plane-1, none on control-plane-3"]


def test_two_on_one_node_are_a_crowd() -> None:
    """One is none, though other nodes of the pool have room."""
    assert observed(judged("CVA-NODE-003", coderd(PLANE[0], PLANE[0]))) == [
        "2 replicas on node control-plane-1, none on control-plane-2, control-plane-3"
    ]
    assert judged("CVA-NODE-003", coderd(PLANE[0])).findings == ()


def test_only_nodes_of_the_pool_are_where_a_replica_could_go() -> None:
    """Not the one outside on which they crowd, and no node of another pool."""
    result = judged("CVA-NODE-003", coderd(SPACES[0], SPACES[0]))

    assert [one for one in observed(result) if "replicas" in one] == [
        "2 replicas on node workspaces-1, none on control-plane-1, control-plane-2, control-plane-3"
    ]


@pytest.mark.parametrize(
    ("room", "fits"),
    [
        ({"cpu": "2", "memory": "4Gi", "pods": "1"}, True),
        ({"cpu": "1999m"}, False),
        ({"memory": "4095Mi"}, False),
        ({"pods": "0"}, False),
        ({"taints": [{"key": "dedicated", "effect": "NoSchedule"}]}, False),
    ],
)
def test_a_replica_could_go_where_what_it_asks_for_is_left(room: Any, fits: bool) -> None:
    """To the millicore, the byte and the Pod."""
    nodes = [
        builders.node("a", "control-plane"),
        builders.node("b", "control-plane", **room),
        *builders.pools(0),
    ]
    asked = {"cpu": "2", "memory": "4Gi"}
    replicas = builders.all_running(chart_coderd(replicas=2, resources=asked), ["a"])

    result = judged("CVA-NODE-003", replicas, nodes=nodes)

    assert observed(result) == ["2 replicas on node a, none on b"] * fits


@pytest.mark.parametrize("other", ["a", "d"])
def test_a_place_is_sought_for_a_replica_of_the_crowd(other: str) -> None:
    """In the middle of a rollout one elsewhere may ask for more; it is looked at first."""
    nodes = [
        builders.node(other, "control-plane"),
        builders.node("b", "control-plane"),
        builders.node("c", "control-plane", cpu="3"),
        *builders.pools(0),
    ]
    asked = {"cpu": "2", "memory": "1Gi"}
    made = builders.all_running(chart_coderd(replicas=3, resources=asked), ["b"])
    first = min(
        (one for one in made if one["kind"] == "Pod"), key=lambda it: it["metadata"]["name"]
    )
    first["spec"]["nodeName"] = other
    first["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "4"

    assert observed(judged("CVA-NODE-003", made, nodes=nodes)) == [
        "2 replicas on node b, none on c"
    ]


def test_workspaces_on_their_pool_are_counted() -> None:
    """Three of five."""
    running = [
        builders.all_running(workspace_deployment(f"w{number}"), [node])
        for number, node in enumerate([*SPACES, *PLANE[:2]])
    ]

    result = judged("CVA-NODE-005", *running)

    assert result.message.startswith("3 of 5 workspaces run on their pool")
    assert len(result.findings) == 2


def test_workspaces_that_keep_their_distance_are_counted() -> None:
    """Three of five."""
    running = [
        *(workspace_deployment(f"w{number}") for number in range(3)),
        *(devcontainer_deployment(f"d{number}") for number in range(2)),
    ]

    result = judged("CVA-NODE-006", builders.all_running(running))

    assert result.message.startswith("3 of 5 workspaces keep off each other")
    assert len(result.findings) == 2
