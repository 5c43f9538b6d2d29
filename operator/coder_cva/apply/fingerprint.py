"""What of an object counts as its content, and removing a field that is left to somebody else."""

import copy
import json
from collections.abc import Mapping
from typing import Any

from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest

_SERVER_FIELDS = (
    "resourceVersion",
    "managedFields",
    "generation",
    "uid",
    "creationTimestamp",
    "selfLink",
)


def fingerprint(body: Mapping[str, Any]) -> str:
    """A digest of everything that a writer can mean: no status, nothing the API server keeps for itself."""
    metadata = {k: v for k, v in (body.get("metadata") or {}).items() if k not in _SERVER_FIELDS}
    content = {k: v for k, v in body.items() if k not in ("status", "metadata")}
    return digest({**content, "metadata": metadata})


def without(manifest: Manifest, fields: tuple[str, ...]) -> Manifest:
    """A copy of the manifest without these fields, written as a 409 names them.

    The form is the API server's own: ``.spec.replicas``,
    ``.spec.template.spec.containers[name="coder"].image``. A field that is not there is ignored.
    """
    reduced = copy.deepcopy(manifest)
    for field in fields:
        _remove(reduced, field)
    return reduced


def _remove(tree: Any, path: str) -> bool:
    """Removes what the path names; True when the parent should drop its own entry for it."""
    if not path:
        return True
    if path.startswith(".") and isinstance(tree, dict):
        _remove_key(tree, path[1:])
    elif path.startswith("[") and isinstance(tree, list):
        _remove_item(tree, path)
    return False


def _remove_key(tree: dict[str, Any], rest: str) -> None:
    # Keys may hold dots (labels), so the longest key that fits is the one that is meant.
    fitting = [k for k in tree if rest == k or rest.startswith((f"{k}.", f"{k}["))]
    for key in sorted(fitting, key=len, reverse=True)[:1]:
        if _remove(tree[key], rest[len(key) :]):
            del tree[key]


def _remove_item(tree: list[Any], path: str) -> None:
    selector, _, rest = path[1:].partition("]")
    for position, item in enumerate(tree):
        if _selected(item, selector):
            if _remove(item, rest):
                del tree[position]
            return


def _selected(item: Any, selector: str) -> bool:
    """Whether a list's item is meant by ``name="coder"``, ``containerPort=80,protocol="TCP"`` or ``="x"``."""
    for part in selector.split(","):
        key, _, text = part.partition("=")
        try:
            value = json.loads(text)
        except json.JSONDecodeError:
            return False
        found = item.get(key) if key and isinstance(item, dict) else item
        if found != value:
            return False
    return True
