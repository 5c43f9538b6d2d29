"""CVA-GEN-003 over more workspaces than a file of the corpus could hold."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Verdict
from support import builders
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.rules.model import RuleResult

LIMIT = 600
"""Running workspaces of tier 1k, edition 2026."""


def judged(workspaces: int, pods_each: int = 1, *, labelled: bool = True) -> RuleResult:
    """What is said about so many workspaces, each with so many Pods."""
    labels = [
        {"com.coder.workspace.id": str(number)} if labelled else {"app": "coder-workspace"}
        for number in range(workspaces)
    ]
    pods = [
        builders.running(builders.pod(f"ws-{number}-{part}", "coder", labels=labels[number]))
        for number in range(workspaces)
        for part in range(pods_each)
    ]
    world = builders.world(adopted("coder"), builders.pools(), pods, plausible=False)
    report = evaluate(world, strict=True)
    return next(one for one in report.results if one.id == "CVA-GEN-003")


@pytest.mark.parametrize("labelled", [True, False])
def test_the_tier_is_exceeded_by_one_workspace_too_many(labelled: bool) -> None:
    """Six hundred run in tier 1k; one more means the next tier, which the remedy names."""
    assert judged(LIMIT, labelled=labelled).verdict is Verdict.PASSED

    found = judged(LIMIT + 1, labelled=labelled)

    assert found.verdict is Verdict.FAILED
    assert [one.observed for one in found.findings] == [
        "601 running workspaces are more than its 600"
    ]
    assert "tier: 2k" in found.findings[0].remedy


def test_a_workspace_of_several_pods_is_one() -> None:
    """Coder's id tells which belong together."""
    found = judged(LIMIT, pods_each=2)

    assert found.verdict is Verdict.PASSED
    assert "600 of 600 workspaces run" in found.message
