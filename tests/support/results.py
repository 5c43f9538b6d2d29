"""Results of rules, for what is made of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from coder_cva.catalogue.clauses import clauses
from coder_cva.rules.model import Finding, Report, RuleResult, Verdict

if TYPE_CHECKING:
    from coder_cva.catalogue.clauses import Clause

PASSED, FAILED = Verdict.PASSED, Verdict.FAILED
UNKNOWN, NOT_APPLICABLE = Verdict.UNKNOWN, Verdict.NOT_APPLICABLE


def clause(identity: str) -> Clause:
    """A clause of the catalogue."""
    return next(one for one in clauses() if one.id == identity)


def result(
    identity: str, verdict: Verdict, *, waived: bool = False, reason: str = ""
) -> RuleResult:
    """The result on one clause; a failure has one finding."""
    failed = verdict is FAILED
    finding = Finding(identity, "Pod coder/a", severity=clause(identity).severity, waived=waived)
    return RuleResult(
        clause=clause(identity),
        verdict=verdict,
        message=f"{identity} is {verdict}",
        reason=reason or ("NotImplemented" if verdict is UNKNOWN else ""),
        findings=(finding,) if failed else (),
        waived=waived,
    )


def report(*results: RuleResult) -> Report:
    """A report of these results."""
    return Report(results, tuple(one for it in results for one in it.findings))
