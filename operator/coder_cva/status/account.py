"""The account: what was observed, every clause with its verdict, the findings within bounds."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.api.v1alpha1.status import (
    FINDING_LIMIT,
    GROUP_LIMIT,
    NOTICE_LIMIT,
    OWNER_LIMIT,
    PREVIEW_LIMIT,
    WITHHELD_LIMIT,
)
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.placement import WORKSPACES_ON_POOL
from coder_cva.desired.plan import Plan, Preview, Withheld
from coder_cva.rules import load, misplaced, texts, upgrades
from coder_cva.rules.model import Finding, Notice, NoticeKind, Report, RuleResult, Verdict
from coder_cva.rules.subjects import NAMESPACES, WORKSPACES
from coder_cva.sizing.size import size
from coder_cva.sizing.steps import steps
from coder_cva.snapshot.world import World
from coder_cva.status import bites, confirming

FIELD_LEFT: Final = "FieldLeft"
"""The finding of the operator's own: a field of ours that another manager will not let go."""


def account(
    world: World, plan: Plan, report: Report, changes: tuple[Change, ...]
) -> dict[str, Any]:
    """The parts of the status that are counted or listed; None where there is nothing to say."""
    findings = [*_fields_left(changes), *(_finding(one) for one in report.findings)]
    bitten = bites.bites(world, plan)
    return {
        "controlPlane": _control_plane(world.deployment, world),
        "workspaces": _workspaces(world, report),
        "sizing": _sizing(world),
        "summary": summary(report),
        "verdicts": {one.id: _verdict(one) for one in report.results},
        "findings": shown(findings) or None,
        "findingsTotal": len(findings),
        "findingsBySeverity": dict(sorted(Counter(one["severity"] for one in findings).items())),
        "notices": [notice(one) for one in notices(world, plan, report, bitten)[:NOTICE_LIMIT]]
        or None,
        "previews": previews(world, plan)[:PREVIEW_LIMIT] or None,
        "confirm": confirming.told(world, plan),
        "restrictions": bites.told(bitten) or None,
        "withheld": [
            {"subject": one.subject, "reason": one.reason, "message": one.message}
            for one in sorted((*plan.withheld, *_undone(changes)))[:WITHHELD_LIMIT]
        ]
        or None,
    }


def shown(findings: list[dict[str, Any]], limit: int = FINDING_LIMIT) -> list[dict[str, Any]]:
    """As many findings as fit, in their order: of each rule the first, then whichever come first.

    So no rule is hidden behind the many findings of another one.
    """
    first: dict[str, int] = {}
    for place, one in enumerate(findings):
        first.setdefault(one["rule"], place)
    leading = set(first.values())
    rest = (place for place in range(len(findings)) if place not in leading)
    chosen = [*sorted(leading), *rest][:limit]
    return [findings[place] for place in sorted(chosen)]


def summary(report: Report) -> dict[str, int]:
    """How many clauses have which verdict; waived ones are failed ones over which a waiver lies."""
    count = {verdict: sum(one.verdict is verdict for one in report.results) for verdict in Verdict}
    return {
        "passed": count[Verdict.PASSED],
        "failed": count[Verdict.FAILED],
        "unknown": count[Verdict.UNKNOWN],
        "notApplicable": count[Verdict.NOT_APPLICABLE],
        "waived": sum(one.waived for one in report.results),
        "total": len(report.results),
    }


def notices(
    world: World, plan: Plan, report: Report, bitten: tuple[bites.Bite, ...]
) -> list[Notice]:
    """What is to be told of restrictions, of confirmations, and of what the spec waives and attests."""
    found = (
        *bites.notices(world, bitten),
        *confirming.notices(world, plan),
        *report.notices,
    )
    order = {kind: place for place, kind in enumerate(NoticeKind)}
    return sorted(found, key=lambda one: (order[one.kind], one.clause, one.message))


def previews(world: World, plan: Plan) -> list[dict[str, Any]]:
    """What restrictions would hit, as plain data."""
    found = confirming.classes(world, plan)
    return [_preview(one, confirming.hash_for(found, one)) for one in sorted(plan.previews)]


def notice(one: Notice) -> dict[str, str]:
    """A notice as plain data."""
    return {"clause": one.clause, "kind": one.kind.value, "message": one.message}


