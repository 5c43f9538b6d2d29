"""The account: what was observed, every clause with its verdict, the findings within bounds."""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.api.v1alpha1.status import FINDING_LIMIT, PREVIEW_LIMIT, WITHHELD_LIMIT
from coder_cva.desired.changes import Change
from coder_cva.desired.plan import Plan, Preview
from coder_cva.rules.model import Finding, Report, RuleResult, Verdict
from coder_cva.sizing.size import size
from coder_cva.snapshot.world import World

FIELD_LEFT: Final = "FieldLeft"
"""The finding of the operator's own: a field of ours that another manager will not let go."""


def account(
    world: World, plan: Plan, report: Report, changes: tuple[Change, ...]
) -> dict[str, Any]:
    """The parts of the status that are counted or listed; None where there is nothing to say."""
    findings = [*_fields_left(changes), *(_finding(one) for one in report.findings)]
    return {
        "controlPlane": _control_plane(world.deployment, world),
        "workspaces": _workspaces(world, report),
        "summary": summary(report),
        "verdicts": {one.id: _verdict(one) for one in report.results},
        "findings": findings[:FINDING_LIMIT] or None,
        "findingsTotal": len(findings),
        "previews": [_preview(one) for one in sorted(plan.previews)[:PREVIEW_LIMIT]] or None,
        "withheld": [
            {"subject": one.subject, "reason": one.reason, "message": one.message}
            for one in sorted(plan.withheld)[:WITHHELD_LIMIT]
        ]
        or None,
    }


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


def _verdict(result: RuleResult) -> str:
    """One line a clause, so that the whole account reads well: ``unknown (NotImplemented)``."""
    why = "Waived" if result.waived else result.reason
    return f"{result.verdict.value} ({why})" if why else result.verdict.value


def _control_plane(owner: CoderDeployment, world: World) -> Mapping[str, Any]:
    told: dict[str, Any] = {"management": owner.spec.control_plane.management}
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
    misplaced = [one for one in report.findings if one.rule == "CVA-NODE-005"]
    return {
        "count": len(world.found.workspaces),
        "misplaced": len(misplaced),
        "namespaces": [one.name for one in world.found.namespaces],
        "refusedNamespaces": dict(world.found.refused_namespaces) or None,
    }


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


def _preview(preview: Preview) -> dict[str, Any]:
    named = preview.resources[:PREVIEW_LIMIT]
    more = len(preview.resources) - len(named)
    message = f"{preview.message} (and {more} more)" if more else preview.message
    return {"rule": preview.rule, "message": message, "resources": list(named) or None}


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
