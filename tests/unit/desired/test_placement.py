from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.placement import Placement
from coder_cva.desired.placement import placement
from coder_cva.snapshot.model import Absence, Served, Unavailable
from coder_cva.snapshot.needs import Need
from support import builders as b
from support.coder_manifests import chart_coderd, coder_k8s_coderd
from support.deployments import adopted, managed
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

CP = {"key": "coder.com/node-group", "operator": "In", "values": ["control-plane"]}
WS = {"key": "coder.com/node-group", "operator": "In", "values": ["workspaces"]}


def test_both_pools_are_required_while_they_can_take_their_pods() -> None:
    """With ready nodes that have room, coderd and workspaces are bound to their pools."""
    made = placement(b.world(managed("coder"), b.pools(2, 2)))
    assert made["controlPlane"]["mode"] == "Required"
    assert made["controlPlane"]["requirements"] == [CP]
    assert made["workspaces"]["mode"] == "Required"
    assert made["workspaces"]["requirements"] == [WS]
    assert made["guards"] == (
        "control plane: the pool can take Pods, so it is required; "
        "workspaces: the pool can take Pods, so it is required"
    )


@pytest.mark.parametrize(
    ("nodes", "told"),
    [
        ([], "no node has the pool's labels"),
        ([b.node("cp", b.CONTROL_PLANE, ready=False)], "no node of the pool is ready and open"),
        ([b.node("cp", b.CONTROL_PLANE, unschedulable=True)], "no node of the pool is ready"),
        ([b.node("cp", b.CONTROL_PLANE, cpu="1")], "no node of the pool has room for a replica"),
        (
            [b.node("cp", b.CONTROL_PLANE, taints=[{"key": "x", "effect": "NoSchedule"}])],
            "no node of the pool is ready and open",
        ),
    ],
)
def test_the_control_planes_pool_is_only_preferred_while_it_cannot_take_a_replica(
    nodes: list[Any], told: str
) -> None:
    """A pool that is gone, not ready, full or tainted never keeps coderd from starting."""
    made = placement(b.world(managed("coder"), nodes, b.pools(0, 1)))
    assert made["controlPlane"]["mode"] == "Preferred"
    assert told in made["guards"]
    assert made["workspaces"]["mode"] == "Required"


def test_room_is_measured_by_what_the_live_coderd_asks_for() -> None:
    """An adopted coderd of 2 CPU finds room on a node where a replica of the tier would not fit."""
    coderd = chart_coderd(resources={"cpu": "500m", "memory": "1Gi"})
    nodes = [b.node("cp", b.CONTROL_PLANE, cpu="1", memory="2Gi")]
    assert _mode(b.world(adopted("coder"), nodes, coderd), "controlPlane") == "Required"
    assert _mode(b.world(managed("coder"), nodes), "controlPlane") == "Preferred"


def test_the_pools_tolerations_open_its_tainted_nodes() -> None:
    """Nodes that the pool's own tolerations put up with count as able to take Pods."""
    taint = {"key": "dedicated", "value": "coder", "effect": "NoSchedule"}
    spec = managed("coder")
    toleration = {"key": "dedicated", "operator": "Exists", "effect": "NoSchedule"}
    spec["spec"]["controlPlane"]["nodePool"]["tolerations"] = [toleration]
    world = b.world(spec, b.node("cp", b.CONTROL_PLANE, taints=[taint]))
    made = placement(world)["controlPlane"]
    assert made["mode"] == "Required"
    assert made["tolerations"] == [toleration]


def test_a_full_workspace_pool_is_still_required() -> None:
    """The workspace pool grows when it is full, so ready nodes are enough, with or without room."""
    full = b.node("ws", b.WORKSPACES, pods="0")
    assert _mode(b.world(managed("coder"), full), "workspaces") == "Required"


@pytest.mark.parametrize("word", ["Required", "Preferred"])
def test_the_users_own_word_is_taken_as_it_is(word: str) -> None:
    """Required and Preferred are choices: no guard changes them, whatever the pool is like."""
    spec = managed("coder")
    spec["spec"]["controlPlane"]["nodePool"]["placement"] = word
    spec["spec"]["workspaces"]["nodePool"]["placement"] = word
    for nodes in ([], b.pools(1, 1)):
        made = placement(b.world(spec, nodes))
        assert made["controlPlane"]["mode"] == made["workspaces"]["mode"] == word


def test_what_cannot_be_seen_flips_nothing() -> None:
    """While nodes cannot be read the modes, and what the pools offer, stay as they were."""
    seen = b.world(managed("coder"), [b.node("ws", b.WORKSPACES, zone="a"), b.pools(1, 0)])
    before = placement(seen)
    blind = b.world(managed("coder"), unavailable={Need.NODES: Absence.FORBIDDEN})
    after = placement(_after(blind, before))
    assert {**after, "guards": ""} == {**before, "guards": ""}
    assert after["workspaces"]["nodeLabels"] == {"topology.kubernetes.io/zone": ["a"]}
    assert "nodes cannot be read, so it stays Required" in after["guards"]


