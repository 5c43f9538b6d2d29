"""What is quoted of a cluster's objects is made fit for a status."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules import texts


@given(st.text())
def test_a_line_is_one_line_that_steers_no_terminal(said: str) -> None:
    found = texts.line(said)

    assert found.isprintable()
    assert len(found) == len(said)


@given(st.text())
def test_a_remedy_keeps_its_lines_and_nothing_else_that_is_not_printed(said: str) -> None:
    found = texts.block(said)

    assert found.count("\n") == said.count("\n")
    assert found.replace("\n", "").isprintable()
    assert texts.block(found) == found


def test_what_is_too_long_is_cut() -> None:
    """A sentence in its midst; of a remedy the document goes as a whole."""
    assert texts.line("a" * 5_000) == "a" * texts.LONGEST + "…"
    assert texts.block("in values.yaml:\n" + "a: b\n" * 9_000) == (
        "in values.yaml:; what follows is too long to be shown"
    )
