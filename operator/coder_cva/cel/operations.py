"""What the operators and functions of the language do to values, which are those of JSON."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

from coder_cva.values import quantity


class EvaluationError(Exception):
    """A value is missing, or of a type with which this cannot be done."""


@dataclass(frozen=True, slots=True)
class Maybe:
    """A value that may be missing."""

    there: bool
    value: Any = None


NOTHING: Final = Maybe(there=False)


def equal(left: Any, right: Any) -> bool:
    """Whether two values are the same; unlike Python's, true is not 1, at any depth."""
    if isinstance(left, bool) or isinstance(right, bool):
        return left is right
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equal, left, right))
    if isinstance(left, (dict, Mapping)) and isinstance(right, (dict, Mapping)):
        return left.keys() == right.keys() and all(equal(left[key], right[key]) for key in left)
    if isinstance(left, Maybe) and isinstance(right, Maybe):
        return left.there == right.there and equal(left.value, right.value)
    return bool(left == right)


def contains(whole: Any, part: Any) -> bool:
    """Whether a list has the item, or a map the key."""
    if isinstance(whole, (dict, Mapping)):
        return part in whole
    if isinstance(whole, list):
        return any(equal(one, part) for one in whole)
    raise EvaluationError(f"nothing can be in a {type(whole).__name__}")


def plus(left: Any, right: Any) -> Any:
    """Texts or lists one after the other, or the sum of two numbers."""
    for kind in (str, list, int):
        if isinstance(left, kind) and isinstance(right, kind):
            return left + right  # type: ignore[operator]
    raise EvaluationError(f"{type(left).__name__} + {type(right).__name__}")


def step(whole: Any, key: Any) -> Maybe:
    """A field of a map or an item of a list, if it is there."""
    if isinstance(whole, (dict, Mapping)):
        return Maybe(there=True, value=whole[key]) if key in whole else NOTHING
    if isinstance(whole, list) and isinstance(key, int):
        return Maybe(there=True, value=whole[key]) if 0 <= key < len(whole) else NOTHING
    raise EvaluationError(f"a {type(whole).__name__} has no {key!r}")


def _or_value(maybe: Any, otherwise: Any) -> Any:
    if not isinstance(maybe, Maybe):
        raise EvaluationError("orValue of what is always there")
    return maybe.value if maybe.there else otherwise


def _has_value(maybe: Any) -> bool:
    if not isinstance(maybe, Maybe):
        raise EvaluationError("hasValue of what is always there")
    return maybe.there


def _size(whole: Any) -> int:
    if isinstance(whole, (str, list, dict, Mapping)):
        return len(whole)
    raise EvaluationError(f"a {type(whole).__name__} has no size")


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def _quantity(text: Any) -> Decimal:
    try:
        return quantity.parse(text)
    except ValueError as error:
        raise EvaluationError(str(error)) from error


def _substring(whole: str, start: int, end: int | None = None) -> str:
    """From one place to before another one, or to the end; outside of the text there is nothing."""
    last = len(whole) if end is None else end
    if not 0 <= start <= last <= len(whole):
        raise EvaluationError(f"a text of {len(whole)} has nothing from {start} to {last}")
    return whole[start:last]


def _compared(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


FUNCTIONS: Final[Mapping[str, Callable[..., Any]]] = {
    "dyn": lambda value: value,
    "string": _text,
    "quantity": _quantity,
}
METHODS: Final[Mapping[str, Callable[..., Any]]] = {
    "orValue": _or_value,
    "hasValue": _has_value,
    "size": _size,
    "contains": lambda whole, part: part in whole,
    "lastIndexOf": lambda whole, part: whole.rindex(part) if part in whole else -1,
    "split": lambda whole, part: whole.split(part),
    "substring": _substring,
    "join": lambda parts, between: between.join(parts),
    "compareTo": _compared,
}
OPERATORS: Final[Mapping[str, Callable[[Any, Any], Any]]] = {
    "==": equal,
    "!=": lambda left, right: not equal(left, right),
    "<": lambda left, right: left < right,
    "<=": lambda left, right: left <= right,
    ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right,
    "in": lambda part, whole: contains(whole, part),
    "+": plus,
    "-": lambda left, right: left - right,
}
