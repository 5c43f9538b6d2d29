"""Conformant and one condition a chapter, from the report of the rules.

Conformant is no failed enforceable or checkable rule of severity high or above that is not waived,
and Unknown while such a rule could not be judged. Attested clauses are told and do not count: no
cluster state can prove them. False comes before Unknown, and Unknown before True.
"""

from typing import Final

from coder_cva.rules.model import RuleResult
from coder_cva.status.conditions import Condition
from coder_cva.status.reasons import Reason

COUNTING: Final = ("critical", "high")
CHAPTERS: Final = {
    "general": "GeneralConformant",
    "control-plane": "ControlPlaneConformant",
    "node-pools": "NodePoolsConformant",
    "workspaces": "WorkspacesConformant",
    "network": "NetworkConformant",
    "storage": "StorageConformant",
    "database": "DatabaseConformant",
    "provisioners": "ProvisionersConformant",
    "operations": "OperationsConformant",
    "observability": "ObservabilityConformant",
}
WORST_SHOWN: Final = 3


def conditions(results: tuple[RuleResult, ...], look: str) -> tuple[Condition, ...]:
    """Conformant first, then the chapters in their order; ``look`` is the command that shows the rest."""
    whole = _condition("Conformant", [one for one in results if _counts(one)], look)
    chapters = (
        (name, [one for one in results if one.clause.chapter == chapter])
        for chapter, name in CHAPTERS.items()
    )
    return (whole, *(_condition(name, those, look) for name, those in chapters if those))


def _condition(name: str, results: list[RuleResult], look: str) -> Condition:
    if not results:
        return Condition(name, "Unknown", Reason.NOTHING_JUDGED, "no clause was judged")
    judged = [one for one in results if one.verdict != "notApplicable"]
    failed = [one for one in judged if one.verdict == "failed" and not one.waived]
    unknown = [one for one in judged if one.verdict == "unknown"]
    if failed:
        return Condition(name, "False", Reason.FAILED_RULES, _message("failed", failed, look))
    if unknown:
        return Condition(name, "Unknown", Reason.UNKNOWN_RULES, _message("unknown", unknown, look))
    held = f"{len(judged)} clauses hold or are waived" if judged else "no clause applies here"
    return Condition(name, "True", Reason.ALL_PASSED, held)


def _counts(result: RuleResult) -> bool:
    return result.clause.severity in COUNTING and result.clause.disposition != "attested"


def _message(word: str, results: list[RuleResult], look: str) -> str:
    worst = results[:WORST_SHOWN]
    shown = "; ".join(_shown(one) for one in worst)
    more = f"; and {len(results) - len(worst)} more: {look}" if len(results) > len(worst) else ""
    return f"{len(results)} {word}: {shown}{more}"


def _shown(result: RuleResult) -> str:
    """A failure with its sentence; an unknown one with its reason, which mostly is the same for many."""
    if result.verdict == "failed":
        return f"{result.id}: {result.message}"
    return f"{result.id} ({result.reason}: {result.clause.title})"
