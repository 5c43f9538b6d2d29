"""Words and tables laid out for a page of 100 columns: data in, lines out."""

from __future__ import annotations

import shlex
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

WIDTH = 100
GAP = "  "


def paragraph(text: str, indent: str = "") -> list[str]:
    """Prose, broken between words; an empty line of the text stays one."""
    lines: list[str] = []
    for part in text.split("\n"):
        lines += _broken(part, WIDTH, indent, indent) or [""]
    return lines


def output(text: str, indent: str = "  ") -> list[str]:
    """A program's output: columns stay where they are, a line too long goes on further in."""
    lines: list[str] = []
    for line in text.rstrip("\n").split("\n"):
        own = " " * (len(line) - len(line.lstrip()))
        hanging = indent + own + "    "
        lines += _broken(line, WIDTH, indent, hanging) or [""]
    return lines


def command(words: Sequence[str], indent: str = "  ") -> list[str]:
    """A command as one would type it, over several lines where it is long."""
    lines = [f"{indent}$"]
    for part in _parts(list(map(shlex.quote, words))):
        if len(lines[-1]) + 1 + len(part) > WIDTH - len(" \\"):
            lines[-1] += " \\"
            lines.append(f"{indent}   ")
        lines[-1] += f" {part}"
    return lines


def _parts(words: list[str]) -> list[str]:
    """Words, a short option together with its value."""
    parts: list[str] = []
    for word in words:
        if parts and len(parts[-1]) == 2 and parts[-1].startswith("-"):
            parts[-1] += f" {word}"
        else:
            parts.append(word)
    return parts


def table(headers: Sequence[str], rows: Sequence[Sequence[str]], indent: str = "  ") -> list[str]:
    """Columns as wide as their widest cell; the last one is broken where the page ends."""
    everything = [list(headers), *(list(row) for row in rows)]
    widths = [max(len(row[at]) for row in everything) for at in range(len(headers) - 1)]
    start = len(indent) + sum(width + len(GAP) for width in widths)
    room = max(WIDTH - start, 20)
    lines: list[str] = []
    for row in everything:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        last = textwrap.wrap(row[-1], room, break_long_words=False, break_on_hyphens=False)
        lines.append((indent + GAP.join([*cells, *last[:1]])).rstrip())
        lines += [" " * start + more for more in last[1:]]
    return lines


def _broken(line: str, width: int, first: str, rest: str) -> list[str]:
    if len(first) + len(line) <= width:
        return [(first + line).rstrip()]
    return textwrap.wrap(
        line,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
        drop_whitespace=True,
    )


def paragraph_under(start: str, words: str, indent: str = "  ") -> list[str]:
    """Words behind a label, broken under themselves; `indent` is what will stand before it all."""
    return _broken(start + words, WIDTH - len(indent), "", " " * len(start))
