"""The page of each clause: fresh, whole, and what is to be pasted from it is taken by the API."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from coder_cva.api.unknown import unknown_fields
from coder_cva.api.v1alpha1.resource import parse
from coder_cva.catalogue.clauses import Clause, Disposition, clauses
from coder_cva.cli.generate import ROOT
from coder_cva.rules.registry import ALL
from support import corpus, rule_page, rule_pages, spec_fields
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coder_cva.rules.model import Rule

CASES = corpus.cases()
JUDGED = {one.id for one in ALL}
each_clause = pytest.mark.parametrize("clause", clauses(), ids=lambda it: it.id)


@cache
def pages() -> Mapping[str, str]:
    """All pages as they are made now."""
    return rule_pages.files()


def page(clause: Clause) -> str:
    """The page of a clause."""
    return pages()[f"{rule_pages.FOLDER}/{clause.id}.md"]


def blocks(text: str, language: str) -> list[str]:
    """The fenced blocks of a page."""
    return re.findall(rf"^```{language}\n(.*?)\n```$", text, re.MULTILINE | re.DOTALL)


def test_every_page_is_fresh() -> None:
    """What is generated is committed: run `make generate` where this fails. No page of nothing is left."""
    stale = [
        name
        for name, text in pages().items()
        if not (ROOT / name).is_file() or (ROOT / name).read_text("utf-8") != text
    ]

    assert stale == []
    assert rule_pages.stray(pages()) == []


@each_clause
def test_a_page_says_what_is_judged_and_what_is_not(clause: Clause) -> None:
    """With a rule every verdict of its corpus is shown; without one the page says so plainly."""
    text = page(clause)

    if clause.id in JUDGED:
        shown = {one.verdict for one in CASES if one.clause == clause.id}
        assert len(re.findall(r"^### ", text, re.MULTILINE)) == len(shown)
        assert len(blocks(text, "text")) == len(shown)
        assert "does not judge it yet" not in text
    elif clause.disposition is Disposition.ATTESTED:
        assert "unknown (NotAttested)" in text
    else:
        assert "does not judge it yet" in text


@each_clause
def test_what_a_page_gives_to_paste_is_understood(clause: Clause) -> None:
    """Each block of YAML is a part of a CoderDeployment that the API takes, and all of it has an effect."""
    parts = [yaml.safe_load(one) for one in blocks(page(clause), "yaml")]
    said: set[str] = set()
    for part in parts:
        whole: dict[str, Any] = corpus.merged(adopted("coder"), part)
        parse(whole)
        assert unknown_fields(whole) == ()
        said |= set(part["spec"])

    assert ("waivers" in said) is ("enforcement" in said) is (clause.id in JUDGED)
    assert ("attestations" in said) is clause.is_attestable


@pytest.mark.parametrize("rule", ALL, ids=lambda it: it.id)
def test_an_id_leads_to_one_of_each(rule: Rule) -> None:
    """Who finds an id in a finding gets by grep to one rule, one folder, one page, one entry."""
    entries = (ROOT / "operator/coder_cva/catalogue/data/clauses.yaml").read_text("utf-8")
    guidance = (ROOT / "operator/coder_cva/catalogue/data/guidance.yaml").read_text("utf-8")

    declaring = [one for one in rule_page.modules() if rule.id in {it.id for it in one.RULES}]
    assert [one.RULES.count(rule) for one in declaring] == [1]
    assert rule.id in (ROOT / rule_page.declared(rule.id)).read_text("utf-8")
    assert len(re.findall(rf"\bid: {rule.id}\b", entries)) == 1
    assert len(re.findall(rf"^{rule.id}:", guidance, re.MULTILINE)) == 1
    assert [one.name for one in (ROOT / "tests/rules").glob(f"{rule.id}*")] == [rule.id]
    assert [one.name for one in (ROOT / "docs/rules").glob(f"{rule.id}*")] == [f"{rule.id}.md"]


def test_the_catalogue_lists_all() -> None:
    """Each clause once, with the way to its page."""
    text = pages()[rule_pages.CATALOGUE]

    for one in clauses():
        assert text.count(f"| [{one.id}](../rules/{one.id}.md) |") == 1
    assert text.count("| yes |") == len(JUDGED)


def test_one_file_of_a_verdict_is_shown() -> None:
    """Two marks would leave it to chance, or to the alphabet."""
    marked = [(one.clause, one.verdict) for one in CASES if one.content.get("shown")]

    assert len(set(marked)) == len(marked)


def test_the_fields_that_a_rule_looks_at_are_seen() -> None:
    """By the names that users write, and only the innermost ones."""
    (rule,) = [one for one in ALL if one.id == "CVA-NODE-001"]

    read = spec_fields.read_by(rule, [one for one in CASES if one.clause == rule.id])

    assert read == [
        "spec.controlPlane.management",
        "spec.controlPlane.nodePool.selector",
        "spec.workspaces.nodePool.selector",
    ]
