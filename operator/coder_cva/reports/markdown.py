"""The report for a ticket or a pull request: a table of all clauses, then the failures with their remedies."""

import re
from collections.abc import Iterator
from typing import Final

from coder_cva.reports import restrictions
from coder_cva.reports.audit import VERDICT_WORDS, Audit, heading, summary
from coder_cva.reports.table import printable
from coder_cva.rules.model import Finding, RuleResult, Verdict

_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")
_BACKTICKS: Final = re.compile(r"`+")
_WORDS: Final = {
    Verdict.PASSED: "passed",
    Verdict.FAILED: "**failed**",
    Verdict.UNKNOWN: "unknown",
    Verdict.NOT_APPLICABLE: "not applicable",
}


def render(audit: Audit) -> str:
    """The whole text with a line break at its end."""
    lines = [
        f"# {escaped(audit.deployment)} against the Coder Validated Architecture",
        "",
        f"{escaped(heading(audit))}. {VERDICT_WORDS[audit.conformant]} {summary(audit)}.",
        "",
        "| clause | severity | verdict | what was seen |",
        "|---|---|---|---|",
        *(_row(one) for one in audit.report.results),
    ]
    if audit.report.notices:
        lines += ["", "## Notices", ""]
        lines += [f"- {one.kind.value}: {escaped(one.message)}" for one in audit.report.notices]
    if audit.restrictions.previews:
        lines += ["", "## What restrictions hit", ""]
        for words, named in restrictions.lines(audit.restrictions):
            lines += [f"- {escaped(words)}", *(f"  - {escaped(one)}" for one in named)]
    failed = [one for one in audit.report.results if one.findings]
    for result in failed:
        lines += ["", *_section(result)]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that means nothing to Markdown: a name must not become a heading, a link or markup."""
    return _SPECIAL.sub(r"\\\1", printable(" ".join(text.split())))


def _row(result: RuleResult) -> str:
    verdict = "waived" if result.waived else _WORDS[result.verdict]
    why = f" ({result.reason})" if result.reason else ""
    clause = result.clause
    return f"| {clause.id} | {clause.severity.value} | {verdict}{why} | {escaped(result.message)} |"


def _section(result: RuleResult) -> Iterator[str]:
    clause = result.clause
    yield f"## {clause.id}: {escaped(clause.title)}"
    yield ""
    yield f"> {escaped(clause.quote)} ({escaped(clause.source)})"
    for finding in result.findings:
        yield ""
        yield from _finding(finding)


def _finding(finding: Finding) -> Iterator[str]:
    place = f"{finding.resource} {finding.field}".strip()
    yield f"- {escaped(place)}{' (waived)' if finding.waived else ''}"
    for label, words in (("expected", finding.expected), ("observed", finding.observed)):
        if words:
            yield f"  - {label}: {escaped(words)}"
    if finding.remedy:
        first, *block = finding.remedy.split("\n")
        yield f"  - remedy: {escaped(first)}"
        if block:
            longest = max((len(run) for run in _BACKTICKS.findall(finding.remedy)), default=0)
            fence = "`" * max(3, longest + 1)
            yield ""
            yield f"    {fence}"
            yield from (f"    {printable(line)}" for line in block)
            yield f"    {fence}"
