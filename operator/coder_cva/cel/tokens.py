"""An expression's text, cut into words."""

import re
from dataclasses import dataclass
from typing import Final

_WORDS: Final = re.compile(
    r"""
    (?P<blank>\s+)
    |(?P<string>'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*")
    |(?P<int>\d+)
    |(?P<name>[A-Za-z_]\w*)
    |(?P<sign>\.\?|\[\?|\|\||&&|[=!<>]=|[-+!<>?:.,()\[\]{}])
    """,
    re.VERBOSE,
)
_ESCAPED: Final = re.compile(r"\\(.)")
END: Final = "end"


class UnknownExpression(ValueError):
    """An expression that is none, or uses what is not known here."""


@dataclass(frozen=True, slots=True)
class Token:
    """A word: what it is (string, int, name, sign or end), and how it is written; strings without quotes."""

    kind: str
    text: str


def tokens(expression: str) -> list[Token]:
    """The words of an expression, and the end. Raises UnknownExpression where something is no word."""
    found: list[Token] = []
    at = 0
    while at < len(expression):
        match = _WORDS.match(expression, at)
        if match is None:
            raise UnknownExpression(f"no word of the language: {expression[at : at + 20]!r}")
        at = match.end()
        kind, text = str(match.lastgroup), match.group()
        if kind == "string":
            text = _ESCAPED.sub(r"\1", text[1:-1])
        if kind != "blank":
            found.append(Token(kind, text))
    return [*found, Token(END, "")]
