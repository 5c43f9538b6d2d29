"""The report for another program: everything, under names that stay."""

import json
from typing import Any, Final

from coder_cva.reports.audit import Audit
from coder_cva.rules.model import Finding, RuleResult, Verdict
from coder_cva.status.account import notice, summary

VERSION: Final = "cva.coder.com/audit/v1"
"""Fields are added under it; none is renamed or taken away without another version."""


def render(audit: Audit) -> str:
    """The text, with a line break at its end; equal audits give equal bytes."""
    return json.dumps(as_data(audit), indent=2, ensure_ascii=False) + "\n"


def as_data(audit: Audit) -> dict[str, Any]:
    """The report as plain data."""
    return {
        "report": VERSION,
        "deployment": audit.deployment,
        "edition": audit.edition,
        "tier": audit.tier,
        "moment": audit.moment.isoformat(),
        "conformant": audit.conformant,
        "summary": summary(audit.report),
        "notices": [notice(one) for one in audit.report.notices],
        "clauses": [_clause(one) for one in audit.report.results],
    }


def _clause(result: RuleResult) -> dict[str, Any]:
    clause = result.clause
    return {
        "id": clause.id,
        "chapter": clause.chapter,
        "title": clause.title,
        "quote": clause.quote,
        "source": clause.source,
        "severity": clause.severity.value,
        "disposition": clause.disposition.value,
        "verdict": result.verdict.value,
        "reason": result.reason,
        "message": result.message,
        "waived": result.waived and result.verdict is Verdict.FAILED,
        "findings": [_finding(one) for one in result.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "resource": finding.resource,
        "field": finding.field,
        "expected": finding.expected,
        "observed": finding.observed,
        "remedy": finding.remedy,
        "waived": finding.waived,
    }
