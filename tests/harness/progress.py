"""What a person sees while something takes long: one line per step, with elapsed seconds."""

from __future__ import annotations

import sys
import time
from typing import Protocol, TextIO

REPEAT_SECONDS = 30.0
"""How often a step that goes on is reported where the line cannot be rewritten."""


class Step(Protocol):
    """One running step, told now and then that it still runs."""

    def tick(self) -> None:
        """Show that the step goes on."""

    def done(self, word: str) -> None:
        """Show how the step ended."""


class Progress(Protocol):
    """Where steps and remarks are shown."""

    def say(self, text: str) -> None:
        """Show one remark."""

    def step(self, text: str) -> Step:
        """Show that a step begins."""


class Terminal:
    """Progress on a terminal, or line by line where the output is a file."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr

    def say(self, text: str) -> None:
        """Show one remark."""
        print(text, file=self._stream, flush=True)

    def step(self, text: str) -> Step:
        """Show that a step begins."""
        return _Line(text, self._stream)


class _Line:
    def __init__(self, text: str, stream: TextIO) -> None:
        self._text = text
        self._stream = stream
        self._began = self._shown = time.monotonic()
        self._rewrites = stream.isatty()
        print(f"{text} …", file=stream, end="" if self._rewrites else "\n", flush=True)

    def tick(self) -> None:
        now = time.monotonic()
        if self._rewrites:
            self._rewrite(f"{now - self._began:.0f} s", end="")
        elif now - self._shown >= REPEAT_SECONDS:
            self._shown = now
            self._rewrite(f"{now - self._began:.0f} s")

    def done(self, word: str) -> None:
        self._rewrite(f"{word} ({time.monotonic() - self._began:.1f} s)")

    def _rewrite(self, end_of_line: str, end: str = "\n") -> None:
        start = "\r" if self._rewrites else ""
        print(f"{start}{self._text} … {end_of_line}", file=self._stream, end=end, flush=True)