@pytest.mark.parametrize("unread", [Need.NAMESPACES, Need.ROLES, Need.DEPLOYMENTS])
def test_whose_the_workspaces_at_home_are_is_not_changed_unseen(unread: Need) -> None:
    """An older deployment may place them by a consent that cannot be read now: two would place them at once."""
    older = managed("older")
    older["metadata"]["creationTimestamp"] = "2026-10-01T00:00:00Z"
    home = b.namespace("coder", annotations={"cva.coder.com/deployment": "older/coder"})
    cr = managed("coder")
    before = placement(b.world(cr, b.pools(), home, others=[older]))
    blind = b.world(cr, b.pools(), home, others=[older], unavailable={unread: Absence.FORBIDDEN})

    after = placement(_after(blind, before))

    assert (before["workspaces"]["ownNamespace"], after["workspaces"]["ownNamespace"]) == (
        False,
    ) * 2
    assert placement(b.world(cr, b.pools(), others=[older]))["workspaces"]["ownNamespace"]


def test_the_first_unseen_mode_is_the_harmless_one() -> None:
    """With nodes unreadable from the start, pools are preferred: nothing can get stuck on that."""
    made = placement(b.world(managed("coder"), unavailable={Need.NODES: Absence.FORBIDDEN}))
    assert made["controlPlane"]["mode"] == made["workspaces"]["mode"] == "Preferred"


def test_unread_pods_leave_workspaces_guard_alone() -> None:
    """Room matters to coderd only: without Pods its mode is kept, the workspaces' is seen."""
    world = b.world(managed("coder"), b.pools(1, 1), unavailable={Need.PODS: Absence.TIMED_OUT})
    made = placement(world)
    assert (made["controlPlane"]["mode"], made["workspaces"]["mode"]) == ("Preferred", "Required")


@pytest.mark.parametrize("word", ["Audit", "Off"])
def test_a_rule_that_is_not_enforced_places_nothing(word: str) -> None:
    """Audit or Off of CVA-NODE-003, 005 and 006 turns off exactly what each of them does."""
    spec = managed("coder")
    rules: dict[str, str] = {}
    spec["spec"]["enforcement"] = {"rules": rules}
    rules["CVA-NODE-003"] = word
    made = placement(b.world(spec, b.pools()))
    assert made["controlPlane"] == {"mode": "Off"}
    assert made["workspaces"]["mode"] == "Required"
    rules["CVA-NODE-005"] = word
    made = placement(b.world(spec, b.pools()))
    assert made["workspaces"]["mode"] == "Off"
    assert made["workspaces"]["antiAffinity"] is True
    rules["CVA-NODE-006"] = word
    assert placement(b.world(spec, b.pools()))["workspaces"]["antiAffinity"] is False


def test_suspend_disarms_everything_at_admission() -> None:
    """A suspended deployment changes no Pod, no claim, and warns of nothing."""
    spec = managed("coder")
    spec["spec"]["suspend"] = True
    spec["spec"]["workspaces"]["storage"] = {"minSize": "1Gi", "hostVolumes": "Deny"}
    made = placement(b.world(spec, b.pools()))
    assert made["controlPlane"] == {"mode": "Off"}
    assert made["workspaces"] == {"mode": "Off"}


def test_coderds_pods_are_known_by_the_live_selector() -> None:
    """A release of another name is recognised by its own selector, not by the chart's usual labels."""
    world = b.world(adopted("coder"), chart_coderd(release="prod", name="coder"), b.pools())
    assert placement(world)["controlPlane"]["podLabels"] == {
        "app.kubernetes.io/name": "coder",
        "app.kubernetes.io/instance": "prod",
    }


def test_a_coderd_whose_selector_has_only_expressions_is_known_by_its_pods_labels() -> None:
    """Admission compares labels, so the template's stand in for expressions."""
    coderd = coder_k8s_coderd()
    labels = coderd["spec"]["selector"]["matchLabels"]
    expression = {"key": "app.kubernetes.io/instance", "operator": "In", "values": ["coder"]}
    coderd["spec"]["selector"] = {"matchExpressions": [expression]}
    made = placement(b.world(adopted("coder"), coderd, b.pools()))
    assert made["controlPlane"]["podLabels"] == labels


def test_without_an_adopted_coderd_nothing_is_taken_for_one() -> None:
    """No coderd found, or two of them: no Pod is placed as coderd's."""
    none = b.world(adopted("coder"), b.pools())
    two = b.world(
        adopted("coder"), b.pools(), chart_coderd(), chart_coderd(release="b", name="other")
    )
    assert placement(none)["controlPlane"] == placement(two)["controlPlane"] == {"mode": "Off"}


