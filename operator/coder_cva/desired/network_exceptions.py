"""Connections in use become NetworkPolicies that leave them open, each for the Pods concerned and no others.

A policy isolates whom it selects, so none of these selects a Pod that is no workspace. Templates make
Services and annotations by the thousand, alike but for one label: such ones share a policy that lists the
values of that label, and beyond a limit one that asks only for the label's presence, which is told.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.desired.connections import WORKSPACE_ID, Use
from coder_cva.desired.metadata import metadata, name_in
from coder_cva.desired.pod_ports import Port, told, written
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest

VALUES: Final = 200
"""About as many values a policy lists: a workspace that starts or stops rewrites some kilobytes."""
ALIKE: Final = 100
"""At most so many policies are made of selectors that have the same labels, for the same ports."""
IN_USE: Final = "cva.coder.com/in-use"
"""Annotation: what leads to the Pods that the policy selects."""
_OF_ITS_ID: Final = frozenset(
    {
        "app.kubernetes.io/instance",
        "com.coder.workspace.name",
        "com.coder.user.id",
        "com.coder.user.username",
    }
)
"""Labels that follow from the workspace's id in Coder's templates."""
_SHOWN: Final = 3

Labels = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Opening:
    """Ports, () for every one, that stay open on Pods, and the connections for which they do.

    The Pods have all of ``labels``, one of ``values`` in the label ``listed``, and the labels ``present``.
    ``part`` tells apart openings that differ in nothing but their values.
    """

    ports: tuple[Port, ...]
    labels: Labels
    uses: tuple[str, ...]
    listed: str = ""
    values: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    part: str = ""
    is_wide: bool = False
    """Whether it selects more than the connections do, for there are too many to be told apart."""

    @property
    def selector(self) -> dict[str, Any]:
        """The podSelector."""
        exact = dict(self.labels)
        expressions: list[dict[str, Any]] = []
        if len(self.values) == 1:
            exact[self.listed] = self.values[0]
        elif self.values:
            expressions.append({"key": self.listed, "operator": "In", "values": [*self.values]})
        expressions += [{"key": key, "operator": "Exists"} for key in self.present]
        made = {"matchLabels": dict(sorted(exact.items())), "matchExpressions": expressions}
        return {key: one for key, one in made.items() if one}

    def __str__(self) -> str:
        where = f"port {told(self.ports)}" if self.ports else "every port"
        labels = [f"{key}={value}" for key, value in self.labels]
        return f"{where} of every workspace with the labels {', '.join((*labels, *self.present))}"


def openings(uses: Iterable[Use]) -> tuple[Opening, ...]:
    """Few openings that leave every use as it is, in a fixed order."""
    alike: defaultdict[tuple[tuple[Port, ...], tuple[str, ...], str], dict[Labels, set[str]]]
    alike = defaultdict(dict)
    for use in uses:
        # Ingresses are named in the status only: what embellishes must not be a write.
        name = use.subject.partition(", ")[0]
        for reach in use.reaches:
            keys = tuple(key for key, _ in reach.labels)
            alike[use.ports, keys, reach.present].setdefault(reach.labels, set()).add(name)
    return tuple(
        opening
        for (ports, _, present), found in sorted(alike.items())
        for opening in _of_alike(ports, (present,) if present else (), found)
    )


def build_exception(world: World, namespace: str, opening: Opening) -> Manifest:
    """The policy in this namespace that leaves this opening.

    Its name changes with everything but the values: what is opened anew is there before what it replaces
    is swept.
    """
    numbers = "-".join(str(number) for number, _ in opening.ports[:_SHOWN]) or "all"
    parts = (opening.ports, opening.labels, opening.listed, opening.present, opening.part)
    name = name_in(world.deployment, namespace, "in-use", numbers, digest(parts)[:10])
    more = f", … ({len(opening.uses)} in all)" if len(opening.uses) > _SHOWN else ""
    about = {IN_USE: ", ".join(opening.uses[:_SHOWN]) + more}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(world.deployment, name, namespace, annotations=about),
        "spec": {
            "podSelector": opening.selector,
            "policyTypes": ["Ingress"],
            "ingress": [{"ports": written(opening.ports)} if opening.ports else {}],
        },
    }


def _of_alike(
    ports: tuple[Port, ...], present: tuple[str, ...], found: Mapping[Labels, set[str]]
) -> Iterator[Opening]:
    """Selectors of the same labels, joined where one label tells them apart."""
    listed = _telling(found)
    said_by_it = _implied(found) if listed == WORKSPACE_ID else frozenset()
    joined: defaultdict[Labels, dict[str, set[str]]] = defaultdict(dict)
    for labels, uses in found.items():
        rest = tuple(one for one in labels if one[0] != listed and one[0] not in said_by_it)
        joined[rest].setdefault(dict(labels)[listed], set()).update(uses)
    made = [
        Opening(ports, rest, _sorted(known[one] for one in part), listed, part, present, name)
        for rest, known in sorted(joined.items())
        for name, part in _parts(known)
    ]
    yield from made if len(made) <= ALIKE else (_wide(ports, present, found),)


def _telling(found: Iterable[Labels]) -> str:
    """The label that tells most of them apart; before any other that does as much, the workspace's id."""
    distinct: defaultdict[str, set[str]] = defaultdict(set)
    for labels in found:
        for key, value in labels:
            distinct[key].add(value)
    return max(sorted(distinct), key=lambda key: (len(distinct[key]), key == WORKSPACE_ID))


def _implied(found: Iterable[Labels]) -> frozenset[str]:
    """The workspace's other labels, as far as they say here no more than the id beside them."""
    pairs: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    for labels in found:
        own = dict(labels)
        for key in own.keys() & _OF_ITS_ID:
            pairs[key].add((own[WORKSPACE_ID], own[key]))
    return frozenset(
        key
        for key, known in pairs.items()
        if len(known) == len({one for one, _ in known}) and len({value for _, value in known}) > 1
    )


def _parts(values: Iterable[str]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The values in parts of about the same size. A value stays in its part when others come and go."""
    every = sorted(values)
    count = 1
    while count * VALUES < len(every):
        count *= 2
    parts: defaultdict[int, list[str]] = defaultdict(list)
    for value in every:
        parts[int(hashlib.sha256(value.encode()).hexdigest()[:8], 16) % count].append(value)
    for number, part in sorted(parts.items()):
        yield f"{number}/{count}", tuple(part)


def _wide(
    ports: tuple[Port, ...], present: tuple[str, ...], found: Mapping[Labels, set[str]]
) -> Opening:
    """One for all: what they have in common, and that the other labels are there."""
    common = frozenset.intersection(*map(frozenset, found))
    varying = {key for labels in found for key, _ in frozenset(labels) - common}
    labels = tuple(sorted(common))
    there = tuple(sorted({*varying, *present}))
    return Opening(ports, labels, _sorted(found.values()), present=there, is_wide=True)


def _sorted(uses: Iterable[set[str]]) -> tuple[str, ...]:
    return tuple(sorted({name for one in uses for name in one}))
