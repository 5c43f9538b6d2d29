"""A pool that is scaled to nothing: whose next node would take a workspace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.placement import Placement
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.coder_manifests import POOL
from support.deployments import managed
from support.scaling_manifests import node_pool
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

LABELS = {POOL: b.WORKSPACES}
TAINT = {"key": "dedicated", "value": "workspaces", "effect": "NoSchedule"}


def world(*there: Any, tolerations: Any = (), **rest: Any) -> World:
    """A control plane with nodes, and no node for workspaces unless it is said."""
    cr = managed("coder")
    if tolerations:
        cr["spec"]["workspaces"]["nodePool"]["tolerations"] = list(tolerations)
    return b.world(cr, b.pools(2, 0), there, **rest)


def workspaces(here: World) -> dict[str, Any]:
    made: dict[str, Any] = placement(here)["workspaces"]
    return made


def test_a_pool_that_karpenter_fills_is_required_without_a_node() -> None:
    """The status says who brings the node, and is what its schema takes."""
    made = placement(world(node_pool("ws", labels=LABELS)))

    assert made["workspaces"]["mode"] == "Required"
    assert made["guards"].endswith(
        "workspaces: no node of the pool is ready, but Karpenter brings one (NodePool ws), so it is required"
    )
    Placement.model_validate(made)


def test_a_node_that_comes_to_stand_aside_changes_nothing() -> None:
    """Nodes that are there and not ready are on their way or out of order: the next one comes all the same."""
    ws = b.node("ws-1", b.WORKSPACES, ready=False)

    assert workspaces(world(ws, node_pool("ws", labels=LABELS)))["mode"] == "Required"


@pytest.mark.parametrize(
    "pool",
    [
        node_pool("ws"),
        node_pool("ws", labels={POOL: "other"}),
        node_pool("ws", labels=LABELS, replicas=0),
        node_pool("ws", labels=LABELS, limits={"cpu": "8"}, used={"cpu": "8"}),
        node_pool("ws", labels=LABELS, taints=[TAINT]),
        node_pool("ws", labels=LABELS, failure="NodeClassReady=False"),
        {**node_pool("ws", labels=LABELS), "status": {}},
    ],
    ids=[
        "no labels",
        "other labels",
        "static",
        "used up",
        "tainted",
        "not ready",
        "left behind without a word",
    ],
)
def test_a_node_pool_that_brings_no_node_for_them_leaves_the_pool_preferred(pool: Any) -> None:
    """So that no workspace waits for a node that never comes."""
    assert workspaces(world(pool))["mode"] == "Preferred"


def test_the_pools_tolerations_open_its_next_node() -> None:
    tolerations = [{"key": "dedicated", "operator": "Exists"}]
    pool = node_pool("ws", labels=LABELS, taints=[TAINT])

    assert workspaces(world(pool, tolerations=tolerations))["mode"] == "Required"


@pytest.mark.parametrize("absence", Absence)
def test_node_pools_that_cannot_be_read_count_as_none(absence: Absence) -> None:
    """Preferred is what keeps no workspace from starting; and nodes that are there are enough."""
    unread = {Need.NODE_POOLS: absence}

    assert workspaces(world(unavailable=unread))["mode"] == "Preferred"
    assert workspaces(world(b.pools(0, 1), unavailable=unread))["mode"] == "Required"


def test_the_next_node_offers_what_the_template_says() -> None:
    """A template that chooses a zone is bound where the next node can be there; what is not said is no offer."""
    zone = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["b", "a"]}
    pools = [
        node_pool("ws", labels=LABELS, requirements=[zone]),
        node_pool("full", labels={**LABELS, "gpu": "yes"}, limits={"cpu": "0"}),
    ]
    chosen = {"topology.kubernetes.io/zone": "a", "gpu": "yes"}
    there = workspace_deployment("a", "coder")
    there[1]["spec"]["template"]["spec"]["nodeSelector"] = chosen
    home = b.all_running(there, ["control-plane-1"])

    made = workspaces(world(pools, home))

    assert made["nodeLabels"] == {"topology.kubernetes.io/zone": ["a", "b"]}


def test_the_control_planes_pool_is_not_waited_for() -> None:
    """It is static: a pool without nodes is one that is gone."""
    made = placement(b.world(managed("coder"), node_pool("cp", labels={POOL: b.CONTROL_PLANE})))

    assert made["controlPlane"]["mode"] == "Preferred"
