"""The loop: a cluster in which stands what the operator renders obeys the rules that it enforces."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.desired import render
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Verdict
from support import builders
from support.corpus import merged
from support.deployments import managed
from support.specs import CONTROL_PLANES, WORKSPACES
from support.workspace_manifests import workspace_deployment

TIERS: Final = {"2024": ("1k", "2k", "3k"), "2026": ("1k", "2k", "3k", "10k")}
OWN_CHOICES: Final = {"CVA-PROV-002"}
"""Built-in provisioners stay until external ones are there: whoever has a large tier is told."""
STORAGE: Final = [
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "gp3"},
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    },
    {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "CSIDriver",
        "metadata": {"name": "ebs.csi.aws.com"},
    },
]


def after_writing(cr: dict[str, Any], *objects: Any) -> dict[str, Verdict]:
    """The verdicts once everything that the plan holds stands in the cluster and runs."""
    before = builders.world(cr, *objects)
    plan = render.plan(before)
    pool = cr["spec"]["controlPlane"]["nodePool"]["selector"]
    homes = [
        one["metadata"]["name"]
        for one in builders.flat(objects)
        if one["kind"] == "Node" and pool.items() <= one["metadata"]["labels"].items()
    ]
    written = builders.all_running([one for one in plan.objects if _is_watched(one)], homes)
    world = builders.world(cr, *objects, written)
    return {one.id: one.verdict for one in evaluate(world, strict=True).results}


def _is_watched(manifest: dict[str, Any]) -> bool:
    return "namespace" in manifest["metadata"]


def nodes(spec: dict[str, Any]) -> list[dict[str, Any]]:
    """Four large nodes of each pool."""
    pools = {
        "cp": spec["controlPlane"]["nodePool"]["selector"],
        "ws": spec["workspaces"]["nodePool"]["selector"],
    }
    return [
        builders.node(f"{name}-{number}", cpu="64", memory="256Gi", labels=labels)
        for name, labels in pools.items()
        for number in range(4)
    ]


@pytest.mark.parametrize(
    ("edition", "tier"), [(edition, tier) for edition, tiers in TIERS.items() for tier in tiers]
)
def test_a_managed_coder_obeys_its_own_rules(edition: str, tier: str) -> None:
    """Of each edition and tier: nothing fails but what the user's own figures lead to."""
    spec = {"edition": edition, "architecture": {"tier": tier}, "provisioners": {}}
    cr = merged(managed("coder"), {"spec": spec})
    workspace = builders.all_running(workspace_deployment(storage_class="gp3"), ["ws-0"])

    told = after_writing(cr, nodes(cr["spec"]), STORAGE, workspace)

    assert {name for name, verdict in told.items() if verdict is Verdict.FAILED} <= OWN_CHOICES
    passing = {name for name, verdict in told.items() if verdict is Verdict.PASSED}
    assert passing >= {
        "CVA-GEN-003",
        "CVA-CTL-001",
        "CVA-CTL-002",
        "CVA-CTL-004",
        "CVA-NODE-001",
        "CVA-NODE-003",
        "CVA-NODE-005",
        "CVA-NODE-006",
        "CVA-WS-001",
        "CVA-NET-001",
        "CVA-NET-002",
        "CVA-NET-003",
        "CVA-NET-004",
        "CVA-NET-005",
        "CVA-STO-001",
        "CVA-STO-002",
        "CVA-STO-004",
        "CVA-OBS-001",
    }


MANAGED: Final = CONTROL_PLANES.filter(lambda it: it.get("management", "Managed") == "Managed")


@settings(max_examples=60)
@given(MANAGED, WORKSPACES, st.sampled_from(["1k", "2k", "3k"]))
def test_whatever_a_spec_says_what_is_rendered_obeys(
    plane: dict[str, Any], workspaces: dict[str, Any], tier: str
) -> None:
    """TLS, encryption, labels, pools, variables: no rule about coderd fails by what the operator itself makes."""
    own = {key: one for key, one in plane.items() if key not in ("replicas", "resources")}
    cr = managed("coder")
    cr["spec"] |= {"architecture": {"tier": tier}, "controlPlane": own, "workspaces": workspaces}

    told = after_writing(cr, nodes(cr["spec"]), STORAGE)

    named = workspaces.get("storage", {}).get("storageClassName")
    expected = OWN_CHOICES | ({"CVA-STO-002"} if named else set())
    assert {name for name, verdict in told.items() if verdict is Verdict.FAILED} <= expected


def test_the_loop_can_fail() -> None:
    """What the user decides against the architecture is seen in what is rendered."""
    choices = {"controlPlane": {"replicas": 1, "resources": {"cpu": "500m"}}}
    cr = merged(managed("coder"), {"spec": choices})

    told = after_writing(cr, nodes(cr["spec"]))

    assert {name for name, verdict in told.items() if verdict is Verdict.FAILED} >= {
        "CVA-CTL-001",
        "CVA-CTL-002",
    }
