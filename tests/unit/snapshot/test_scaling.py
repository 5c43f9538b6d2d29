from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import pools, scaling
from coder_cva.snapshot.parse_cluster import node
from coder_cva.snapshot.parse_scaling import node_pool
from support import builders
from support import scaling_manifests as made
from support.coder_manifests import POOL

if TYPE_CHECKING:
    from coder_cva.snapshot.scaling import Evidence

SELECTOR = {POOL: "workspaces"}
AKS = {"kubernetes.azure.com/agentpool": "user"}


def seen(*manifests: Any, selector: Any = None) -> Evidence:
    """What is known of the pool of workspaces."""
    snapshot = builders.snapshot_of(*manifests)
    wanted = selector or SELECTOR
    return scaling.evidence(snapshot, builders.NOW, pools.pool_nodes(wanted, snapshot), wanted)


def pooled(name: str, **labels: str) -> dict[str, Any]:
    return builders.node(name, "workspaces", labels=labels)


def karpenter(name: str) -> dict[str, Any]:
    return pooled(name, **{"karpenter.sh/nodepool": "ws"})


def of_pool(**words: Any) -> scaling.Group:
    found = node_pool(made.node_pool("ws", **words))
    assert found is not None
    return scaling.of_node_pool(found)


def test_nothing_is_known_where_nothing_is_there() -> None:
    assert seen(pooled("a")) == scaling.Evidence(unknown=("a",))
    assert seen() == scaling.Evidence()


NODES = st.lists(
    st.sampled_from(["none", "karpenter", "aks-user", "aks-other", "machine", "openshift"]),
    max_size=6,
)
SOURCES = st.lists(
    st.sampled_from(
        [
            ("status", made.autoscaler_status([("aks-user-1-vmss", 1, 3, 2)])),
            ("odd", made.autoscaler_status([("custom", 1, 3, 2)], namespace="other")),
            ("pool", made.node_pool("ws")),
            ("machines", made.machine_deployment("md", sizes=(1, 3))),
            ("openshift", made.machine_autoscaler("set", 1, 3)),
        ]
    ),
    unique_by=lambda one: one[0],
)


def of_kind(kind: str, number: int) -> dict[str, Any]:
    name = f"n{number}"
    match kind:
        case "karpenter":
            return karpenter(name)
        case "aks-user" | "aks-other":
            return pooled(f"{kind}-1-vmss{number:06}", **AKS)
        case "machine":
            body = pooled(name)
            body["metadata"]["annotations"] = {"cluster.x-k8s.io/owner-name": "md-x1"}
            return body
        case "openshift":
            body = pooled(name)
            body["metadata"]["annotations"] = {
                "machine.openshift.io/machine": "openshift-machine-api/set-x1"
            }
            return body
        case _:
            return pooled(name)


@given(NODES, SOURCES)
def test_each_node_is_in_a_group_outside_of_all_or_unknown(
    kinds: list[str], sources: list[tuple[str, Any]]
) -> None:
    """One of the three, and only one; without a source nothing but OpenShift's own objects is known."""
    nodes = [of_kind(kind, number) for number, kind in enumerate(kinds)]
    found = seen(nodes, [body for _, body in sources])

    inside = {name for one in found.groups for name in one.nodes}
    parts = [inside, set(found.outside), set(found.unknown)]
    assert set().union(*parts) == {one["metadata"]["name"] for one in nodes}
    assert sum(map(len, parts)) == len(nodes)
    assert not set(found.unknown) & inside
    if not sources:
        assert len(found.unknown) == sum(kind != "openshift" for kind in kinds)


@pytest.mark.parametrize(
    ("written", "believed"),
    [
        ("2026-11-23 08:59:52", True),
        ("2026-11-23 08:50:00", True),
        ("2026-11-23 08:45:00", True),
        ("2026-11-23 08:44:59", False),
        ("2026-11-22 09:00:00", False),
    ],
)
def test_a_status_that_nobody_writes_any_more_is_no_evidence(written: str, believed: bool) -> None:
    """Ten minutes, and the step to which its time is cut."""
    status = made.autoscaler_status([("aks-user-1-vmss", 1, 3, 2)], written)

    found = seen(pooled("aks-user-1-vmss000000", **AKS), status)

    assert bool(found.groups) is believed
    assert any("not believed" in one for one in found.notes) is not believed


