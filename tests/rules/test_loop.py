"""The loop: the world that results from what the operator writes has nothing that the rules would fault."""

from __future__ import annotations

from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.desired import render
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Verdict
from coder_cva.rules.registry import ALL
from support import builders, coder_manifests, workspace_manifests
from support.corpus import merged
from support.deployments import managed
from support.policies import service
from support.specs import CONTROL_PLANES, WORKSPACES

MANAGED: Final = CONTROL_PLANES.filter(lambda it: it.get("management", "Managed") == "Managed")
OWN_CHOICES: Final = {"CVA-OPS-002", "CVA-PROV-002", "CVA-SUP-001"}
"""Variables and links are the user's own words, and the access URL is theirs to say. Built-in provisioners
stay until external ones are there: whoever has a large tier is told."""
NOT_MADE: Final = {
    "CVA-DB-002",
    "CVA-DB-003",
    "CVA-DB-004",
    "CVA-DB-005",
    "CVA-DB-006",
    "CVA-DB-007",
    "CVA-DB-008",
    "CVA-DB-009",
    "CVA-DB-010",
    "CVA-NODE-002",
    "CVA-NODE-004",
    "CVA-OBS-002",
    "CVA-OBS-003",
    "CVA-OPS-001",
    "CVA-OPS-003",
    "CVA-OPS-005",
    "CVA-PROV-001",
}
"""Node groups and their autoscalers are the cluster's. External provisioners are installed by others, and these
are as few as the test needs; so is what collects metrics and raises alarms; and where a manifest is kept its
author knows; accounts and templates are made by people, in Coder itself. Nothing of the database is declared
here, it is looked at only where that is asked for, no backup of it is made yet, and no earlier look remembers a version of coderd."""
NOT_SAID: Final = "spec.template.spec.containers[coder].env[CODER_ACCESS_URL]"
"""Without an access URL in the spec the operator knows the Service alone, which nobody outside reaches."""
MACHINES: Final = {
    "node.kubernetes.io/instance-type": "m5.2xlarge",
    "topology.kubernetes.io/region": "eu-west-1",
}
KEYS = {"keysSecretRef": {"name": "keys", "key": "keys"}}
SCRAPER = [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


def spec(**over: Any) -> dict[str, Any]:
    made: dict[str, Any] = merged(managed("coder"), {"spec": over})
    return made


@pytest.mark.parametrize("edition", ["2024", "2026"])
@pytest.mark.parametrize(
    "over",
    [
        {"architecture": {"tier": None, "users": 80}},
        {"architecture": {"tier": "2k"}, "provisioners": {"builtInDaemons": 0}},
        {"architecture": {"tier": "3k"}, "provisioners": {"builtInDaemons": 0}},
        {"architecture": {"tier": "1k", "users": 90}, "controlPlane": {"encryption": KEYS}},
        {"architecture": {"users": 90}, "controlPlane": {"tls": {"secretNames": ["tls"]}}},
        {"architecture": {"users": 90}, "network": {"monitoring": SCRAPER}},
        {"architecture": {"users": 90}, "controlPlane": {"accessURL": "https://coder.example.com"}},
    ],
    ids=["users", "2k", "3k", "encryption", "tls", "monitoring", "access-url"],
)
def test_what_the_operator_makes_obeys_the_architecture(edition: str, over: dict[str, Any]) -> None:
    """A managed Coder as it is rendered and rolled out: every judged clause passes or does not apply."""
    deployment = spec(edition=edition, **over)
    plane, spaces = (
        [f"{pool}-{number}" for number in (1, 2, 3, 4)]
        for pool in (builders.CONTROL_PLANE, builders.WORKSPACES)
    )
    there = [
        [
            builders.node(name, name.rpartition("-")[0], labels=MACHINES)
            for name in (*plane, *spaces)
        ],
        storage(),
        builders.all_running(
            [workspace_manifests.workspace_deployment(storage_class="fast")], spaces
        ),
        # With a key what they build for is hidden in it, and nobody could say more than Unknown.
        builders.all_running([coder_manifests.chart_provisioner(key=False)], plane),
        builders.running(builders.pod("prometheus", "monitoring"), spaces),
    ]
    plan = render.plan(builders.world(deployment, there))

    world = builders.world(deployment, there, builders.all_running(plan.objects, plane))

    judged = {rule.id for rule in ALL} - NOT_MADE
    bad = [
        (one.id, one.verdict, one.message)
        for one in evaluate(world, strict=True).results
        if one.id in judged and one.verdict not in (Verdict.PASSED, Verdict.NOT_APPLICABLE)
        if [finding.field for finding in one.findings] != [NOT_SAID]
    ]
    assert bad == []


@settings(max_examples=60)
@given(MANAGED, WORKSPACES, st.sampled_from(["1k", "2k", "3k"]))
def test_whatever_a_spec_says_what_is_rendered_obeys(
    plane: dict[str, Any], workspaces: dict[str, Any], tier: str
) -> None:
    """TLS, encryption, labels, pools, variables: nothing fails by what the operator itself makes."""
    own = {key: one for key, one in plane.items() if key not in ("replicas", "resources")}
    cr = managed("coder")
    cr["spec"] |= {"architecture": {"tier": tier}, "controlPlane": own, "workspaces": workspaces}

    failed = failures(cr)

    named = workspaces.get("storage", {}).get("storageClassName")
    assert failed <= OWN_CHOICES | NOT_MADE | ({"CVA-STO-002"} if named else set())


def test_what_is_in_use_is_all_that_is_told_of_isolated_workspaces() -> None:
    """Exceptions open no workspace to whom nothing leads: what leads somewhere is the only finding."""
    names = ("one", "two", "three")
    workspaces = [workspace_manifests.workspace_deployment(name) for name in names]
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "9090"}
    workspaces[0][-1]["spec"]["template"]["metadata"]["annotations"] = annotations
    label = {"com.coder.workspace.id": workspace_manifests.workspace_id("two")}
    there = [builders.pools(), builders.all_running(workspaces), service("app", label, 3000)]
    plan = render.plan(builders.world(spec(), there))

    report = evaluate(builders.world(spec(), there, list(plan.objects)), strict=True)

    (result,) = [one for one in report.results if one.id == "CVA-NET-005"]
    assert "3 of 3 workspaces are closed to strangers" in result.message
    assert sorted(one.resource for one in result.findings) == [
        "Service coder/app",
        f"annotation prometheus.io/scrape of Deployment coder-{workspace_manifests.workspace_id('one')} in coder",
    ]


