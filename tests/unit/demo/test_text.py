"""How the demo lays out its page."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from demo import text

WORD = st.text(st.characters(min_codepoint=97, max_codepoint=122), min_size=1, max_size=12)


@given(st.lists(WORD, max_size=80))
def test_prose_stays_on_the_page_and_loses_no_word(words: list[str]) -> None:
    """Paragraphs keep every word in order, on lines no wider than the page."""
    lines = text.paragraph(" ".join(words), "  ")
    assert all(len(line) <= text.WIDTH for line in lines)
    assert " ".join(lines).split() == words


def test_output_keeps_columns_and_hangs_what_is_too_long() -> None:
    """Short lines are shown as they are; a long one goes on four columns further in."""
    long = "  Message:  " + "word " * 30
    lines = text.output(f"NAME    READY\nalpha   True\n{long}\n")
    assert lines[:2] == ["  NAME    READY", "  alpha   True"]
    assert lines[2].startswith("    Message:  word")
    assert lines[3].startswith(" " * 8 + "word")
    assert all(len(line) <= text.WIDTH for line in lines)


def test_an_empty_line_of_output_stays() -> None:
    """Blocks of output stay apart."""
    assert text.output("one\n\ntwo\n") == ["  one", "", "  two"]


def test_a_command_can_be_pasted() -> None:
    """Words are quoted for a shell, and a long command goes on after a backslash."""
    assert text.command(["kubectl", "get", "a b"]) == ["  $ kubectl get 'a b'"]
    lines = text.command(["kubectl", *(f"--argument-{number}=value" for number in range(9))])
    assert len(lines) > 1
    assert all(line.endswith(" \\") for line in lines[:-1])
    assert all(len(line) <= text.WIDTH for line in lines)
    words = " ".join(line.removesuffix(" \\").strip() for line in lines).split()
    assert words[-1] == "--argument-8=value"


def test_an_option_stays_with_its_value() -> None:
    """No line ends between `-n` and the namespace."""
    words = ["kubectl", *(word for number in range(12) for word in ("-f", f"some/path/{number}"))]
    lines = text.command(words)
    assert len(lines) > 1
    assert all(not line.endswith("-f \\") for line in lines)


def test_a_table_is_as_wide_as_it_has_to_be_and_breaks_its_last_column() -> None:
    """Cells stand under their heading, and a long last cell goes on under itself."""
    lines = text.table(("NAME", "WHY"), [("short", "yes"), ("longer-name", "because " * 20)])
    column = lines[0].index("WHY")
    assert lines[1][column:] == "yes"
    assert lines[2][column:].startswith("because")
    assert lines[3][:column].strip() == ""
    assert lines[3][column:].startswith("because")
    assert all(len(line) <= text.WIDTH for line in lines)


def test_a_label_is_followed_by_words_under_themselves() -> None:
    """The second line of an explanation starts where the first one did."""
    lines = text.paragraph_under("  remedy    ", "do it " * 30)
    assert lines[0].startswith("  remedy    do it")
    assert lines[1].startswith(" " * 12 + "it do")
