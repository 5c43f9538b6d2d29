"""Whether coderd's replicas find room on the static pool: what counts, and what is another clause's matter."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules import static_capacity
from support import builders
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.deployments import adopted, region

TIER = {"cpu": "2", "memory": "8Gi"}


def node(name: str, **over: Any) -> dict[str, Any]:
    """A node of the control plane's pool that holds one replica of the tier."""
    return builders.node(
        name, builders.CONTROL_PLANE, **{"cpu": "3", "memory": "12Gi", "pods": "9", **over}
    )


def told(*nodes: Any, spec: dict[str, Any] | None = None, **coderd: Any) -> list[str]:
    """What is observed of a pool of these nodes, with three replicas on the first."""
    licensed = {"controlPlane": {"highAvailabilityLicensed": True}}
    cr = merged(adopted("coder"), {"spec": merged(licensed, spec or {})})
    made = chart_coderd(**{"replicas": 3, "resources": TIER, **coderd})
    home = nodes[0]["metadata"]["name"] if nodes else "stray"
    stray = [] if nodes else [builders.node("stray")]
    world = builders.world(cr, *nodes, *stray, builders.all_running(made, [home]))
    return [one.observed for one in static_capacity.findings(world)]


def test_one_node_more_than_replicas_is_enough() -> None:
    """Each node has room for one."""
    four = [node(f"n{number}") for number in range(4)]

    assert told(*four) == []
    assert len(told(*four[:3])) == 1


def test_its_own_replicas_take_no_room() -> None:
    """They are what the room is for, wherever they crowd now."""
    assert told(node("a", cpu="8", memory="32Gi"), node("b", cpu="8", memory="32Gi")) == []


def test_the_largest_node_is_the_one_that_is_lost() -> None:
    """Whoever loses a small one is not worse off."""
    (observed,) = told(node("a"), node("b", cpu="16", memory="64Gi"))

    assert "3 CPU and 12Gi up to 16 CPU and 64Gi" in observed
    assert observed.endswith("without b for 1")


def test_encryption_takes_a_core_more() -> None:
    """As the operator itself would size the replicas."""
    nodes = [node(f"n{number}", cpu="5", memory="64Gi") for number in range(3)]
    keys = {"keysSecretRef": {"name": "keys", "key": "keys"}}

    assert told(*nodes) == []
    assert len(told(*nodes, spec={"controlPlane": {"encryption": keys}})) == 1


def test_a_sidecar_counts_beside_coderds_own_request() -> None:
    """The scheduler sees the Pod."""
    coder = chart_coderd(resources=TIER)[-1]["spec"]["template"]["spec"]["containers"][0]
    sidecar = {"name": "proxy", "image": "envoy", "resources": {"requests": {"cpu": "1500m"}}}
    four = [node(f"n{number}") for number in range(4)]

    assert len(told(*four, pod={"containers": [coder, sidecar]})) == 1


def test_several_replicas_without_the_word_of_a_licence_are_several() -> None:
    """They run: a spare node is asked for. One alone asks for none."""
    unlicensed = {"controlPlane": {"highAvailabilityLicensed": False}}

    assert len(told(node("a"), spec=unlicensed)) == 1
    assert told(node("a"), spec=unlicensed, replicas=1) == []


def test_the_older_edition_asks_for_room_and_for_no_spare_node() -> None:
    """Its nodes are counted by another clause; that others fill them is not."""
    spec = {"edition": "2024", "architecture": {"tier": "2k"}}
    two = [node(name, cpu="4", memory="16Gi") for name in "ab"]
    other = builders.running(builders.pod("batch", "jobs", cpu="2"), ["a"])
    coderd = {"replicas": 2, "resources": {"cpu": "3", "memory": "10Gi"}}

    assert told(*two, spec=spec, **coderd) == []
    (observed,) = told(*two, other, spec=spec, **coderd)
    assert observed.endswith("room for 0 + 1 = 1 replica")
    assert told(two[0], spec=spec, **coderd) == []


@pytest.mark.parametrize(
    "over",
    [{"cpu": "0"}, {"memory": "0"}, {"pods": "0"}, {"cpu": "1"}],
    ids=["cpu", "memory", "pods", "too-small-a-machine"],
)
def test_what_is_not_known_or_told_elsewhere_is_no_finding(over: dict[str, str]) -> None:
    """A node that does not say what it has; a machine of which CVA-NODE-007 tells."""
    assert told(node("a"), node("b", **over)) == []


def test_a_pool_without_nodes_is_another_clauses_matter() -> None:
    """CVA-NODE-001."""
    assert told() == []


def test_a_region_has_no_coderd() -> None:
    """And no pool for it."""
    assert static_capacity.findings(builders.world(region("coder"), node("a"))) == []


def test_a_long_sum_is_told_as_a_sum() -> None:
    """Of ten nodes nobody reads ten figures."""
    spec = {"architecture": {"tier": "10k"}}
    ten = [node(f"n{number}", cpu="8", memory="16Gi") for number in range(10)]

    (observed,) = told(*ten, spec=spec)

    assert "room for 10 replicas, without n0 for 9" in observed


def test_a_taint_that_the_pool_says_is_tolerated() -> None:
    """At admission, or by the chart's values."""
    taint = {"key": "dedicated", "value": "coder", "effect": "NoSchedule"}
    four = [node(f"n{number}", taints=[taint]) for number in range(4)]
    said = {"controlPlane": {"nodePool": {"tolerations": [{"key": "dedicated", "value": "coder"}]}}}

    assert len(told(*four)) == 1
    assert told(*four, spec=said) == []
    assert told(*four, pod={"tolerations": [{"operator": "Exists"}]}) == []
