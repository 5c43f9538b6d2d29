"""Guards against hostile shapes: any value in, a value of the wanted type out, never an exception."""

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from coder_cva.snapshot import sharing
from coder_cva.values import quantity


def text(value: Any, default: str = "") -> str:
    """The text itself; the default for what is none. Equal texts are one object."""
    return sharing.text(value) if isinstance(value, str) else default


def whole(value: Any, default: int = 0) -> int:
    """A whole number that is not negative; the default for what is none (``True`` is none)."""
    if isinstance(value, bool) or not isinstance(value, int):
        return default
    return max(value, 0)


def flag(value: Any) -> bool:
    """Whether it is the literal ``true``."""
    return value is True


def mapping(value: Any) -> Mapping[str, Any]:
    """The mapping itself, an empty one for what is none."""
    return value if isinstance(value, Mapping) else {}


def mappings(value: Any) -> tuple[Mapping[str, Any], ...]:
    """The mappings of a list, without what is none."""
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(one for one in value if isinstance(one, Mapping))


def texts(value: Any) -> tuple[str, ...]:
    """The texts of a list, in its order."""
    if not isinstance(value, (list, tuple)):
        return ()
    return tuple(sharing.text(one) for one in value if isinstance(one, str))


def pairs(value: Any) -> dict[str, str]:
    """Labels and the like: text to text, without what is not."""
    found: Mapping[Any, Any] = mapping(value)
    return {
        sharing.text(key): sharing.text(one)
        for key, one in found.items()
        if isinstance(key, str) and isinstance(one, str)
    }


def millicores(value: Any) -> int:
    """CPU in millicores, 0 for what is no quantity or negative."""
    return _amount(value, quantity.cpu_millicores) if isinstance(value, (str, int, float)) else 0


def byte_count(value: Any) -> int:
    """Memory or storage in bytes, 0 for what is no quantity or negative."""
    return _amount(value, quantity.byte_count) if isinstance(value, (str, int, float)) else 0


@lru_cache(maxsize=2_048, typed=True)  # True is no 1 here
def _amount(value: str | float, convert: Callable[[str | float], int]) -> int:
    if isinstance(value, bool):
        return 0
    try:
        return max(convert(value), 0)
    except (ValueError, ArithmeticError):
        return 0


def selector(value: Any) -> dict[str, Any] | None:
    """A LabelSelector of proper shape; None, which selects nothing, where it is absent or broken.

    A broken part is never dropped alone: what is left would select more than was meant.
    """
    if not isinstance(value, Mapping):
        return None
    kept: dict[str, Any] = {}
    exact = value.get("matchLabels")
    if exact is not None:
        kept["matchLabels"] = pairs(exact)
        if not isinstance(exact, Mapping) or len(kept["matchLabels"]) != len(exact):
            return None
    expressions = value.get("matchExpressions")
    if expressions is not None:
        if not isinstance(expressions, (list, tuple)):
            return None
        read = [_expression(one) for one in expressions]
        if None in read:
            return None
        kept["matchExpressions"] = read
    return kept


def _expression(value: Any) -> dict[str, Any] | None:
    found = mapping(value)
    key, operator = found.get("key"), found.get("operator")
    if not isinstance(key, str) or not isinstance(operator, str):
        return None
    return {"key": key, "operator": operator, "values": list(texts(found.get("values")))}
