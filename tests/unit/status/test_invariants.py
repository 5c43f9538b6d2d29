"""Each law is broken by a status that breaks it, and by no other."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.status.invariants import broken

READY = {"type": "Ready", "status": "True", "reason": "AsIntended", "message": "well", "observedGeneration": 2}  # fmt: skip
NOT_READY = {**READY, "status": "False", "reason": "Forbidden"}
RECONCILING = {**READY, "type": "Reconciling", "reason": "Writing"}
STALLED = {**READY, "type": "Stalled", "reason": "InvalidSpec"}
CONFORMANT = {**READY, "type": "Conformant", "reason": "AllPassed"}
VERDICTS = {"CVA-NODE-001": "passed", "CVA-DB-001": "unknown (NotImplemented)"}
SUMMARY = {"passed": 1, "failed": 0, "unknown": 1, "notApplicable": 0}
LAWFUL: dict[str, Any] = {
    "conditions": [READY, CONFORMANT],
    "verdicts": VERDICTS,
    "summary": SUMMARY,
}


@pytest.mark.parametrize(
    "status",
    [
        LAWFUL,
        {"conditions": [NOT_READY]},
        {"conditions": [NOT_READY, STALLED]},
        {"conditions": [NOT_READY, RECONCILING]},
    ],
    ids=["ready", "not ready", "stalled", "reconciling"],
)
def test_a_lawful_status_breaks_no_law(status: dict[str, Any]) -> None:
    """Each of the states that there are."""
    assert broken(status, 2) == ()


@pytest.mark.parametrize(
    ("law", "status"),
    [
        (
            "S001",
            {"conditions": [CONFORMANT], "verdicts": {"a": "passed"}, "summary": {"passed": 1}},
        ),
        ("S002", {"conditions": [READY, STALLED]}),
        ("S003", {"conditions": [NOT_READY, STALLED, RECONCILING]}),
        ("S004", {"conditions": [NOT_READY, {**RECONCILING, "status": "False"}]}),
        ("S005", {"conditions": [{**READY, "observedGeneration": 3}]}),
        ("S006", {"conditions": [READY, READY]}),
        ("S007", {"conditions": [{**READY, "reason": "as intended"}]}),
        ("S007", {"conditions": [{**READY, "message": ""}]}),
        ("S007", {"conditions": [{**READY, "message": "x" * 1025}]}),
        ("S008", {"conditions": [READY, CONFORMANT]}),
        ("S009", {"conditions": [READY, RECONCILING]}),
        ("S010", {**LAWFUL, "summary": {**SUMMARY, "passed": 2}}),
    ],
)
def test_a_law_that_is_broken_is_named(law: str, status: dict[str, Any]) -> None:
    """That one and no other."""
    assert [sentence[:4] for sentence in broken(status, 2)] == [law]
