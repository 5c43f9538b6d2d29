"""What a query asks of a label, and a value: whether they agree, as far as that can be told safely.

A pattern comes from whoever may write an alarm, and Python's regular expressions may take for ever over a
hostile one. So patterns are understood that are made of plain text, alternatives and wildcards, which is how
names are matched; of others nothing is known.
"""

from fnmatch import fnmatchcase
from typing import Final

from coder_cva.values.promql import Matcher

_LONGEST: Final = 256
_MOST: Final = 64
"""Alternatives that a pattern may have, nested ones multiplied."""
_SPECIAL: Final = frozenset("[{*+?^$")


class _NotUnderstood(Exception):
    pass


def holds(matcher: Matcher, value: str) -> bool | None:
    """Whether a label of this value meets the matcher; None where its pattern is not understood."""
    match matcher.operator:
        case "=":
            return matcher.value == value
        case "!=":
            return matcher.value != value
    globs = _globs(matcher.value)
    if globs is None:
        return None
    found = any(fnmatchcase(value, one) for one in globs)
    return found is (matcher.operator == "=~")


def _globs(pattern: str) -> list[str] | None:
    """The pattern as alternatives with ``*`` and ``?``; Prometheus anchors it at both ends."""
    if len(pattern) > _LONGEST:
        return None
    try:
        found, rest = _alternatives(pattern.removeprefix("^").removesuffix("$"), 0)
    except _NotUnderstood:
        return None
    return None if rest else found


def _alternatives(pattern: str, depth: int) -> tuple[list[str], str]:
    """The alternatives up to the closing bracket or the end, and what is left of the pattern."""
    if depth > _MOST:
        raise _NotUnderstood
    found: list[str] = []
    current = [""]
    while pattern and pattern[0] != ")":
        if pattern[0] == "|":
            found, current, pattern = found + current, [""], pattern[1:]
            continue
        pieces, pattern = _piece(pattern, depth)
        current = [begin + one for begin in current for one in pieces]
        if len(current) + len(found) > _MOST:
            raise _NotUnderstood
    return found + current, pattern


def _piece(pattern: str, depth: int) -> tuple[list[str], str]:
    """One piece, as alternatives with whatever repeats it, and what is left of the pattern."""
    first, rest = pattern[0], pattern[1:]
    if first == "(":
        pieces, rest = _alternatives(rest.removeprefix("?:"), depth + 1)
        if not rest:
            raise _NotUnderstood
        rest = rest[1:]
    elif first == ".":
        if rest[:1] in ("*", "+"):
            return ["*" if rest[0] == "*" else "?*"], rest[1:]
        pieces = ["?"]
    elif first == "\\" and rest and not rest[0].isalnum():
        pieces, rest = [_literal(rest[0])], rest[1:]
    elif first in _SPECIAL or first == "\\":
        raise _NotUnderstood
    else:
        pieces = [_literal(first)]
    if rest[:1] == "?":
        pieces, rest = [*pieces, ""], rest[1:]
    if rest[:1] and rest[0] in "*+?{":
        raise _NotUnderstood
    return pieces, rest


def _literal(character: str) -> str:
    return f"[{character}]" if character in "*?[" else character
