"""Which of the kinds that are watched an object is of."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coder_cva.snapshot.needs import SOURCES, Need

if TYPE_CHECKING:
    from collections.abc import Mapping


def needs_of(body: Mapping[str, Any]) -> list[Need]:
    """For which needs an object is read; of some kinds only objects of one name are."""
    kind = body["apiVersion"].rpartition("/")[0], body["kind"]
    return [
        need
        for need, source in SOURCES.items()
        if (source.group, source.kind) == kind and source.name in ("", body["metadata"]["name"])
    ]
