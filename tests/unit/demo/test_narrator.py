"""The voice: weight on a terminal, none in a log."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from demo.narrator import Narrator

if TYPE_CHECKING:
    import pytest


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def speak(stream: io.StringIO) -> str:
    narrator = Narrator(stream)
    narrator.title("Title")
    narrator.scene("First", "Why.")
    narrator.scene("Second", "Why not.")
    narrator.command(("kubectl", "get", "pods"), "NAME\na\n")
    narrator.table(("A", "B"), [("1", "2")])
    narrator.result("done")
    return stream.getvalue()


def test_a_log_has_no_escape_sequences() -> None:
    """What goes to a file is plain text, with numbered scenes and commands as typed."""
    told = speak(io.StringIO())
    assert "\x1b" not in told
    assert "\n1. First ---" in told
    assert "\n2. Second ---" in told
    assert "\n  $ kubectl get pods\n  NAME\n  a\n" in told
    assert "\n  => done\n" in told


def test_a_terminal_has_some_weight_unless_it_does_not_want_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """NO_COLOR is obeyed."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert "\x1b[1m" in speak(Terminal())
    monkeypatch.setenv("NO_COLOR", "1")
    assert "\x1b" not in speak(Terminal())
