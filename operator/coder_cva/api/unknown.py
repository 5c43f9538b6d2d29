"""Fields of a manifest that the contract does not have: what a typing error looks like offline.

The API server warns of them itself. A manifest that is only read from a file has nobody else to.
"""

import difflib
from collections.abc import Iterator, Mapping
from typing import Any

from coder_cva.api import crd
from coder_cva.api.errors import Problem, path_of
from coder_cva.api.structural import Schema

_Steps = tuple[str | int, ...]


def unknown_fields(resource: Mapping[str, Any]) -> tuple[Problem, ...]:
    """Every field of spec that no schema knows, sorted by path, with the nearest name that it has."""
    schema = crd.schema()["properties"]["spec"]
    return tuple(sorted(_walk(resource.get("spec"), schema, ("spec",))))


def _walk(value: Any, schema: Schema, path: _Steps) -> Iterator[Problem]:
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            yield from _walk(item, schema["items"], (*path, index))
    if not isinstance(value, Mapping) or "properties" not in schema:
        return
    known: Schema = schema["properties"]
    for name, child in value.items():
        if name in known:
            yield from _walk(child, known[name], (*path, name))
        else:
            yield Problem(path_of((*path, str(name))), _advice(str(name), known))


def _advice(name: str, known: Schema) -> str:
    by_small_letters = {one.lower(): one for one in known}
    near = difflib.get_close_matches(name.lower(), sorted(by_small_letters), n=1)
    if near:
        return f"is no field of the CoderDeployment: write {by_small_letters[near[0]]}"
    return f"is no field of the CoderDeployment: remove it, or write one of {', '.join(known)}"