def _verdict(result: RuleResult) -> str:
    """One line a clause, so that the whole account reads well: ``unknown (NotImplemented)``."""
    why = "Waived" if result.waived else result.reason
    return f"{result.verdict.value} ({why})" if why else result.verdict.value


def _control_plane(owner: CoderDeployment, world: World) -> Mapping[str, Any]:
    told: dict[str, Any] = {
        "management": owner.spec.control_plane.management,
        **upgrades.told(world),
    }
    if owner.spec.control_plane.management == "Managed":
        told["desiredReplicas"] = size(owner.spec).coderd.replicas
    if world.coderd is None:
        return told
    live = world.coderd.deployment
    return {
        **told,
        "name": live.meta.name,
        "namespace": live.meta.namespace,
        "version": live.shape.image.rpartition(":")[2].removeprefix("v") or None,
        "replicas": live.replicas,
        "readyReplicas": live.ready_replicas,
        "ready": f"{live.ready_replicas}/{live.replicas}",
    }


def _workspaces(world: World, report: Report) -> Mapping[str, Any]:
    """Workspaces and their namespaces, without what could not be read: no number stands for a refusal."""
    unread = world.snapshot.missing().keys()
    told: dict[str, Any] = {}
    if not unread & NAMESPACES:
        told["namespaces"] = [one.name for one in world.found.namespaces]
        told["refusedNamespaces"] = dict(world.found.refused_namespaces) or None
    if not unread & WORKSPACES:
        told["count"] = len(world.found.workspaces)
    if any(
        one.id == WORKSPACES_ON_POOL and one.verdict is not Verdict.UNKNOWN
        for one in report.results
    ):
        told["misplaced"] = sum(one.rule == WORKSPACES_ON_POOL for one in report.findings)
        told["misplacedGroups"] = _misplaced(world) if told["misplaced"] else None
    return told


def _misplaced(world: World) -> list[dict[str, Any]]:
    """The workspaces beside their pool by template and by what their next start changes."""
    found = world.once(misplaced.of)
    return [
        {
            "template": one.template,
            "nextStart": one.next_start.value,
            "count": one.count,
            "owners": list(one.owners[:OWNER_LIMIT]) or None,
            "ownersTotal": len(one.owners),
        }
        for one in found[:GROUP_LIMIT]
    ]


def _sizing(world: World) -> Mapping[str, Any]:
    """The arithmetic, and how the tier fits; that only where the workspaces could be counted."""
    told: dict[str, Any] = {"steps": list(steps(world.deployment.spec))}
    if not world.snapshot.missing().keys() & load.NEEDS:
        found = load.fit(world)
        told |= {
            "fit": found.fit.value,
            "reasons": list(found.reasons),
            "betterTier": found.better or None,
        }
    return told


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "resource": finding.resource,
        "field": finding.field or None,
        "expected": finding.expected or None,
        "observed": finding.observed or None,
        "remedy": finding.remedy or None,
        "waived": True if finding.waived else None,
    }


def _preview(preview: Preview, confirm: str) -> dict[str, Any]:
    named = [texts.line(one) for one in preview.resources[:PREVIEW_LIMIT]]
    more = len(preview.resources) - len(named)
    message = texts.line(preview.message) + (f" (and {more} more)" if more else "")
    return {
        "rule": preview.rule,
        "message": message,
        "resources": named or None,
        "confirm": confirm or None,
    }


def _undone(changes: tuple[Change, ...]) -> list[Withheld]:
    """What could not be done and nothing depends on."""
    held = (one for one in changes if one.action is Action.WITHHELD)
    return [Withheld(str(one.ref), one.reason, one.message) for one in held]


def _fields_left(changes: tuple[Change, ...]) -> list[dict[str, Any]]:
    """First among the findings: it tells what the operator itself has stopped doing."""
    return [
        {
            "rule": FIELD_LEFT,
            "severity": "medium",
            "resource": str(change.ref),
            "field": one.field,
            "observed": f"left to {one.manager}, which took it back again and again",
            "remedy": f"take the field out of what {one.manager} applies; it is tried again within an hour",
        }
        for change in changes
        for one in change.yielded
    ]
