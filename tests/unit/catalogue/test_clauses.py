"""The catalogue accounts for every sentence of the architecture that asks for something."""

from __future__ import annotations

import itertools
import re
from collections import Counter

import pytest
from pydantic import ValidationError

from coder_cva.api.v1alpha1.status import CLAUSE_LIMIT
from coder_cva.catalogue import clauses as catalogue
from coder_cva.catalogue.clauses import Clause, Disposition, Severity, clauses
from coder_cva.desired.enforcement import HOST_VOLUMES, ISOLATION, RESTRICTING, VOLUME_BOUNDS
from coder_cva.rules.registry import ALL

IN_ORDER = [
    "GEN",
    "CTL",
    "NODE",
    "WS",
    "NET",
    "STO",
    "DB",
    "PROV",
    "PROXY",
    "REG",
    "OPS",
    "OBS",
    "SUP",
]
"""The document's own order of subjects."""
COUNTS = {Disposition.ENFORCED: 17, Disposition.CHECKED: 30, Disposition.ATTESTED: 3}
ATTESTABLE = {
    "CVA-NODE-004",
    "CVA-OBS-002",
    "CVA-OBS-003",
    "CVA-OPS-001",
    "CVA-OPS-003",
    "CVA-OPS-004",
    "CVA-OPS-005",
    "CVA-SUP-002",
    "CVA-DB-007",
    "CVA-DB-008",
    "CVA-DB-011",
}
"""Where the user's word counts: no cluster state proves these, or not always."""
CRITICAL = {"CVA-NET-001", "CVA-NET-002", "CVA-NET-004", "CVA-DB-001"}
"""Without these connections, and without its database, there is no Coder."""


def parts(clause: Clause) -> tuple[str, int]:
    _, subject, number = clause.id.split("-")
    return subject, int(number)


def test_all_fifty_are_there_by_what_is_done_about_them() -> None:
    """None is lost, and none changes its disposition by accident."""
    assert len(clauses()) == 50
    assert Counter(one.disposition for one in clauses()) == COUNTS
    assert len(clauses()) <= CLAUSE_LIMIT


def test_ids_are_unique_and_in_the_order_of_the_document() -> None:
    """Subject by subject, each counted from one without a gap."""
    subjects = [
        (subject, [parts(one)[1] for one in group])
        for subject, group in itertools.groupby(clauses(), lambda one: parts(one)[0])
    ]

    assert [subject for subject, _ in subjects] == IN_ORDER
    for subject, numbers in subjects:
        assert numbers == list(range(1, len(numbers) + 1)), subject


@pytest.mark.parametrize("clause", clauses(), ids=lambda it: it.id)
def test_each_has_a_title_and_a_quote(clause: Clause) -> None:
    """A title is no sentence, a quote is more than a word, and neither holds a stray line break."""
    assert not clause.title.endswith(".")
    assert len(clause.quote.split()) > 3
    for text in (clause.title, clause.quote, clause.source):
        assert text == " ".join(text.split())


def test_subjects_of_a_chapter_stand_together() -> None:
    """A clause's chapter follows from the subject of its id."""
    chapters: dict[str, set[str]] = {}
    for one in clauses():
        chapters.setdefault(parts(one)[0], set()).add(one.chapter)

    assert {subject: len(found) for subject, found in chapters.items()} == dict.fromkeys(
        IN_ORDER, 1
    )


def test_rules_and_switches_are_about_clauses() -> None:
    """A rule under an id that is no clause would never be told; no rule judges what only people know."""
    known = {one.id: one for one in clauses()}

    assert len({one.id for one in ALL}) == len(ALL)
    for rule in ALL:
        assert known[rule.id].disposition is not Disposition.ATTESTED
    assert {ISOLATION, VOLUME_BOUNDS, HOST_VOLUMES} == RESTRICTING
    for name in RESTRICTING:
        assert known[name].disposition is Disposition.ENFORCED


def test_the_users_word_counts_for_few() -> None:
    """A clause more here is a clause that passes without being seen.

    Where a rule judges one of them, the word counts only as long as the rule sees nothing.
    """
    assert {one.id for one in clauses() if one.is_attestable} == ATTESTABLE


def test_severity_says_what_a_failure_costs() -> None:
    """Critical is what Coder does not work without."""
    assert {one.id for one in clauses() if one.severity is Severity.CRITICAL} == CRITICAL


@pytest.mark.parametrize(
    "wrong",
    [
        {"id": "NET-001"},
        {"title": ""},
        {"quote": ""},
        {"severity": "grave"},
        {"chapter": "misc"},
        {"disposition": "hoped"},
        {"remark": "x"},
    ],
)
def test_an_entry_that_is_none_is_refused(wrong: dict[str, str]) -> None:
    """The data are read strictly: a misspelt field is an error and no silence."""
    with pytest.raises(ValidationError):
        Clause.model_validate({**clauses()[0].model_dump(), **wrong})


def test_no_id_looks_like_two() -> None:
    """Ids are found in text by a pattern: waivers, findings and issues name them."""
    for one in clauses():
        assert re.findall(r"CVA-[A-Z]+-\d{3}", one.id) == [one.id]


def test_guidance_about_no_clause_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """And so are an id that stands there twice, and a clause of which nobody says why it matters."""
    whole = {name: catalogue._data(name) for name in ("clauses.yaml", "guidance.yaml")}
    entries, guidance = whole["clauses.yaml"]["clauses"], whole["guidance.yaml"]
    broken = [
        ({"clauses": entries}, {**guidance, "CVA-XX-001": {}}, "CVA-XX-001, which is no clause"),
        ({"clauses": [*entries, entries[0]]}, guidance, "an id twice"),
        ({"clauses": entries}, {}, "why"),
    ]
    for told, why, words in broken:
        data = {"clauses.yaml": told, "guidance.yaml": why}
        monkeypatch.setattr(catalogue, "_data", data.__getitem__)
        with pytest.raises(ValueError, match=words):
            catalogue.clauses.__wrapped__()
