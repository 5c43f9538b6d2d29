"""The report as a terminal, a program and a ticket get it."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.catalogue.clauses import clauses
from coder_cva.desired.plan import Preview
from coder_cva.desired.render import plan as render_plan
from coder_cva.reports import json_report, markdown, table
from coder_cva.reports.audit import VERDICT_WORDS, Audit
from coder_cva.reports.restrictions import Restrictions, previewed
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Finding, Notice, NoticeKind, Report, RuleResult, Verdict
from support import builders, corpus
from support.results import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, clause, report, result

if TYPE_CHECKING:
    from collections.abc import Callable

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "reports"
FORMS: dict[str, Callable[[Audit], str]] = {
    "audit.txt": table.render,
    "audit.json": json_report.render,
    "audit.md": markdown.render,
}


def audit(found: Report) -> Audit:
    """These verdicts, on one deployment, at the moment of the tests."""
    return Audit("coder/coder", "2026", "1k", builders.NOW, found)


def adopted() -> Audit:
    """An adopted Coder with one replica, as its chart makes it."""
    name = "CVA-CTL-001/failed.one_replica_without_a_licence"
    case = next(one for one in corpus.cases() if one.name == name)
    world = case.world()
    previews = previewed(world, render_plan(world))
    return replace(audit(evaluate(world, strict=True)), restrictions=previews)


def restricting() -> Restrictions:
    """Many Pods under one preview, a class that is confirmed and one that is not."""
    hit = tuple(f"Pod dev/{number}" for number in range(9))
    preview = Preview("CVA-STO-004", "these *mount*", hit, ("volumes of the node in dev",))
    return Restrictions(
        (preview,), "a123456789ab", "kubectl -n coder patch cdep coder", ("new",), ("old",)
    )


def test_previews_are_told_whole_where_a_program_or_a_ticket_reads_them() -> None:
    """A terminal shows the first ones; every form says what to type, and for which classes."""
    found = replace(adopted(), restrictions=restricting())

    shown = table.render(found)
    assert "and 4 more like these" in shown
    assert "until confirmed: kubectl -n coder patch cdep coder" in " ".join(shown.split())
    assert "- CVA-STO-004: these \\*mount\\*" in markdown.render(found)
    assert "  - Pod dev/8" in markdown.render(found)
    told = json.loads(json_report.render(found))
    assert len(told["previews"][0]["resources"]) == 9
    assert told["previews"][0]["classes"] == ["volumes of the node in dev"]
    assert told["confirm"] == {
        "hash": "a123456789ab",
        "command": "kubectl -n coder patch cdep coder",
        "pending": ["new"],
        "confirmed": ["old"],
    }


@pytest.mark.parametrize("name", FORMS)
def test_the_report_reads_as_it_did(name: str) -> None:
    """A change of these texts is read by a person; ``GOLDEN=write`` writes them anew."""
    said = FORMS[name](adopted())
    if os.environ.get("GOLDEN") == "write":
        (GOLDEN / name).write_text(said, encoding="utf-8")

    assert said == (GOLDEN / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("render", FORMS.values(), ids=FORMS)
def test_equal_audits_give_equal_bytes(render: Callable[[Audit], str]) -> None:
    """And each text ends with one line break."""
    said = render(adopted())

    assert said == render(adopted())
    assert said.endswith("\n")
    assert not said.endswith("\n\n")


@pytest.mark.parametrize(
    ("results", "word"),
    [
        ([result("CVA-CTL-001", PASSED), result("CVA-CTL-002", FAILED)], "False"),
        ([result("CVA-CTL-001", PASSED), result("CVA-CTL-002", UNKNOWN)], "Unknown"),
        ([result("CVA-CTL-001", PASSED), result("CVA-CTL-003", FAILED)], "True"),
        ([result("CVA-CTL-001", FAILED, waived=True)], "True"),
    ],
    ids=["a grave failure", "something unseen", "a lesser failure", "a waived failure"],
)
def test_it_says_what_the_condition_says(results: list[RuleResult], word: str) -> None:
    """The report and the status have one meaning of conformant."""
    found = audit(report(*results))

    assert found.conformant == word
    assert VERDICT_WORDS[word].split(":")[0] in table.render(found)
    assert json_report.as_data(found)["conformant"] == word


def test_what_is_not_listed_is_counted() -> None:
    """Silence about a clause is said."""
    found = audit(
        report(
            result("CVA-CTL-001", PASSED),
            result("CVA-CTL-003", NOT_APPLICABLE),
            result("CVA-DB-001", UNKNOWN),
            result("CVA-CTL-002", UNKNOWN, reason="Forbidden"),
        )
    )

    short, whole = table.render(found), table.render(found, everything=True)

    assert "1 that hold, 1 that do not apply, 1 that this version does not judge" in short
    assert "CVA-CTL-002" in short
    assert "CVA-DB-001" not in short
    assert all(one in whole for one in ("CVA-CTL-001", "CVA-CTL-003", "CVA-DB-001"))


def test_what_is_to_be_pasted_is_not_broken() -> None:
    """A long line of a remedy below its sentence stays one line."""
    block = "kubectl " + "very-long-argument " * 20
    failed = RuleResult(
        clause("CVA-CTL-002"),
        Verdict.FAILED,
        "it is so",
        findings=(Finding("CVA-CTL-002", "Deployment a/b", remedy=f"type:\n{block.strip()}"),),
    )

    assert block.strip() in table.render(audit(Report((failed,), failed.findings)))


def test_a_command_inside_a_sentence_is_not_broken() -> None:
    """Pasted from a terminal, the first line of two would run by itself; prose around it is broken."""
    first = "kubectl -n a patch cdep b --type=merge -p '" + "x" * 60 + " y'"
    second = "kubectl annotate node -l a=b c=d"
    failed = RuleResult(
        clause("CVA-CTL-002"),
        Verdict.FAILED,
        f"{'prose ' * 20}first: {first}. Until then: {second}",
    )

    lines = table.render(audit(Report((failed,), ()))).split("\n")

    assert f"          {first}" in lines
    assert f"          Until then: {second}" in lines
    assert all(len(one) <= table.WIDTH for one in lines if first not in one)


def test_many_findings_are_counted_in_the_table_and_whole_in_json() -> None:
    """A terminal shows some of a thousand, a program gets them all."""
    findings = tuple(Finding("CVA-NODE-005", f"Pod a/{number:04}") for number in range(1000))
    many = RuleResult(clause("CVA-NODE-005"), Verdict.FAILED, "many", findings=findings)
    found = audit(Report((many,), findings))

    assert "and 995 more like these" in table.render(found)
    (only,) = json_report.as_data(found)["clauses"]
    assert len(only["findings"]) == 1000


def test_every_clause_stands_in_the_json_with_its_quote() -> None:
    """Whoever reads the report can hold each verdict against the document's own words."""
    said: dict[str, Any] = json.loads(json_report.render(adopted()))

    assert [one["id"] for one in said["clauses"]] == [one.id for one in clauses()]
    assert all(one["quote"] and one["verdict"] for one in said["clauses"])


