"""Nodes and namespaces in, their records out."""

from collections.abc import Mapping
from typing import Any

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.parse_pods import is_device
from coder_cva.snapshot.records import Namespace, Node
from coder_cva.snapshot.shapes import byte_count, flag, mapping, mappings, millicores, pairs, text
from coder_cva.values.manifest import dig


def node(body: Any) -> Node | None:
    """A node with what it can hold: allocatable, or its capacity where that is not said."""
    meta = identified(body)
    if meta is None:
        return None
    ready = [
        one.get("status")
        for one in mappings(dig(body, "status", "conditions"))
        if one.get("type") == "Ready"
    ]
    return Node(
        meta=meta,
        ready=ready == ["True"],
        unschedulable=flag(dig(body, "spec", "unschedulable")),
        taints=tuple(_taint(one) for one in mappings(dig(body, "spec", "taints"))),
        cpu_millicores=millicores(_allocatable(body, "cpu")),
        memory_bytes=byte_count(_allocatable(body, "memory")),
        pods=byte_count(_allocatable(body, "pods")),
        devices=_devices(body),
        capacity_millicores=millicores(dig(body, "status", "capacity", "cpu")),
        capacity_bytes=byte_count(dig(body, "status", "capacity", "memory")),
    )


def namespace(body: Any) -> Namespace | None:
    """A namespace; its labels decide selectors, its annotations consent."""
    meta = identified(body)
    return Namespace(meta) if meta else None


def _allocatable(body: Any, resource: str) -> Any:
    amount = dig(body, "status", "allocatable", resource)
    return dig(body, "status", "capacity", resource) if amount is None else amount


def _devices(body: Any) -> tuple[str, ...]:
    """The extended resources of which there is any: their names are qualified by a domain."""
    there = mapping(dig(body, "status", "allocatable") or dig(body, "status", "capacity"))
    return tuple(sorted(text(key) for key, one in there.items() if is_device(key, one)))


def _taint(raw: Mapping[str, Any]) -> Mapping[str, str]:
    return pairs({key: raw.get(key) for key in ("key", "value", "effect")})
