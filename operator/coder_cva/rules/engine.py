"""A world in, the report on every clause of the architecture out."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

from coder_cva.api.v1alpha1.governance import Waiver
from coder_cva.catalogue.clauses import SEVERITIES, Clause, Disposition, clauses
from coder_cva.desired.enforcement import Mode, mode
from coder_cva.rules.model import Finding, Judgement, Report, Rule, RuleResult, Verdict, unknown
from coder_cva.rules.registry import ALL
from coder_cva.snapshot.world import World

_ORDER = {severity.value: place for place, severity in enumerate(SEVERITIES)}


def evaluate(world: World, rules: Iterable[Rule] = ALL, *, strict: bool = False) -> Report:
    """The verdict on every clause. A rule that crashes is Unknown; with ``strict`` it raises."""
    by_id = {rule.id: rule for rule in rules}
    results = tuple(_result(one, by_id.get(one.id), world, strict=strict) for one in clauses())
    findings = [finding for one in results for finding in one.findings]
    findings.sort(key=lambda one: (one.waived, _ORDER[one.severity], one))
    return Report(results, tuple(findings))


def _result(clause: Clause, rule: Rule | None, world: World, *, strict: bool) -> RuleResult:
    judgement = _judgement(clause, rule, world, strict=strict)
    findings = _waived(clause, judgement.findings, world)
    return RuleResult(
        clause=clause,
        verdict=judgement.verdict,
        message=judgement.message,
        reason=judgement.reason,
        findings=findings,
        waived=bool(findings) and all(one.waived for one in findings),
    )


def _judgement(clause: Clause, rule: Rule | None, world: World, *, strict: bool) -> Judgement:
    if rule is None:
        return _without_rule(clause, world)
    if mode(world.deployment, clause.id) is Mode.OFF:
        return unknown("Off", "spec.enforcement.rules turns this rule off; it is not judged")
    missing = world.snapshot.missing()
    unread = sorted(rule.needs & missing.keys())
    if unread:
        why = "; ".join(
            f"{one.value}: {missing[one].message or missing[one].reason}" for one in unread
        )
        reason = missing[unread[0]].reason.value
        return unknown(reason, f"{', '.join(unread)} could not be read ({why}). {_help(reason)}")
    try:
        return rule.judge(world)
    except Exception as error:
        if strict:
            raise
        return unknown(
            "RuleCrashed", f"the rule failed on this cluster: {type(error).__name__}: {error}"
        )


def _help(reason: str) -> str:
    if reason == "Forbidden":
        return "Compare the operator's ClusterRole with deploy/base/rbac.yaml"
    return "It is tried again by itself"


def _without_rule(clause: Clause, world: World) -> Judgement:
    """Attested clauses stand by the user's word, as long as it lasts; others are not judged yet."""
    today = world.now.date()
    for one in world.deployment.spec.attestations:
        if one.clause == clause.id and one.until >= today:
            said = f"attested until {one.until.isoformat()}: {one.evidence}"
            return Judgement(Verdict.PASSED, said, "Attested")
    if clause.disposition is Disposition.ATTESTED:
        return unknown(
            "NotAttested",
            "no state of a cluster can prove this: state it with evidence and a date in spec.attestations",
        )
    return unknown("NotImplemented", "this version of the operator does not judge this clause yet")


def _waived(clause: Clause, findings: tuple[Finding, ...], world: World) -> tuple[Finding, ...]:
    today = world.now.date()
    waivers = [one for one in world.deployment.spec.waivers if one.rule == clause.id]
    return tuple(
        replace(
            one,
            severity=clause.severity.value,
            waived=any(_covers(waiver, one, today) for waiver in waivers),
        )
        for one in findings
    )


def _covers(waiver: Waiver, finding: Finding, today: date) -> bool:
    named = not waiver.resources or finding.resource in waiver.resources
    return named and today <= waiver.until
