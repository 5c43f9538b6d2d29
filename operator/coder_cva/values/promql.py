"""A PromQL expression in, the series that it asks for out: their names, and what it asks of their labels.

It reads what alarms are made of and evaluates nothing. A name that is a function, a keyword or a label is none
of a series.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

_TOKEN: Final = re.compile(
    r"""(?P<skip>\s+|\#[^\n]*)
    |(?P<text>"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|`[^`]*`)
    |(?P<name>[A-Za-z_:][A-Za-z0-9_:]*)
    |(?P<number>[0-9.][A-Za-z0-9_.:]*)
    |(?P<mark>=~|!~|!=|==|>=|<=|.)""",
    re.VERBOSE | re.DOTALL,
)
_MATCHING: Final = frozenset({"=", "!=", "=~", "!~"})
_LISTING: Final = frozenset({"by", "without", "on", "ignoring", "group_left", "group_right"})
"""Words behind which a list of labels stands in brackets."""
_WORDS: Final = _LISTING | {
    *("and", "or", "unless", "bool", "offset", "inf", "nan", "atan2"),
    *("sum", "min", "max", "avg", "group", "stddev", "stdvar", "count", "count_values"),
    *("bottomk", "topk", "quantile", "limitk", "limit_ratio"),
}
_LONGEST: Final = 16_384
"""Characters; nobody writes such an expression by hand."""
_Token = tuple[str, str]


@dataclass(frozen=True, slots=True, order=True)
class Matcher:
    """What is asked of a label: ``namespace = coder``; operators are ``=``, ``!=``, ``=~`` and ``!~``."""

    label: str
    operator: str
    value: str


@dataclass(frozen=True, slots=True, order=True)
class Series:
    """Series of one name, "" where only labels are asked for."""

    metric: str
    matchers: tuple[Matcher, ...] = ()


def series(expression: str) -> tuple[Series, ...]:
    """The series of an expression, sorted, each once; () where it is too long to be one."""
    if len(expression) > _LONGEST:
        return ()
    return tuple(sorted(set(_found(list(_tokens(expression))))))


def _tokens(expression: str) -> Iterator[_Token]:
    for match in _TOKEN.finditer(expression):
        kind = match.lastgroup or ""
        if kind != "skip":
            yield kind, match.group()


def _found(tokens: list[_Token]) -> Iterator[Series]:
    place = 0
    while place < len(tokens):
        kind, word = tokens[place]
        following = tokens[place + 1][1] if place + 1 < len(tokens) else ""
        place += 1
        if kind == "name" and word.lower() in _LISTING and following == "(":
            place = _after(tokens, place, ")")
        elif kind == "name" and following == "{":
            end = _after(tokens, place, "}")
            yield _selected(word, tokens[place + 1 : end])
            place = end
        elif kind == "name" and following != "(" and word.lower() not in _WORDS:
            yield Series(word)
        elif word == "{":
            end = _after(tokens, place, "}")
            yield _selected("", tokens[place:end])
            place = end


def _after(tokens: list[_Token], place: int, closing: str) -> int:
    """The place behind the next such mark, the end where there is none."""
    for number in range(place, len(tokens)):
        if tokens[number] == ("mark", closing):
            return number + 1
    return len(tokens)


def _selected(metric: str, inside: list[_Token]) -> Series:
    """A selector: what stands between its braces, the name as a label or in quotes too."""
    matchers = []
    for place, (kind, word) in enumerate(inside):
        before = inside[place - 1][1] if place else ","
        operator, value = [*inside[place + 1 : place + 3], ("", ""), ("", "")][:2]
        if operator[1] in _MATCHING and value[0] == "text":
            label = _unquoted(word) if kind == "text" else word
            matchers.append(Matcher(label, operator[1], _unquoted(value[1])))
        elif kind == "text" and before in (",", "{") and not metric:
            metric = _unquoted(word)
    named = [one.value for one in matchers if (one.label, one.operator) == ("__name__", "=")]
    return Series(metric or "".join(named[:1]), tuple(sorted(set(matchers))))


def _unquoted(text: str) -> str:
    inner = text[1:-1]
    return inner if text[0] == "`" else re.sub(r"\\(.)", r"\1", inner, flags=re.DOTALL)
