"""A small API server in memory for unit tests of the engine: server-side apply, field by field.

It stands in for what the cluster tests show on a real one. It knows which manager owns which field:
one that its last owner no longer applies is removed, and filled in again where it has a default.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from coder_cva import ports
from coder_cva.values.manifest import Manifest, Ref, ref_of
from support import fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from support.fields import Path

US = "coder-cva-operator"
DEFAULTS: Mapping[tuple[str, str], Any] = {
    ("Deployment", ".spec.replicas"): 1,
    ("Service", ".spec.type"): "ClusterIP",
}


@dataclass
class FakeApi:
    """Implements ApplyPort. ``managers`` are the owners of each field by object, ourselves among them."""

    objects: dict[Ref, dict[str, Any]] = field(default_factory=dict)
    managers: dict[Ref, dict[Path, set[str]]] = field(default_factory=dict)
    writes: list[str] = field(default_factory=list)
    dry_runs: int = 0
    refuse: dict[Ref, ports.WriteError] = field(default_factory=dict)
    refuse_apply: dict[Ref, ports.WriteError] = field(default_factory=dict)

    async def live(self, ref: Ref) -> Mapping[str, Any] | None:
        """The object, if there is one."""
        if ref in self.refuse:
            raise self.refuse[ref]
        return copy.deepcopy(self.objects.get(ref))

    async def apply(
        self, manifest: Manifest, *, force: bool = False, dry_run: bool = False
    ) -> Mapping[str, Any]:
        """What we say is set and what we say no longer goes; another's field is a conflict without force."""
        ref = ref_of(manifest)
        if ref in self.refuse_apply:
            raise self.refuse_apply[ref]
        if ref not in self.objects:
            self.managers.pop(ref, None)
        result = copy.deepcopy(self.objects.get(ref)) or _named(manifest)
        owners = {path: set(one) for path, one in self.managers.get(ref, {}).items()}
        said = fields.leaves(manifest)
        _free_or_refuse(ref, result, said, owners, force=force)
        for path in [path for path, names in owners.items() if US in names and path not in said]:
            _release(result, owners, path, US)
        for path, value in said.items():
            fields.put(result, path, value)
            owners.setdefault(path, set()).add(US)
        _complete(ref, result)
        if dry_run:
            self.dry_runs += 1
            return result
        result["metadata"].setdefault("uid", f"uid-of-{ref.name}")
        self.objects[ref], self.managers[ref] = result, owners
        self.writes.append(f"apply {ref}")
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
        for path in [
            one for one in self.managers.get(ref, {}) if fields.at(self.objects[ref], one) is None
        ]:
            del self.managers[ref][path]
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
        """Everything that carries our managed-by label, as the watches select it."""
        return tuple(
            copy.deepcopy(one)
            for one in self.objects.values()
            if (one["metadata"].get("labels") or {}).get("app.kubernetes.io/managed-by") == US
        )

    def edit(self, ref: Ref, path: str, value: Any, manager: str) -> None:
        """What another manager does to a field; whoever owned another value of it owns it no more."""
        steps = fields.parsed(path)
        here, owners = self.objects[ref], self.managers.setdefault(ref, {})
        if fields.at(here, steps) != value:
            owners[steps] = set()
        fields.put(here, steps, value)
        owners.setdefault(steps, set()).add(manager)

    def let_go(self, ref: Ref, path: str, manager: str) -> None:
        """What becomes of a field that another manager applied and applies no longer."""
        _release(self.objects[ref], self.managers[ref], fields.parsed(path), manager)
        _complete(ref, self.objects[ref])

    def strip(self, ref: Ref, label: str) -> None:
        """Somebody takes a label off."""
        path = ("metadata", "labels", label)
        fields.drop(self.objects[ref], path)
        self.managers.get(ref, {}).pop(path, None)


def _named(manifest: Manifest) -> dict[str, Any]:
    named = {key: one for key, one in manifest["metadata"].items() if key in ("name", "namespace")}
    return {"apiVersion": manifest["apiVersion"], "kind": manifest["kind"], "metadata": named}


def _amended(into: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, dict):
            _amended(into.setdefault(key, {}), value)
        else:
            into[key] = copy.deepcopy(value)


def _free_or_refuse(
    ref: Ref,
    live: Mapping[str, Any],
    said: Mapping[Path, Any],
    owners: dict[Path, set[str]],
    *,
    force: bool,
) -> None:
    """Takes the fields of which we say something else from their owners, or raises the conflict."""
    held = [path for path in said if owners.get(path, set()) - {US} and fields.at(live, path) != said[path]]  # fmt: skip
    if held and not force:
        causes = [(fields.text(path), name) for path in held for name in owners[path] - {US}]
        found = tuple(ports.FieldOwner(*one) for one in sorted(causes))
        raise ports.FieldConflict(ref, f"conflicts: {found}", found)
    for path in held:
        owners[path] = set()


def _release(tree: dict[str, Any], owners: dict[Path, set[str]], path: Path, manager: str) -> None:
    owners[path].discard(manager)
    if not owners[path]:
        del owners[path]
        fields.drop(tree, path)


def _complete(ref: Ref, tree: dict[str, Any]) -> None:
    """Fills in defaults, and refuses a container without its image."""
    for (kind, path), value in DEFAULTS.items():
        if kind == ref.kind and fields.at(tree, fields.parsed(path)) is None:
            fields.put(tree, fields.parsed(path), value)
    for one in fields.at(tree, fields.parsed(".spec.template.spec.containers")) or ():
        if "image" not in one:
            raise ports.Invalid(ref, f"spec.template.spec.containers[{one['name']}].image: Required value")  # fmt: skip
