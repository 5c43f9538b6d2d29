"""Verdicts, findings and the report: what a rule says, as values."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from operator import attrgetter
from typing import Final

from coder_cva.catalogue.clauses import Clause
from coder_cva.rules.texts import block, line
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World


class Verdict(StrEnum):
    """What is known about a clause. Unknown is a verdict: nothing unseen passes."""

    PASSED = "passed"
    FAILED = "failed"
    UNKNOWN = "unknown"
    NOT_APPLICABLE = "notApplicable"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """One thing that is not as the clause says, with the remedy to type where it belongs."""

    rule: str
    resource: str
    field: str = ""
    expected: str = ""
    observed: str = ""
    remedy: str = ""
    severity: str = ""
    waived: bool = False

    def judged(self, severity: str, *, waived: bool = False) -> "Finding":
        """The same with what the catalogue and the waivers say, fit to be shown; there may be thousands of them."""
        return Finding(
            self.rule,
            line(self.resource),
            line(self.field),
            line(self.expected),
            line(self.observed),
            block(self.remedy),
            severity,
            waived,
        )


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a rule's function returns: a verdict in one sentence, and its findings if it failed."""

    verdict: Verdict
    message: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """A clause's function, and the kinds that it looks at; it is not asked where one is unread."""

    id: str
    judge: Callable[[World], Judgement]
    needs: frozenset[Need] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class RuleResult:
    """The verdict on one clause. ``waived``: every finding of the failure lies under a waiver."""

    clause: Clause
    verdict: Verdict
    message: str
    reason: str = ""
    findings: tuple[Finding, ...] = ()
    waived: bool = False

    @property
    def id(self) -> str:
        """The clause's id."""
        return self.clause.id


class NoticeKind(StrEnum):
    """What is to be told of a restriction, a confirmation, an attestation or a waiver, most urgent first."""

    RESTRICTION_HARMS = "RestrictionHarms"
    """What became not ready since a restriction is in force."""
    CONFIRM_UNKNOWN = "ConfirmUnknown"
    """The hash in the spec is that of no preview."""
    CONFIRM_AGAIN = "ConfirmAgain"
    """Something came that nobody has confirmed yet."""

    ATTESTATION_ENDED = "AttestationEnded"
    """The clause is as open as before."""
    WAIVER_ENDED = "WaiverEnded"
    """The failure counts again."""
    ATTESTATION_ENDING = "AttestationEnding"
    """It ends within two weeks."""
    WAIVER_ENDING = "WaiverEnding"
    """It ends within two weeks."""
    ATTESTATION_NOT_TAKEN = "AttestationNotTaken"
    """For this clause nobody's word counts."""
    ATTESTATION_NOT_NEEDED = "AttestationNotNeeded"
    """A rule decides by itself."""
    WAIVER_UNUSED = "WaiverUnused"
    """There is nothing under it."""
    EXEMPTION_UNUSED = "ExemptionUnused"
    """It exempts nobody."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to know about what the spec attests, waives or confirms; of a clause at most one of each kind."""

    clause: str
    kind: NoticeKind
    message: str


@dataclass(frozen=True, slots=True)
class Report:
    """All clauses in the catalogue's order, all findings, worst first, and notices, urgent ones first."""

    results: tuple[RuleResult, ...] = ()
    findings: tuple[Finding, ...] = ()
    notices: tuple[Notice, ...] = ()


_TEXTS: Final = attrgetter("rule", "resource", "field", "expected", "observed", "remedy")
"""How findings are sorted: as their fields are, and compared without a call for each of thousands."""


def passed(message: str) -> Judgement:
    """The clause holds; the message is the evidence."""
    return Judgement(Verdict.PASSED, message)


def failed(message: str, findings: Iterable[Finding]) -> Judgement:
    """The clause does not hold, for these reasons."""
    return Judgement(Verdict.FAILED, message, findings=tuple(sorted(findings, key=_TEXTS)))


def unknown(reason: str, message: str) -> Judgement:
    """It cannot be told; ``reason`` is one CamelCase word."""
    return Judgement(Verdict.UNKNOWN, message, reason)


def not_applicable(message: str) -> Judgement:
    """The clause does not concern this deployment."""
    return Judgement(Verdict.NOT_APPLICABLE, message)


def verdict(findings: Iterable[Finding], *, held: str, broken: str) -> Judgement:
    """Failed with the findings where there are any, else passed with ``held`` as the evidence."""
    found = tuple(findings)
    return failed(broken, found) if found else passed(held)