def test_unreadable_deployments_leave_coderds_labels_as_they_were() -> None:
    """A refusal to list Deployments does not make coderd's Pods strangers."""
    before = placement(b.world(adopted("coder"), chart_coderd(), b.pools()))
    blind = b.world(adopted("coder"), b.pools(), unavailable={Need.DEPLOYMENTS: Absence.FORBIDDEN})
    after = placement(_after(blind, before))
    assert after["controlPlane"]["podLabels"] == before["controlPlane"]["podLabels"]


def test_a_region_without_coderd_says_nothing_about_one() -> None:
    """With management None there is no control plane to place."""
    spec = adopted("coder")
    spec["spec"]["controlPlane"] = {"management": "None"}
    made = placement(b.world(spec, b.pools()))
    assert "controlPlane" not in made
    assert made["workspaces"]["mode"] == "Required"


def test_the_pools_offers_are_the_usual_labels_and_those_that_templates_ask_for() -> None:
    """Zones and architectures are told, and a label that a template uses; host names are not."""
    nodes = [
        b.node(f"ws-{number}", b.WORKSPACES, zone=zone, labels={"disk": "ssd", "unused": "x"})
        for number, zone in enumerate("ab")
    ]
    hostname = {"nodeSelector": {"disk": "hdd", "gpu": "t4"}}
    workspace = b.all_running([workspace_deployment(pod=hostname)], ["ws-0"])
    made = placement(b.world(managed("coder"), nodes, workspace))
    assert made["workspaces"]["nodeLabels"] == {
        "disk": ["ssd"],
        "topology.kubernetes.io/zone": ["a", "b"],
    }


def test_a_label_that_tells_nodes_apart_is_no_offer() -> None:
    """A label with a value for each node names nodes, so it is left out once there are many."""
    nodes = [
        b.node(
            f"ws-{number}", b.WORKSPACES, labels={"node.kubernetes.io/instance-type": str(number)}
        )
        for number in range(17)
    ]
    assert "nodeLabels" not in placement(b.world(managed("coder"), nodes))["workspaces"]


def test_nodes_that_are_not_ready_offer_nothing() -> None:
    """Only nodes that could take a Pod now are counted among the offers."""
    nodes = [b.node("a", b.WORKSPACES, zone="a"), b.node("b", b.WORKSPACES, zone="b", ready=False)]
    made = placement(b.world(managed("coder"), nodes))
    assert made["workspaces"]["nodeLabels"] == {"topology.kubernetes.io/zone": ["a"]}


def test_where_no_mutating_policy_is_served_nothing_is_said_to_be_placed() -> None:
    """An older API server: the engine is None with the reason, the modes are Off."""
    world = b.world(managed("coder"), b.pools(), served=Served((), ("v1",)))
    made = placement(world)
    assert made["engine"] == "None"
    assert "serves no MutatingAdmissionPolicy" in made["engineReason"]
    assert made["controlPlane"]["mode"] == made["workspaces"]["mode"] == "Off"
    assert made["workspaces"]["hostVolumes"] == "Warn"


def test_the_alpha_version_is_not_used() -> None:
    """Alpha lacks functions that the expressions need; beta has them."""
    alpha = b.world(managed("coder"), served=Served(("v1alpha1",), ("v1",)))
    beta = b.world(managed("coder"), served=Served(("v1beta1", "v1alpha1"), ("v1",)))
    assert placement(alpha)["engine"] == "None"
    assert placement(beta)["engineReason"].endswith("MutatingAdmissionPolicy v1beta1")


def test_unknown_serving_keeps_the_engine() -> None:
    """While discovery does not answer, what acted before is still said to act."""
    world = b.world(managed("coder"), b.pools())
    before = placement(world)
    unknown = Unavailable(Absence.TIMED_OUT, "no answer")
    blind = replace(_after(world, before), snapshot=replace(world.snapshot, served=unknown))
    after = placement(blind)
    assert after["engine"] == "MutatingAdmissionPolicy"
    assert after["workspaces"] == before["workspaces"]


def test_the_placement_is_what_the_status_may_hold() -> None:
    """Every field that is written stands in the status model, so the API server prunes none."""
    spec = managed("coder")
    spec["spec"]["workspaces"]["storage"] = {
        "storageClassName": "fast",
        "minSize": "1Gi",
        "maxSize": "9Gi",
    }
    spec["spec"]["workspaces"]["nodePool"]["tolerations"] = [{"operator": "Exists"}]
    fast = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast"},
        "provisioner": "x",
    }
    made = placement(b.world(spec, b.node("ws", b.WORKSPACES, zone="a"), fast))
    dumped = Placement.model_validate(made).model_dump(
        mode="json", by_alias=True, exclude_unset=True
    )
    assert dumped == made


def _mode(world: World, which: str) -> str:
    mode: str = placement(world)[which]["mode"]
    return mode


def _after(world: World, before: dict[str, Any]) -> World:
    return replace(world, previous={"placement": before})
