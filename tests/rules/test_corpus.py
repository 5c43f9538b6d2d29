"""The corpus: a folder for each clause, files of worlds with the verdict in their names."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules.engine import evaluate
from coder_cva.rules.registry import ALL
from support import corpus

if TYPE_CHECKING:
    from coder_cva.rules.model import Finding, RuleResult

CASES = corpus.cases()
RULES = {rule.id: rule for rule in ALL}
PARTS = ("field", "expected", "observed", "remedy")
NEVER_FAILS = {"CVA-OPS-001"}
"""A cluster can prove it, and cannot refute it: values may be kept in Git and applied by hand."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_world_leads_to_the_verdict_that_its_file_is_named_after(case: corpus.Case) -> None:
    """Verdict, reason, message and every finding are as the file says.

    Only its own rule is asked: that no other one raises on this world is seen in test_laws.py.
    """
    report = evaluate(case.world(), [RULES[case.clause]], strict=True)
    result = next(one for one in report.results if one.id == case.clause)

    assert result.verdict.value == case.verdict, (result.message, result.findings)
    _says(result, case.expected)
    assert result.waived is case.expected.get("waived", False)


def _says(result: RuleResult, expected: dict[str, Any]) -> None:
    assert result.reason == expected.get("reason", ""), result.message
    for fragment in _texts(expected.get("message", [])):
        assert fragment in result.message
    wanted = expected.get("findings", [])
    assert len(result.findings) == len(wanted), result.findings
    for finding, one in zip(result.findings, wanted, strict=True):
        # Names that controllers make up end in a star.
        assert fnmatchcase(finding.resource, one["resource"]), result.findings
        _is_as(finding, one)


def _is_as(finding: Finding, wanted: dict[str, Any]) -> None:
    assert finding.waived is wanted.get("waived", False)
    for part in PARTS:
        for fragment in _texts(wanted.get(part, [])):
            assert fragment in getattr(finding, part)
    for fragment in _texts(wanted.get("never", [])):
        assert fragment not in finding.remedy


def _texts(said: Any) -> list[str]:
    return [said] if isinstance(said, str) else list(said)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_each_rule_is_shown_passing_failing_and_not_knowing(rule: Any) -> None:
    """No rule without its corpus."""
    shown = {case.verdict for case in CASES if case.clause == rule.id}

    wanted = {"passed", "unknown"} | ({"failed"} if rule.id not in NEVER_FAILS else set())
    assert wanted <= shown


def test_no_file_lies_where_nobody_looks() -> None:
    """Each folder is a rule, and each failure names what it found."""
    assert {case.clause for case in CASES} <= {rule.id for rule in ALL}
    for case in CASES:
        assert bool(case.expected.get("findings")) is (case.verdict == "failed"), case.name
