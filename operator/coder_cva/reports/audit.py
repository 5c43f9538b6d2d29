"""What a report is made of: the verdicts on one deployment, whose they are, and when they were reached."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from coder_cva.catalogue.clauses import clauses
from coder_cva.reports.restrictions import Restrictions
from coder_cva.rules.model import Report, RuleResult, Verdict
from coder_cva.status import conformance

CHAPTERS: Final = tuple(dict.fromkeys(one.chapter for one in clauses()))
"""The chapters in the document's order."""


@dataclass(frozen=True, slots=True)
class Audit:
    """The verdicts on the cluster around one CoderDeployment, at one moment (aware, UTC)."""

    deployment: str
    """``namespace/name``."""
    edition: str
    tier: str
    moment: datetime
    report: Report
    restrictions: Restrictions = field(default_factory=Restrictions)
    """What restrictions would hit."""

    @property
    def conformant(self) -> Literal["True", "False", "Unknown"]:
        """True, False or Unknown: the condition of that name (see ``status.conformance``)."""
        (whole, *_) = conformance.conditions(self.report.results, "")
        return whole.status

    def count(self, verdict: Verdict) -> int:
        """How many clauses have this verdict."""
        return sum(one.verdict is verdict for one in self.report.results)

    def chapters(self) -> Iterator[tuple[str, tuple[RuleResult, ...]]]:
        """Each chapter that has clauses, with its results in the catalogue's order."""
        for chapter in CHAPTERS:
            found = tuple(one for one in self.report.results if one.clause.chapter == chapter)
            if found:
                yield chapter, found


def heading(audit: Audit) -> str:
    """What was judged, by which tables, and when."""
    when = audit.moment.strftime("%Y-%m-%d %H:%M")
    return f"CoderDeployment {audit.deployment}, tier {audit.tier} of edition {audit.edition}, {when} UTC"


def summary(audit: Audit) -> str:
    """One sentence on all clauses."""
    waived = sum(one.waived for one in audit.report.results)
    said = f"{audit.count(Verdict.FAILED)} failed"
    if waived:
        said += f" ({waived} of them waived)"
    return (
        f"{len(audit.report.results)} clauses: {audit.count(Verdict.PASSED)} passed, {said}, "
        f"{audit.count(Verdict.UNKNOWN)} unknown, {audit.count(Verdict.NOT_APPLICABLE)} not applicable"
    )


VERDICT_WORDS: Final = {
    "True": "Conformant: no clause of severity high or above fails, and all of them were judged.",
    "False": "Not conformant: at least one clause of severity high or above fails.",
    "Unknown": "Unknown: no clause of severity high or above fails, and at least one could not be judged.",
}
"""What the condition Conformant means, in a sentence; it is no approval by Coder."""
