"""Objects that somebody saved to files in, a snapshot of the cluster out.

The objects are those of ``kubectl get … -o json``: lists, or one by one. What was not saved is
``Unavailable``; that a kind has no objects is believed of a list of its own: one that names the kind, as
the API server gives it, or one in a file that is named after the kind (``stem``).
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from coder_cva.api.v1alpha1.resource import GROUP, KIND
from coder_cva.snapshot.model import (
    Absence,
    ClusterSnapshot,
    Reading,
    Served,
    Unavailable,
)
from coder_cva.snapshot.needs import SOURCES, Need, Source
from coder_cva.snapshot.parse import gathered
from coder_cva.snapshot.shapes import mapping, mappings, text
from coder_cva.values.manifest import dig

ADMISSION: Final = "admissionregistration.k8s.io"
STABILITY: Final = ("v1", "v1beta1", "v1alpha1")
"""Versions of the admission policies, best first."""
_LIST: Final = "List"
_NOT_SAVED: Final = Unavailable(Absence.NOT_SAVED, "not in the snapshot")

Body = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Saved:
    """What was saved: the cluster, and its CoderDeployments as they were applied, sorted."""

    snapshot: ClusterSnapshot
    deployments: tuple[Body, ...] = ()


def stem(source: Source) -> str:
    """The name of a kind's file, without its ending: as kubectl names the kind."""
    return f"{_resource(source)}@{source.name}" if source.name else _resource(source)


def command(source: Source) -> str:
    """What saves a kind into the folder in which one stands."""
    return f"kubectl get {' '.join(words(source))} -o json >{stem(source)}.json"


def words(source: Source) -> tuple[str, ...]:
    """What kubectl is asked for: the kind in the version that is read, everywhere, or the one that counts."""
    everywhere = ("--all-namespaces",) if source.namespaced else ()
    named = (f"--field-selector=metadata.name={source.name}",) if source.name else ()
    return (_resource(source), *everywhere, *named)


def collected(documents: Iterable[tuple[str, Any]]) -> Saved:
    """Documents, each with the stem of its file, put together. No shape raises; a strange one is passed over."""
    heap = _Heap()
    for place, document in documents:
        heap.take(place, document)
    readings: dict[str, Any] = {need.value: heap.reading(need) for need in SOURCES}
    snapshot = ClusterSnapshot(**readings, served=heap.served())
    return Saved(snapshot, tuple(sorted(_once(heap.deployments), key=_key)))


@dataclass(slots=True)
class _Heap:
    """What was met so far."""

    bodies: defaultdict[Need, list[Body]] = field(default_factory=lambda: defaultdict(list))
    whole: set[Need] = field(default_factory=set)
    """Kinds of which there is a list, were it an empty one."""
    deployments: list[Body] = field(default_factory=list)
    versions: set[str] = field(default_factory=set)
    """Groups with their versions that the API server serves, where its list of them was saved."""
    resources: dict[str, frozenset[str]] = field(default_factory=dict)
    """Plurals by group and version."""

    def take(self, place: str, document: Any) -> None:
        body = mapping(document)
        kind = text(body.get("kind"))
        if kind == "APIGroupList":
            self.versions |= set(_versions(body))
        elif kind == "APIResourceList":
            names = (text(one.get("name")) for one in mappings(body.get("resources")))
            self.resources[text(body.get("groupVersion"))] = frozenset(names)
        elif kind.endswith(_LIST) and "items" in body:
            self._list(place, body, kind.removesuffix(_LIST))
        else:
            self._object(place, body)

    def _list(self, place: str, body: Body, kind: str) -> None:
        items, home = mappings(body.get("items")), _HOMES.get(place)
        if home is not None and (not items or kind or _holds(items, home)):
            self.whole.add(home)
        elif kind:
            self.whole |= set(_NEEDS.get((_group(body), kind), ()))
        for one in items:
            # In a list of the API server only the list says of which kind its items are.
            said = {"apiVersion": body.get("apiVersion"), "kind": kind} if kind else {}
            self._object(place, {**said, **one})

    def _object(self, place: str, body: Body) -> None:
        group, kind, name = _group(body), text(body.get("kind")), _key(body)[1]
        if (group, kind) == (GROUP, KIND) and dig(body, "metadata", "uid") and all(_key(body)):
            # A manifest has no UID: it was never applied.
            self.deployments.append(body)
        home = _HOMES.get(place)
        is_one_name = home is not None and bool(SOURCES[home].name)
        for need in _NEEDS.get((group, kind), ()):
            wanted = SOURCES[need].name
            if name == wanted or not (wanted or is_one_name):
                self.bodies[need].append(body)

    def reading(self, need: Need) -> Reading[Any]:
        """The objects of a kind; none only where a list of it says so, or its extension is not installed."""
        if need in self.bodies or need in self.whole:
            return gathered(need, _once(self.bodies[need]))
        source = SOURCES[need]
        if source.extension and self._is_not_served(source):
            return Unavailable(Absence.NOT_SERVED, "not served")
        return _NOT_SAVED

    def _is_not_served(self, source: Source) -> bool:
        if not self.versions:
            return False
        resources = self.resources.get(source.api_version)
        is_missing = resources is not None and source.plural not in resources
        return source.api_version not in self.versions or is_missing

    def served(self) -> Served | Unavailable:
        """The versions of the admission policies, from the lists of what the API server serves."""
        there = [one for one in STABILITY if f"{ADMISSION}/{one}" in self.versions]
        if not self.versions or any(f"{ADMISSION}/{one}" not in self.resources for one in there):
            return _NOT_SAVED
        plurals = {one: self.resources[f"{ADMISSION}/{one}"] for one in there}
        return Served(
            tuple(one for one in there if "mutatingadmissionpolicies" in plurals[one]),
            tuple(one for one in there if "validatingadmissionpolicies" in plurals[one]),
        )


def _resource(source: Source) -> str:
    return f"{source.plural}.{source.version}.{source.group}" if source.group else source.plural


def _holds(items: Iterable[Body], need: Need) -> bool:
    return any(need in _NEEDS.get((_group(one), text(one.get("kind"))), ()) for one in items)


def _versions(body: Body) -> Iterator[str]:
    for group in mappings(body.get("groups")):
        for one in mappings(group.get("versions")):
            yield text(one.get("groupVersion"))


def _once(bodies: Iterable[Body]) -> list[Body]:
    """Each object once, the last one saved; files may overlap."""
    return list({_key(body): body for body in bodies}.values())


def _group(body: Body) -> str:
    return text(body.get("apiVersion")).rpartition("/")[0]


def _key(body: Body) -> tuple[str, str]:
    metadata = mapping(body.get("metadata"))
    return text(metadata.get("namespace")), text(metadata.get("name"))


def _by_kind() -> dict[tuple[str, str], tuple[Need, ...]]:
    found: defaultdict[tuple[str, str], tuple[Need, ...]] = defaultdict(tuple)
    for need, source in SOURCES.items():
        found[source.group, source.kind] += (need,)
    return dict(found)


_NEEDS: Final = _by_kind()
_HOMES: Final = {stem(source): need for need, source in SOURCES.items()}
