"""A world in, the report on every clause of the architecture out."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Final

from coder_cva.api.v1alpha1.governance import Waiver
from coder_cva.catalogue.clauses import SEVERITIES, Clause, Disposition, clauses
from coder_cva.desired.enforcement import Mode, mode
from coder_cva.rules import attestations
from coder_cva.rules.model import Finding, Judgement, Report, Rule, RuleResult, Verdict, unknown
from coder_cva.rules.notices import notices
from coder_cva.rules.registry import ALL
from coder_cva.rules.texts import line
from coder_cva.snapshot import saved
from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.needs import EXTENSIONS, SOURCES, Need
from coder_cva.snapshot.world import World

_ORDER: Final = {severity.value: place for place, severity in enumerate(SEVERITIES)}


def evaluate(world: World, rules: Iterable[Rule] = ALL, *, strict: bool = False) -> Report:
    """The verdict on every clause. A rule that crashes is Unknown; with ``strict`` it raises."""
    by_id = {rule.id: rule for rule in rules}
    results = tuple(_result(one, by_id.get(one.id), world, strict=strict) for one in clauses())
    findings = [finding for one in results for finding in one.findings]
    # The sort is stable: within a severity the catalogue's order stays, and each rule's own.
    findings.sort(key=lambda one: (one.waived, _ORDER[one.severity]))
    return Report(results, tuple(findings), notices(world, results))


def _result(clause: Clause, rule: Rule | None, world: World, *, strict: bool) -> RuleResult:
    judgement = _judgement(clause, rule, world, strict=strict)
    findings = _waived(clause, judgement.findings, world)
    return RuleResult(
        clause=clause,
        verdict=judgement.verdict,
        message=line(judgement.message),
        reason=judgement.reason,
        findings=findings,
        waived=bool(findings) and all(one.waived for one in findings),
    )


def _judgement(clause: Clause, rule: Rule | None, world: World, *, strict: bool) -> Judgement:
    if rule is None:
        return _without_rule(clause, world)
    if mode(world.deployment, clause.id) is Mode.OFF:
        return unknown("Off", "spec.enforcement.rules turns this rule off; it is not judged")
    return _by_rule(clause, rule, world, strict=strict)


def _by_rule(clause: Clause, rule: Rule, world: World, *, strict: bool) -> Judgement:
    """Where a rule looked and cannot tell, the user's word stands in for it, as long as it lasts.

    Not where a kind was not read: it may hold what contradicts that word.
    """
    unread = _unread(rule, world)
    if unread is not None:
        return unread
    try:
        judged = rule.judge(world)
    except Exception as error:
        if strict:
            raise
        return unknown(
            "RuleCrashed", f"the rule failed on this cluster: {type(error).__name__}: {error}"
        )
    if judged.verdict is not Verdict.UNKNOWN:
        return judged
    return attestations.attested(clause, world) or _ended(judged, clause, world)


def _unread(rule: Rule, world: World) -> Judgement | None:
    """Unknown where a kind that the rule needs could not be read: which, why, and what helps."""
    missing = world.snapshot.missing()
    unread = sorted(
        need for need in rule.needs & missing.keys() if not _has_none(need, missing[need])
    )
    if not unread:
        return None
    reason = missing[unread[0]].reason
    why = "; ".join(_words(one, missing[one]) for one in unread)
    return unknown(reason.value, f"could not be read: {why}. {_remedy(unread, reason)}")


def _words(need: Need, reading: Unavailable) -> str:
    """The kind with the API server's own words, which mostly begin with it."""
    kind, said = SOURCES[need].plural, reading.message or reading.reason.value
    return said if said.startswith(kind) else f"{kind}: {said}"


def _has_none(need: Need, reading: Unavailable) -> bool:
    """Whether nothing of a kind can be there: its API belongs to an extension that is not installed."""
    return need in EXTENSIONS and reading.reason is Absence.NOT_SERVED


def _remedy(unread: list[Need], reason: Absence) -> str:
    if reason is Absence.UNREADABLE:
        return "That is a fault of the operator: report it with the object's shape"
    if reason is Absence.NOT_SAVED:
        commands = " && ".join(saved.command(SOURCES[one]) for one in unread)
        return f"Save it into the folder of the others: {commands}"
    if reason is not Absence.FORBIDDEN:
        return "It is tried again by itself"
    kinds = sorted({(SOURCES[one].group, SOURCES[one].plural) for one in unread})
    rights = ", ".join(f"{plural}.{group}" if group else plural for group, plural in kinds)
    return f"Grant the operator list and watch on {rights}, as deploy/base/rbac.yaml does"


def _without_rule(clause: Clause, world: World) -> Judgement:
    """What only people can prove stands by their word, as long as it lasts; the rest is not judged yet."""
    word = attestations.attested(clause, world)
    if word is not None:
        return word
    state_it = "state it with evidence and a date in spec.attestations"
    if clause.disposition is Disposition.ATTESTED:
        said = f"no state of a cluster can prove this: {state_it}"
        return _ended(unknown("NotAttested", said), clause, world)
    judged = "this version of the operator does not judge this clause yet"
    said = f"{judged}; {state_it}" if clause.is_attestable else judged
    return _ended(unknown("NotImplemented", said), clause, world)


def _ended(judgement: Judgement, clause: Clause, world: World) -> Judgement:
    """The same, which says that somebody's word has ended, where it has."""
    return replace(judgement, message=judgement.message + attestations.ended(clause, world))


def _waived(clause: Clause, findings: tuple[Finding, ...], world: World) -> tuple[Finding, ...]:
    today = world.now.date()
    waivers = [one for one in world.deployment.spec.waivers if one.rule == clause.id]
    severity = clause.severity.value
    if not waivers:
        return tuple(one.judged(severity) for one in findings)
    return tuple(
        one.judged(severity, waived=any(_covers(waiver, one, today) for waiver in waivers))
        for one in findings
    )


def _covers(waiver: Waiver, finding: Finding, today: date) -> bool:
    named = not waiver.resources or line(finding.resource) in waiver.resources
    return named and today <= waiver.until