def test_the_loop_can_fail() -> None:
    """What the user decides against the architecture is seen in what is rendered."""
    choices = {"replicas": 1, "resources": {"cpu": "500m"}}

    assert failures(spec(controlPlane=choices)) >= {"CVA-CTL-001", "CVA-CTL-002"}


def failures(cr: dict[str, Any]) -> set[str]:
    """The rules that fail once everything that the plan holds stands in the cluster and runs."""
    pools = {"cp": cr["spec"]["controlPlane"], "ws": cr["spec"]["workspaces"]}
    there = [
        storage(),
        *(
            builders.node(
                f"{name}-{number}", cpu="64", memory="256Gi", labels=one["nodePool"]["selector"]
            )
            for name, one in pools.items()
            for number in range(4)
        ),
    ]
    plan = render.plan(builders.world(cr, there))
    made = builders.all_running(plan.objects, [f"cp-{number}" for number in range(4)])
    report = evaluate(builders.world(cr, there, made), strict=True)
    return {one.id for one in report.results if one.verdict is Verdict.FAILED}


def storage() -> list[dict[str, Any]]:
    """A class of a CSI driver, as a cloud has it."""
    return [
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": "fast"},
            "provisioner": "disk.example.com",
            "volumeBindingMode": "WaitForFirstConsumer",
            "allowVolumeExpansion": True,
        },
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": "disk.example.com"},
        },
    ]
