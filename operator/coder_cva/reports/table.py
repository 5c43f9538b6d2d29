"""The report for a terminal: chapter by chapter, failures with what to type, the rest in a line each."""

import re
import textwrap
from collections.abc import Iterator
from typing import Final

from coder_cva.reports import restrictions
from coder_cva.reports.audit import VERDICT_WORDS, Audit, heading, summary
from coder_cva.reports.restrictions import Restrictions
from coder_cva.rules.model import Finding, RuleResult, Verdict

WIDTH: Final = 100
SHOWN_FINDINGS: Final = 5
"""Findings of one clause that are shown in full; the JSON report has all of them."""

_MARKS: Final = {
    Verdict.PASSED: "ok",
    Verdict.FAILED: "FAIL",
    Verdict.UNKNOWN: "?",
    Verdict.NOT_APPLICABLE: "-",
}
_WAIVED: Final = "waived"
_INDENT: Final = " " * 8
_COMMAND: Final = re.compile(
    r"(?:(?<=[:;.,] )|(?<=  )|^)(?:helm|kubectl) (?:-\S+ \S+ )?"
    r"(?:annotate|apply(?! -f - )|create|delete|drain|edit|get|label|patch|rollout|scale|upgrade)\b"
    r".*?(?=[.;,] [A-Za-z]|$)"
)
"""Something to type that does not stand within a sentence, up to where prose follows."""


def render(audit: Audit, *, everything: bool = False) -> str:
    """The whole text with a line break at its end.

    Without ``everything`` clauses that hold, or do not apply, are counted and not listed, and so are
    those that this version does not judge.
    """
    lines = [
        heading(audit),
        "",
        *_wrapped(VERDICT_WORDS[audit.conformant], ""),
        f"{summary(audit)}.",
    ]
    for chapter, results in audit.chapters():
        shown = [one for one in results if everything or _is_worth_a_line(one)]
        if shown:
            lines += ["", chapter.replace("-", " ").upper()]
            lines += [line for one in shown for line in clause_lines(one)]
    if audit.report.notices:
        lines += ["", "NOTICES"]
        lines += [
            line
            for one in audit.report.notices
            for line in _wrapped(f"{one.kind.value}: {one.message}", "  ")
        ]
    if audit.restrictions.previews:
        lines += ["", "WHAT RESTRICTIONS HIT", *_restrictions(audit.restrictions)]
    if not everything:
        lines += ["", *_wrapped(_left_out(audit.report.results), "")]
    return "\n".join(printable(one) for one in lines) + "\n"


def _restrictions(found: Restrictions) -> Iterator[str]:
    for words, named in restrictions.lines(found):
        yield from _wrapped(words, "  ")
        yield from (f"{_INDENT}{one}" for one in named[:SHOWN_FINDINGS])
        if len(named) > SHOWN_FINDINGS:
            yield f"{_INDENT}and {len(named) - SHOWN_FINDINGS:,} more like these"


def printable(line: str) -> str:
    """Without control characters: what a cluster's objects say must not steer a terminal."""
    return "".join(one if one.isprintable() else "\ufffd" for one in line)


def _is_worth_a_line(result: RuleResult) -> bool:
    if result.verdict is Verdict.UNKNOWN:
        return result.reason != "NotImplemented"
    return result.verdict is Verdict.FAILED


def _left_out(results: tuple[RuleResult, ...]) -> str:
    left = [one for one in results if not _is_worth_a_line(one)]
    count = {verdict: sum(one.verdict is verdict for one in left) for verdict in Verdict}
    return (
        f"Not listed: {count[Verdict.PASSED]} that hold, {count[Verdict.NOT_APPLICABLE]} that do not apply, "
        f"{count[Verdict.UNKNOWN]} that this version does not judge; --all lists them."
    )


def clause_lines(result: RuleResult) -> Iterator[str]:
    """One clause with its verdict and its findings, as far as they are shown; not yet ``printable``."""
    mark = _WAIVED if result.waived else _MARKS[result.verdict]
    why = f" ({result.reason})" if result.reason else ""
    clause = result.clause
    yield f"  {mark + ' ':<6}{clause.id}  {clause.severity.value}: {clause.title}{why}"
    yield from _wrapped(result.message, _INDENT)
    yield from _findings(result.findings)


def _findings(findings: tuple[Finding, ...]) -> Iterator[str]:
    for finding in findings[:SHOWN_FINDINGS]:
        yield from _finding(finding)
    more = len(findings) - SHOWN_FINDINGS
    if more > 0:
        yield f"{_INDENT}and {more:,} more like these"


def _finding(finding: Finding) -> Iterator[str]:
    waived = " (waived)" if finding.waived else ""
    place = " ".join(one for one in (finding.resource, finding.field) if one)
    yield from _wrapped(f"* {place}{waived}", _INDENT)
    for label, words in (("expected", finding.expected), ("observed", finding.observed)):
        if words:
            yield from _wrapped(f"{label}  {words}", f"{_INDENT}  ")
    if finding.remedy:
        yield from _remedy(finding.remedy)


def _remedy(remedy: str) -> Iterator[str]:
    """A sentence is broken between words; what is to be pasted below it stays as it is."""
    first, *block = remedy.split("\n")
    yield from _wrapped(f"remedy    {first}", f"{_INDENT}  ")
    yield from (f"{_INDENT}    {line}".rstrip() for line in block)


def _wrapped(words: str, indent: str) -> list[str]:
    """Broken between words, but never inside a command: pasted, the first half of it would run."""
    return _lines(words, indent, f"{indent}  " if indent else "")


def _lines(words: str, indent: str, further: str) -> list[str]:
    command = _COMMAND.search(words)
    if command is None or len(indent) + len(words) <= WIDTH:
        return _broken(words, indent, further)
    before, after = words[: command.start()].rstrip(), words[command.end() :].lstrip(".;, ")
    lines = [*_broken(before, indent, further), f"{further}{command[0]}"]
    return [*lines, *_lines(after, further, further)] if after else lines


def _broken(words: str, indent: str, further: str) -> list[str]:
    return textwrap.wrap(
        words,
        WIDTH,
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
