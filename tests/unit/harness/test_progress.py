"""What a person sees while something takes long."""

from __future__ import annotations

import io
import re
from typing import TYPE_CHECKING

from harness import progress
from harness.progress import Terminal

if TYPE_CHECKING:
    import pytest


class Tty(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        """It is one."""
        return True


def test_on_a_terminal() -> None:
    """One line, rewritten with the elapsed seconds, then ended."""
    stream = Tty()
    step = Terminal(stream).step("building")
    step.tick()
    step.done("built")
    assert re.fullmatch(
        r"building …\rbuilding … 0 s\rbuilding … built \(0\.\d s\)\n", stream.getvalue()
    )


def test_in_a_file(monkeypatch: pytest.MonkeyPatch) -> None:
    """A line at the beginning and at the end, and now and then one between."""
    stream = io.StringIO()
    step = Terminal(stream).step("building")
    step.tick()
    assert stream.getvalue() == "building …\n"
    monkeypatch.setattr(progress, "REPEAT_SECONDS", 0)
    step.tick()
    step.done("built")
    assert len(stream.getvalue().splitlines()) == 3


def test_remarks() -> None:
    """A remark is a line."""
    stream = io.StringIO()
    Terminal(stream).say("waiting")
    assert stream.getvalue() == "waiting\n"
