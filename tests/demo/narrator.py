"""The voice of the demo: headings, explanations, commands with what they really answered."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, TextIO

from demo import text
from harness import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

BOLD, DIM, PLAIN = "\x1b[1m", "\x1b[2m", "\x1b[0m"


class Narrator:
    """Speaks to a terminal, with some weight in it, or to a log, without."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._weighs = self._stream.isatty() and not environment.variable("NO_COLOR")
        self._began = time.monotonic()
        self._scene = 0

    def title(self, words: str) -> None:
        """What all of this is."""
        self._lines([words, "=" * len(words)], BOLD)

    def scene(self, words: str, explanation: str) -> None:
        """A new scene: its heading, and why one sees what follows."""
        self._scene += 1
        elapsed = f"{time.monotonic() - self._began:.0f} s"
        heading = f"{self._scene}. {words} "
        rule = "-" * max(3, text.WIDTH - len(heading) - len(elapsed) - 1)
        self._lines(["", f"{heading}{rule} {elapsed}"], BOLD)
        self.say(explanation)

    def say(self, words: str) -> None:
        """A paragraph, and room after it."""
        self._lines([*text.paragraph(words), ""])

    def command(self, words: Sequence[str], answer: str) -> None:
        """A command as one would type it, and its answer."""
        self._lines(text.command(words), BOLD)
        self._lines([*text.output(answer), ""])

    def excerpt(self, lines: Sequence[str]) -> None:
        """Lines of a file or of a longer answer, as they are."""
        self._lines([*(f"  {line}".rstrip() for line in lines), ""])

    def table(self, headers: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
        """Columns under their headings."""
        head, *rest = text.table(headers, rows)
        self._lines([head], DIM)
        self._lines([*rest, ""])

    def result(self, words: str) -> None:
        """What was just measured or shown, in one line."""
        first, *more = text.paragraph(words, "     ")
        self._lines([f"  => {first.lstrip()}", *more, ""], BOLD)

    def _lines(self, lines: Sequence[str], weight: str = "") -> None:
        for line in lines:
            shown = f"{weight}{line}{PLAIN}" if weight and line and self._weighs else line
            print(shown, file=self._stream, flush=True)
