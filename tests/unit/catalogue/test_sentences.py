"""Every sentence of the document is accounted for, and every clause is judged, attested, or known to wait."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from pydantic import ValidationError

from coder_cva.catalogue.clauses import Clause, Disposition, clauses
from coder_cva.catalogue.sentences import Sentence, asking, sections
from coder_cva.rules.registry import ALL

SENTENCES = [sentence for section in sections() for sentence in section.sentences]
IDS = Path(__file__).with_name("ids.txt")
DOCUMENT: Final = "Validated Architectures"


def test_every_sentence_asks_or_has_its_reason() -> None:
    """And none stands there twice."""
    assert len(SENTENCES) > 100
    words = [one.says or one.begins for one in SENTENCES]
    assert len(set(words)) == len(words)
    for one in words:
        assert one == " ".join(one.split())


def test_what_asks_has_its_clause() -> None:
    """No sentence asks for something that the catalogue does not hold."""
    known = {one.id for one in clauses()}

    for sentence in SENTENCES:
        assert set(sentence.asks) <= known, sentence.says


@pytest.mark.parametrize("clause", clauses(), ids=lambda it: it.id)
def test_every_clause_is_asked_for(clause: Clause) -> None:
    """By a sentence of the document that holds its quote, or by the other page that it names."""
    asked = asking(clause.id)

    if clause.source.startswith(DOCUMENT):
        assert any(clause.quote in one for one in asked), asked
    else:
        assert clause.source


def test_every_clause_is_judged_or_attested() -> None:
    """What is neither is known, and nothing joins it."""
    judged = {one.id for one in ALL}
    attested = {one.id for one in clauses() if one.disposition is Disposition.ATTESTED}

    assert {one.id for one in clauses()} - judged - attested == set()


def test_no_id_is_lost_or_given_again() -> None:
    """What was given once stands in the list for ever; an id that is gone is marked, and stays gone."""
    lines = [one.split() for one in IDS.read_text("utf-8").splitlines() if one[:1] != "#"]
    given = [identity for identity, *_ in lines]
    retired = {identity for identity, *word in lines if word == ["retired"]}

    assert len(set(given)) == len(given)
    assert {one.id for one in clauses()} == set(given) - retired


@pytest.mark.parametrize("clause", clauses(), ids=lambda it: it.id)
def test_each_says_why_it_matters_and_what_to_do(clause: Clause) -> None:
    """In a few whole sentences, which are not the document's."""
    for text in (clause.why, clause.remedy):
        assert text.endswith((".", "!"))
        assert 40 < len(text) < 500
        assert text == " ".join(text.split())
        assert clause.quote not in text


@pytest.mark.parametrize(
    "wrong",
    [
        {},
        {"says": "Do this."},
        {"asks": ["CVA-GEN-001"]},
        {"begins": "It is"},
        {"says": "Do this.", "asks": ["CVA-GEN-001"], "nothing": "it is told"},
        {"says": "Do this.", "asks": ["CVA-GEN-001"], "begins": "It is", "nothing": "it is told"},
        {"says": "Do this.", "asks": ["CVA-GEN-001"], "colour": "red"},
    ],
)
def test_a_sentence_that_is_half_accounted_for_is_refused(wrong: dict[str, object]) -> None:
    """It asks, or it does not."""
    with pytest.raises(ValidationError):
        Sentence.model_validate(wrong)
