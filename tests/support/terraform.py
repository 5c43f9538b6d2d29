"""A piece of a Coder template, in Terraform's language, as the part of a Pod that its provider makes of it."""

from __future__ import annotations

import re
from typing import Any, Final

import hcl2

_LISTS: Final = {
    "preferred_during_scheduling_ignored_during_execution",
    "required_during_scheduling_ignored_during_execution",
    "toleration",
    "volume",
    "volume_mount",
}
"""Blocks that may be there several times: lists in Kubernetes; the others are single (provider kubernetes)."""
_PLURALS: Final = {"toleration": "tolerations", "volume": "volumes", "volume_mount": "volumeMounts"}


def pod_part(text: str) -> dict[str, Any]:
    """Attributes and blocks in the spelling of Kubernetes' API.

    Raises:
        lark.exceptions.LarkError: it is not Terraform's language.
    """
    part = _camel(dict(hcl2.loads(f"{text}\n").items()))
    assert isinstance(part, dict)
    return part


def _camel(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            _name(key): _block(key, inner)
            for key, inner in value.items()
            if not key.startswith("__")
        }
    if isinstance(value, str):
        return value.strip('"')
    return value


def _block(key: str, value: Any) -> Any:
    if not isinstance(value, list):
        # The keys of an attribute are labels and the like, and stay as they are written.
        if isinstance(value, dict):
            return {inner.strip('"'): _camel(one) for inner, one in value.items()}
        return _camel(value)
    inner = [_camel(one) for one in value]
    return inner if key in _LISTS else inner[0]


def _name(key: str) -> str:
    plain = key.strip('"')
    return _PLURALS.get(plain) or re.sub(r"_(.)", lambda found: found[1].upper(), plain)
