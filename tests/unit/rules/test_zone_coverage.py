"""Homes of stopped workspaces where the pool has no node."""

from __future__ import annotations

from typing import Any

from coder_cva.rules import zone_coverage
from support import builders
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_id


def home(name: str, zone: str = "b", **over: Any) -> list[dict[str, Any]]:
    """The claim of a stopped workspace, and its volume in a zone."""
    claim = f"coder-{workspace_id(name)}-home"
    volume = builders.persistent_volume(f"pv-{claim}", f"coder/{claim}", zone, **over)
    return [builders.bound(workspace_deployment(name)[0]), volume]


def found(*manifests: Any) -> list[tuple[str, str]]:
    """What is expected and observed, by place."""
    world = builders.world(adopted("coder"), *manifests)
    return [(one.expected, one.observed) for one in zone_coverage.findings(world)]


def node(name: str = "ws-1", **over: Any) -> dict[str, Any]:
    """A node of the workspaces' pool."""
    return builders.node(name, builders.WORKSPACES, **over)


def test_a_node_in_each_zone_is_enough() -> None:
    """Also one that is not ready for a while."""
    nodes = [node(zone="a"), node("ws-2", zone="b", ready=False)]

    assert found(nodes, home("one"), home("two", "a")) == []


def test_each_zone_without_a_node_is_told_once() -> None:
    """With the homes that are there."""
    told = found(node(zone="a"), home("one"), home("two"), home("three", "c"))

    assert [expected.partition(",")[0] for expected, _ in told] == [
        "a node in topology.kubernetes.io/zone=b",
        "a node in topology.kubernetes.io/zone=c",
    ]
    assert "2 homes of stopped workspaces: coder/coder-" in told[0][1]
    assert "1 home of stopped workspaces" in told[1][1]


def test_a_pool_without_nodes_says_nothing_of_zones() -> None:
    """It may be scaled to nothing."""
    assert found(builders.node("other", zone="a"), home("one")) == []


def test_a_workspace_that_has_a_pod_is_told_of_elsewhere() -> None:
    """It runs beside the pool, or waits."""
    volume = home("one")[1]
    stray = builders.node("stray", zone="b")
    runs = builders.all_running(workspace_deployment("one"), ["stray"])

    assert found(node(zone="a"), stray, volume, runs) == []


def test_what_is_in_no_zone_or_on_one_node_is_another_matter() -> None:
    """The one is reached from everywhere, the other is CVA-STO-004's; what was let go is nobody's."""
    local = [{"matchExpressions": [{"key": "kubernetes.io/hostname", "operator": "In", "values": ["gone"]}]}]  # fmt: skip

    assert found(node(zone="a"), home("one", "")) == []
    assert found(node(zone="a"), home("one", "", terms=local)) == []
    assert found(node(zone="a"), home("one", phase="Released")) == []


def test_the_claims_of_others_are_none_of_ours() -> None:
    """A database beside the workspaces."""
    claim, volume = home("one")
    claim["metadata"]["labels"] = {"app": "postgres"}

    assert found(node(zone="a"), claim, volume) == []


def test_the_remedy_says_where_to_add_nodes() -> None:
    """By the label of the zone and those of the pool."""
    world = builders.world(adopted("coder"), node(zone="a"), home("one"))

    (finding,) = zone_coverage.findings(world)

    assert (finding.rule, finding.resource) == ("CVA-NODE-004", "Pool workspaces")
    assert "topology.kubernetes.io/zone=b" in finding.remedy
    assert "coder.com/node-group=workspaces" in finding.remedy
