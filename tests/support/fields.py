"""Single fields of an object, by their paths as server-side apply sees and writes them."""

from __future__ import annotations

import copy
import itertools
import re
from typing import TYPE_CHECKING, Any, Final, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Step: TypeAlias = "str | tuple[str, str]"
"""A key, or the item of a list by its name."""
Path: TypeAlias = "tuple[Step, ...]"

BY_NAME: Final = frozenset({"containers", "initContainers", "env"})
"""The lists whose items are fields of their own. Every other list is one field, which suffices here."""
_IDENTITY: Final = frozenset({("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")})  # fmt: skip
_STEP: Final = re.compile(r'\.([^.\[]+)|\[name="([^"]*)"\]')


def leaves(manifest: Mapping[str, Any]) -> dict[Path, Any]:
    """Every field that the manifest says, but for those that name the object."""
    return {path: value for path, value in _walk(manifest, ()) if path not in _IDENTITY}


def _walk(tree: Any, path: Path) -> Iterator[tuple[Path, Any]]:
    if isinstance(tree, dict) and tree:
        for key, value in tree.items():
            yield from _walk(value, (*path, key))
    elif isinstance(tree, list) and path[-1] in BY_NAME:
        for item in tree:
            yield from _walk(item, (*path, ("name", item["name"])))
    else:
        yield path, tree


def at(tree: Any, path: Path) -> Any:
    """What is there; None where nothing is."""
    here = tree
    for step in path:
        if isinstance(step, tuple):
            here = next((one for one in here or () if one[step[0]] == step[1]), None)
        else:
            here = here.get(step) if isinstance(here, dict) else None
    return here


def put(tree: dict[str, Any], path: Path, value: Any) -> None:
    """Sets a field, with all that is above it; an empty mapping leaves a fuller one as it is."""
    here: Any = tree
    for step, following in itertools.pairwise(path):
        if isinstance(step, tuple):
            here = _item(here, step)
        else:
            empty: Any = [] if isinstance(following, tuple) else {}
            here = here.setdefault(step, empty)
    last = path[-1]
    if value != {} or last not in here:
        here[last] = copy.deepcopy(value)


def drop(tree: dict[str, Any], path: Path) -> None:
    """Removes a field; a list's item goes with its name, and what is empty then stays."""
    parent = at(tree, path[:-1])
    if isinstance(parent, dict) and path[-1] in parent:
        del parent[path[-1]]
        if path[-1] == "name" and isinstance(path[-2], tuple):
            at(tree, path[:-2]).remove(parent)


def text(path: Path) -> str:
    """The path as the causes of a 409 write it."""
    return "".join(f".{one}" if isinstance(one, str) else f'[name="{one[1]}"]' for one in path)


def parsed(path: str) -> Path:
    """The path of such a text, whose keys hold no dots."""
    return tuple(key or ("name", name) for key, name in _STEP.findall(path))


def _item(items: list[dict[str, Any]], step: tuple[str, str]) -> dict[str, Any]:
    for one in items:
        if one[step[0]] == step[1]:
            return one
    made = {step[0]: step[1]}
    items.append(made)
    return made