@given(
    text=st.text(min_size=1),
    hostile=st.sampled_from(["\x1b[2J", "# a", "| b |", "<script>", "`x`", "\r\n", "\u202e"]),
)
def test_what_a_cluster_says_steers_neither_terminal_nor_page(text: str, hostile: str) -> None:
    """Control characters are replaced, Markdown's marks are escaped, a line stays a line."""
    finding = Finding("CVA-CTL-002", f"Pod {text}", observed=hostile + text, remedy=text + hostile)
    failed = RuleResult(clause("CVA-CTL-002"), Verdict.FAILED, hostile + text, findings=(finding,))
    found = audit(Report((failed,), (finding,)))

    shown = table.render(found)
    page = markdown.render(found)

    assert all(one.isprintable() for one in shown.replace("\n", ""))
    (row,) = [one for one in page.splitlines() if one.startswith("| CVA")]
    assert len(row.replace("\\|", "").split("|")) == 6
    prose = [one for one in page.splitlines() if not one.startswith("    ")]
    assert "<script>" not in "".join(prose).replace("\\<", "")


@pytest.mark.parametrize("render", FORMS.values(), ids=FORMS)
def test_what_ends_is_told_in_every_form(render: Callable[[Audit], str]) -> None:
    """With its clause and what to do; without a notice there is no heading for them."""
    told = Notice("CVA-OPS-004", NoticeKind.ATTESTATION_ENDING, "ends on 2027-01-31: renew it")

    said = render(audit(Report((result("CVA-CTL-001", PASSED),), (), (told,))))

    assert "AttestationEnding" in said
    assert "ends on 2027-01-31: renew it" in said
    assert "attestations and waivers" not in render(adopted()).lower()
