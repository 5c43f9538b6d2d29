"""JSON patches (RFC 6902) that only add, which is all that admission does to an object."""

import copy
from collections.abc import Iterable, Mapping
from typing import Any


class NoPlace(ValueError):
    """A patch does something else than add, or its path leads nowhere."""


def patched(whole: Mapping[str, Any], patches: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """A copy with every value added at its path.

    Raises:
        NoPlace: it does not only add, or a path leads nowhere.
    """
    made: dict[str, Any] = copy.deepcopy(dict(whole))
    for one in patches:
        if one["op"] != "add":
            raise NoPlace(f"not an addition: {one['op']}")
        *way, last = (_unescaped(step) for step in one["path"].split("/")[1:])
        _put(_inside(made, way, one["path"]), last, copy.deepcopy(one["value"]))
    return made


def _inside(whole: Any, way: Iterable[str], path: str) -> Any:
    here = whole
    for step in way:
        try:
            here = here[int(step)] if isinstance(here, list) else here[step]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise NoPlace(f"{path} leads nowhere: there is no {step}") from error
    return here


def _put(parent: Any, last: str, value: Any) -> None:
    if isinstance(parent, list):
        parent.insert(len(parent) if last == "-" else int(last), value)
    elif isinstance(parent, dict):
        parent[last] = value
    else:
        raise NoPlace(f"nothing can be added to a {type(parent).__name__}")


def _unescaped(step: str) -> str:
    return step.replace("~1", "/").replace("~0", "~")
