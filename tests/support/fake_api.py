"""A small API server in memory for unit tests of the engine: server-side apply of whole fields.

It stands in for what the cluster tests show on a real one; it knows who owns which top-level field.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coder_cva import ports
from coder_cva.values.manifest import Manifest, Ref, ref_of

if TYPE_CHECKING:
    from collections.abc import Mapping


OURS = "coder-cva-operator"


@dataclass
class FakeApi:
    """Implements ApplyPort. ``owners`` maps a field such as ``.spec.replicas`` to another manager."""

    objects: dict[Ref, dict[str, Any]] = field(default_factory=dict)
    owners: dict[tuple[Ref, str], str] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    dry_runs: int = 0
    refuse: dict[Ref, ports.WriteError] = field(default_factory=dict)

    async def live(self, ref: Ref) -> Mapping[str, Any] | None:
        """The object, if there is one."""
        if ref in self.refuse:
            raise self.refuse[ref]
        return copy.deepcopy(self.objects.get(ref))

    async def apply(
        self, manifest: Manifest, *, force: bool = False, dry_run: bool = False
    ) -> Mapping[str, Any]:
        """Merges the manifest over the object; another manager's field is a conflict without force."""
        ref = ref_of(manifest)
        live = self.objects.get(ref, {})
        held = [
            ports.FieldOwner(path, manager)
            for (of, path), manager in self.owners.items()
            if of == ref and _at(manifest, path) not in (None, _at(live, path))
        ]
        if held and not force:
            raise ports.FieldConflict(ref, "conflict", tuple(held))
        result = _merged(copy.deepcopy(live), manifest)
        if dry_run:
            self.dry_runs += 1
            return result
        result["metadata"].setdefault("uid", f"uid-of-{ref.name}")
        self.objects[ref] = result
        self.writes.append(f"apply {ref}")
        for owner in held:
            self.owners.pop((ref, owner.field), None)
        return copy.deepcopy(result)

    async def amend(
        self, ref: Ref, metadata: Mapping[str, Any], *, version: str
    ) -> Mapping[str, Any]:
        """Merges this into the metadata; null takes an entry out."""
        if ref in self.refuse:
            raise self.refuse[ref]
        found = self.objects[ref]["metadata"]
        if found.get("resourceVersion", "") != version:
            raise ports.Stale(ref, "the object has been modified")
        _amended(found, metadata)
        self.writes.append(f"amend {ref}")
        return copy.deepcopy(self.objects[ref])

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Removes the object of that UID."""
        found = self.objects.get(ref)
        if found is not None and found["metadata"].get("uid", "") != uid:
            raise ports.Stale(ref, "the UID is another one")
        self.objects.pop(ref, None)
        self.writes.append(f"delete {ref}")

    async def evict(self, ref: Ref, *, uid: str) -> None:
        """Removes the Pod of that UID."""
        if ref in self.refuse:
            raise self.refuse[ref]
        found = self.objects.get(ref)
        if found is not None and found["metadata"].get("uid", "") != uid:
            raise ports.Stale(ref, "the UID is another one")
        self.objects.pop(ref, None)
        self.writes.append(f"evict {ref}")

    def owned(self) -> tuple[Mapping[str, Any], ...] | None:
        """Everything that carries our label."""
        return tuple(
            copy.deepcopy(one)
            for one in self.objects.values()
            if one["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by") == OURS
        )

    def edit(self, ref: Ref, path: str, value: Any, manager: str) -> None:
        """What another manager does to a field."""
        keys = path.strip(".").split(".")
        here = self.objects[ref]
        for key in keys[:-1]:
            here = here.setdefault(key, {})
        here[keys[-1]] = value
        self.owners[ref, path] = manager


def _merged(into: dict[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merged(into[key], value)
        else:
            into[key] = copy.deepcopy(value)
    return into


def _amended(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            _amended(into.setdefault(key, {}), value)
        else:
            into[key] = copy.deepcopy(value)


def _at(tree: Mapping[str, Any], path: str) -> Any:
    here: Any = tree
    for key in path.strip(".").split("."):
        here = here.get(key) if isinstance(here, dict) else None
    return here
