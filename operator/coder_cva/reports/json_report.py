"""The report for another program: everything, under names that stay (``json_model``)."""

import json
from typing import Any

from coder_cva.desired.plan import Preview
from coder_cva.reports.audit import Audit
from coder_cva.reports.json_model import (
    VERSION,
    ClauseShape,
    ConfirmShape,
    FindingShape,
    NoticeShape,
    PreviewShape,
    ReportShape,
    SummaryShape,
)
from coder_cva.rules.model import Finding, RuleResult, Verdict
from coder_cva.status.account import notice, summary


def render(audit: Audit) -> str:
    """The text, with a line break at its end; equal audits give equal bytes."""
    return json.dumps(as_data(audit), indent=2, ensure_ascii=False) + "\n"


def as_data(audit: Audit) -> dict[str, Any]:
    """The report as plain data."""
    shape = ReportShape(
        report=VERSION,
        deployment=audit.deployment,
        edition=audit.edition,
        tier=audit.tier,
        moment=audit.moment.isoformat(),
        conformant=audit.conformant,
        summary=SummaryShape.model_validate(summary(audit.report)),
        notices=tuple(NoticeShape.model_validate(notice(one)) for one in audit.report.notices),
        previews=tuple(_preview(one) for one in audit.restrictions.previews),
        confirm=ConfirmShape(
            hash=audit.restrictions.hash,
            command=audit.restrictions.command,
            pending=audit.restrictions.pending,
            confirmed=audit.restrictions.confirmed,
        ),
        clauses=tuple(_clause(one) for one in audit.report.results),
    )
    return shape.model_dump(mode="json", by_alias=True)


def _preview(preview: Preview) -> PreviewShape:
    return PreviewShape(
        rule=preview.rule,
        message=preview.message,
        resources=preview.resources,
        classes=preview.hits,
    )


def _clause(result: RuleResult) -> ClauseShape:
    clause = result.clause
    return ClauseShape(
        id=clause.id,
        chapter=clause.chapter,
        title=clause.title,
        quote=clause.quote,
        source=clause.source,
        severity=clause.severity,
        disposition=clause.disposition,
        verdict=result.verdict,
        reason=result.reason,
        message=result.message,
        waived=result.waived and result.verdict is Verdict.FAILED,
        findings=tuple(_finding(one) for one in result.findings),
    )


def _finding(finding: Finding) -> FindingShape:
    return FindingShape(
        resource=finding.resource,
        field=finding.field,
        expected=finding.expected,
        observed=finding.observed,
        remedy=finding.remedy,
        waived=finding.waived,
    )
