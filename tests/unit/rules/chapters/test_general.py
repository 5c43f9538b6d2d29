from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules.chapters.general import the_reference_architecture_fits
from coder_cva.rules.model import Verdict
from support import builders
from support.corpus import merged
from support.deployments import adopted


def judged(count: int, **architecture: Any) -> Any:
    """The judgement where so many workspaces run."""
    deployment = merged(adopted("coder"), {"spec": {"architecture": architecture}})
    labels = {"com.coder.resource": "true"}
    pods = [builders.pod(f"workspace-{number}", "coder", labels=labels) for number in range(count)]
    return the_reference_architecture_fits(builders.world(deployment, builders.pools(), pods))


def test_the_limit_itself_is_within_the_tier() -> None:
    """Tier 1k holds 600 running workspaces."""
    assert judged(600).verdict is Verdict.PASSED


def test_what_runs_counts_although_nobody_said_it() -> None:
    """The 601st means the next tier, which the remedy names."""
    found = judged(601)

    assert found.verdict is Verdict.FAILED
    (finding,) = found.findings
    assert finding.field == "status.workspaces.count"
    assert finding.observed == "601 running workspaces are more than its 600"
    assert finding.remedy.endswith("spec:\n  architecture:\n    tier: 2k")


def test_what_is_said_and_what_runs_lead_to_one_tier() -> None:
    """The remedy holds both, or the next look would find the other one."""
    assert "tier: 3k" in judged(601, users=2100).findings[0].remedy


def test_a_workspace_of_several_pods_is_one() -> None:
    """Coder's id tells which belong together; Pods without one count each."""
    pods = [
        builders.pod(f"ws-{number}-{part}", "coder", labels={"com.coder.workspace.id": str(number)})
        for number in range(600)
        for part in range(2)
    ]

    found = the_reference_architecture_fits(
        builders.world(adopted("coder"), builders.pools(), pods)
    )

    assert found.verdict is Verdict.PASSED
    assert "600 of 600 workspaces run" in found.message


@pytest.mark.parametrize(
    ("architecture", "tier"),
    [
        ({"users": 2000}, "2k"),
        ({"users": 2001}, "3k"),
        ({"users": 1001, "concurrentBuilds": 120}, "2k"),
        ({"users": 1001, "concurrentBuilds": 121}, "3k"),
        ({"users": 1001, "concurrentWorkspaces": 1200}, "2k"),
        ({"users": 1001, "concurrentWorkspaces": 1201}, "3k"),
        ({"concurrentBuilds": 61}, "2k"),
        ({"concurrentWorkspaces": 6000}, "10k"),
    ],
)
def test_the_remedy_is_the_smallest_tier_that_holds_everything(
    architecture: dict[str, int], tier: str
) -> None:
    """To the last user, workspace and build."""
    found = judged(0, tier="1k", **architecture)

    assert found.verdict is Verdict.FAILED
    assert {one.remedy.rpartition(": ")[2] for one in found.findings} == {tier}


def test_beyond_the_largest_tier_there_is_none_to_name() -> None:
    """Another deployment is the way, or an accepted finding."""
    found = judged(0, tier="10k", users=10_001)

    assert "no tier is larger" in found.findings[0].remedy