@pytest.mark.parametrize(
    ("words", "shrinks"),
    [
        ({}, True),
        ({"disruption": {"consolidationPolicy": "WhenEmpty", "consolidateAfter": "30s"}}, True),
        ({"disruption": {"consolidateAfter": "Never"}}, False),
        ({"disruption": {"budgets": [{"nodes": "0"}]}}, False),
        ({"disruption": {"budgets": [{"nodes": "0%"}, {"nodes": "50%"}]}}, False),
        ({"disruption": {"budgets": [{"nodes": "1"}]}}, True),
        ({"disruption": {"budgets": [{"nodes": "0", "schedule": "@daily"}]}}, True),
        (
            {"disruption": {"budgets": [{"nodes": "0", "reasons": ["Empty", "Underutilized"]}]}},
            True,
        ),
        (
            {
                "disruption": {
                    "budgets": [
                        {"nodes": "0", "reasons": ["Empty", "Underutilized"]},
                        {"nodes": "0", "reasons": ["Drifted"]},
                    ]
                }
            },
            False,
        ),
        ({"replicas": 3}, False),
    ],
)
def test_what_keeps_karpenter_from_taking_nodes_away(words: Any, shrinks: bool) -> None:
    """A budget of nothing at any time and for every reason, no consolidation at all, or a fixed number."""
    assert of_pool(**words).shrinks is shrinks


@pytest.mark.parametrize(
    ("words", "room"),
    [
        ({}, True),
        ({"limits": {"cpu": "8"}}, True),
        ({"limits": {"cpu": "8"}, "used": {"cpu": "7900m"}}, True),
        ({"limits": {"cpu": "8"}, "used": {"cpu": "8"}}, False),
        ({"limits": {"cpu": "8", "nodes": 2}, "used": {"cpu": "1", "nodes": "2"}}, False),
        ({"limits": {"cpu": "0"}}, False),
        ({"replicas": 3}, False),
    ],
)
def test_how_far_karpenter_may_go(words: Any, room: bool) -> None:
    assert of_pool(**words).has_room is room


def test_a_node_pool_without_nodes_counts_where_it_would_have_the_labels() -> None:
    """All labels of the selector, each as one of the values that the template leaves open."""
    there = [
        made.node_pool("fits", labels=SELECTOR),
        made.node_pool("other", labels={POOL: "other"}),
        made.node_pool("less", labels={"a": "b"}),
    ]

    assert [one.name for one in seen(there).groups] == ["fits"]
    assert seen(there, selector={**SELECTOR, "a": "b"}).groups == ()


def test_who_keeps_a_node_depends_on_who_made_it() -> None:
    """Each autoscaler reads its own annotation."""

    def is_kept(labels: Any, **annotations: str) -> bool:
        body = builders.node("a", labels=labels)
        keys = {"ca": scaling.SCALE_DOWN_DISABLED, "karpenter": scaling.DO_NOT_DISRUPT}
        body["metadata"]["annotations"] = {keys[key]: one for key, one in annotations.items()}
        found = node(body)
        assert found is not None
        return scaling.is_kept(found)

    assert is_kept({}, ca="true")
    assert not is_kept({}, ca="false")
    assert not is_kept({}, karpenter="true")
    assert is_kept({"karpenter.sh/nodepool": "a"}, karpenter="true")
    assert not is_kept({"karpenter.sh/nodepool": "a"}, ca="true")


def test_names_that_are_matched_with_no_node_are_told_in_part() -> None:
    groups = [(f"custom-{number}", 1, 2, 1) for number in range(5)]

    (note,) = seen(pooled("a"), made.autoscaler_status(groups)).notes

    assert "custom-0, custom-1, custom-2 and 2 more" in note


def test_a_tenants_status_is_nobodys_word() -> None:
    """It is told in one sentence, however many there are, and silent where the autoscaler itself speaks."""
    group = [("aks-user-1-vmss", 1, 9, 2)]
    pool = pooled("aks-user-1-vmss000000", **AKS)
    forged = [
        made.autoscaler_status(group, namespace=one) for one in ("tenant-b", "tenant-a", "tenant-c")
    ]

    it = seen(pool, *forged)

    assert (it.groups, it.unknown) == ((), ("aks-user-1-vmss000000",))
    (note,) = it.notes
    assert "namespace tenant-a (and 2 more) is not believed" in note
    assert note.endswith("AUTOSCALER_NAMESPACES=tenant-a in its environment")
    spoken = seen(pool, *forged, made.autoscaler_status([("aks-user-1-vmss", 1, 3, 3)]))
    assert [one.full for one in spoken.groups] == [True]
    assert spoken.notes == ()
    assert seen(pool, made.autoscaler_status(group, namespace="openshift-machine-api")).groups


def test_where_the_operator_is_told_so_it_is_believed() -> None:
    """Beside the cluster's own namespaces."""
    snapshot = builders.snapshot_of(
        pooled("aks-user-1-vmss000000", **AKS),
        made.autoscaler_status([("aks-user-1-vmss", 1, 9, 2)], namespace="autoscaler"),
    )
    nodes = pools.pool_nodes(SELECTOR, snapshot)
    believed = frozenset({"kube-system", "autoscaler"})

    assert scaling.evidence(snapshot, builders.NOW, nodes, SELECTOR, believed).groups
