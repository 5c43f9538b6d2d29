"""An attestation and a waiver over the days, as the status and the Events tell them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from coder_cva.desired.plan import Plan
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Finding, Rule, failed
from coder_cva.status.account import account
from coder_cva.status.events import deserved
from coder_cva.values.manifest import Ref, pruned
from support import builders
from support.corpus import merged
from support.deployments import adopted

CR = Ref("cva.coder.com/v1alpha1", "CoderDeployment", "coder", "coder")
END = datetime(2027, 1, 31, 9, tzinfo=UTC)
SPEC = {
    "attestations": [{"clause": "CVA-OPS-004", "evidence": "the wiki", "until": "2027-01-31"}],
    "waivers": [{"rule": "CVA-NODE-001", "reason": "agreed", "until": "2027-02-02"}],
}
BREAKS = Rule("CVA-NODE-001", lambda _: failed("no", [Finding("CVA-NODE-001", "Pool workspaces")]))


def status(day: int) -> dict[str, Any]:
    """The account so many days after the attestation's last one, when nothing else changes."""
    cr = merged(adopted("coder"), {"spec": SPEC})
    world = builders.world(cr, builders.pools(), now=END + timedelta(days=day))
    told: dict[str, Any] = pruned(account(world, Plan(), evaluate(world, (BREAKS,)), ()))
    return told


def test_each_end_is_told_when_it_comes_near_and_when_it_comes() -> None:
    """Four Events in forty days, however often somebody looks; afterwards nothing more."""
    before, told = status(-30), []
    for day in range(-30, 11):
        for _ in range(2):
            after = status(day)
            told += [(day, one.reason, one.type) for one in deserved(before, after, (), CR, "u")]
            before = after

    assert told == [
        (-14, "AttestationEnding", "Warning"),
        (-12, "WaiverEnding", "Warning"),
        (1, "AttestationEnded", "Warning"),
        (3, "WaiverEnded", "Warning"),
    ]


def test_the_status_follows_the_days() -> None:
    """Verdict, waived failures and notices change on the same day."""
    days = {day: status(day) for day in (-30, 0, 1, 2, 3)}

    assert "notices" not in days[-30]
    verdicts = {day: one["verdicts"]["CVA-OPS-004"] for day, one in days.items()}
    assert verdicts == {
        -30: "passed (Attested)",
        0: "passed (Attested)",
        **dict.fromkeys((1, 2, 3), "unknown (NotAttested)"),
    }
    waived = {day: one["summary"].get("waived") for day, one in days.items()}
    assert waived == {-30: 1, 0: 1, 1: 1, 2: 1, 3: 0}
    assert [one["kind"] for one in days[3]["notices"]] == ["AttestationEnded", "WaiverEnded"]


def test_an_operator_that_starts_anew_tells_it_again_to_nobody() -> None:
    """What stands in the status was told; only a resource without one hears of it."""
    soon = status(-3)

    assert deserved(soon, status(-2), (), CR, "u") == ()
    assert len(deserved({}, soon, (), CR, "u")) == 2
