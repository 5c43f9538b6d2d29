"""A Kubernetes object as plain data, and the reference that names one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, overload

Manifest: TypeAlias = dict[str, Any]
"""An object in the form in which it is sent. Builders make new ones; nobody edits one in passing."""


@dataclass(frozen=True, slots=True, order=True)
class Ref:
    """Which object: API version, kind, namespace ("" where cluster-scoped) and name."""

    api_version: str
    kind: str
    namespace: str
    name: str

    @property
    def group(self) -> str:
        """The API group, "" for the core one."""
        return self.api_version.rpartition("/")[0]

    @property
    def identity(self) -> tuple[str, str, str, str]:
        """Group, kind, namespace and name: the same object in whichever version it is served."""
        return self.group, self.kind, self.namespace, self.name

    def __str__(self) -> str:
        """As people write it: ``Deployment coder/coder``, ``Node worker-1``."""
        return (
            f"{self.kind} {self.namespace}/{self.name}"
            if self.namespace
            else f"{self.kind} {self.name}"
        )


def ref_of(manifest: Mapping[str, Any]) -> Ref:
    """The reference of a manifest, which must have an apiVersion, a kind and a name."""
    metadata = manifest["metadata"]
    return Ref(
        api_version=manifest["apiVersion"],
        kind=manifest["kind"],
        namespace=metadata.get("namespace", ""),
        name=metadata["name"],
    )


def dig(tree: Any, *path: str | int, default: Any = None) -> Any:
    """What lies at a path inside nested mappings and lists; the default where a step is missing or null.

    Objects in a live cluster come in every shape that an API server lets through, so each step
    is guarded: a wrong type on the way is an absent value, never an exception.
    """
    here = tree
    for step in path:
        # A plain dict first: the abstract Mapping costs ten times as much to ask for.
        if isinstance(step, str) and isinstance(here, (dict, Mapping)):
            here = here.get(step)
        elif isinstance(step, int) and isinstance(here, Sequence) and not isinstance(here, str):
            here = here[step] if -len(here) <= step < len(here) else None
        else:
            return default
    return default if here is None else here


@overload
def pruned(tree: Mapping[str, Any]) -> Manifest: ...


@overload
def pruned(tree: Any) -> Any: ...


def pruned(tree: Any) -> Any:
    """A copy without the mapping entries that are None, at any depth.

    Builders write ``"key": None`` for "not said"; server-side apply must not see it. Empty lists
    and mappings stay: they mean something (an empty podSelector selects every Pod).
    """
    if isinstance(tree, Mapping):
        return {key: pruned(value) for key, value in tree.items() if value is not None}
    if isinstance(tree, (list, tuple)):
        return [pruned(value) for value in tree]
    return tree
