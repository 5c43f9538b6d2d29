"""Ways into a workspace for those whom nobody named (CVA-NET-005).

Agents dial out, so a workspace needs no port. Who is let in by name (single addresses, Pods or namespaces
by their labels) is its people's choice; everybody, a whole range of addresses, Pods that no label tells
apart, and workspaces of other users are strangers.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any, Final

from coder_cva.desired.pod_ports import Port
from coder_cva.snapshot import address_ranges, marks, shapes
from coder_cva.snapshot.address_ranges import Truth
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.reachability import SPACE_NAME, Opening, Peer, Reachability
from coder_cva.values import selectors
from coder_cva.values.canonical import canonical
from coder_cva.values.memo import Memo

_Pair = tuple[str, str]
_NOBODYS: Final = "-"
"""A name and a value that nobody can have: a selector that matches it names no one."""
_OWNER: Final = "com.coder.user.id"
_USUAL: Final = {"app": _NOBODYS, marks.NAME: _NOBODYS}
"""Labels that most Pods have: to ask for their presence names no one."""
_COMMON: Final = frozenset(
    {
        ("app", marks.WORKSPACE_NAME),
        (marks.NAME, marks.WORKSPACE_NAME),
        ("app.kubernetes.io/part-of", "coder"),
        ("com.coder.resource", "true"),
    }
)
"""Labels of every workspace (Coder's templates), also of one that is still to come."""


@dataclass(frozen=True, slots=True, order=True)
class Way:
    """A way into a workspace: by which policy ("" where none isolates it), for whom, to which ports."""

    policy: str
    who: str
    ports: str
    is_sure: bool
    """Whether it is for strangers; else it is for addresses of which this is not known."""


class Strangers:
    """Those of whom nobody thought, as the policies of one snapshot would see them."""

    def __init__(self, net: Reachability, workspaces: Sequence[Workspace], memo: Memo) -> None:
        self._net = net
        self._homes = dict[str, Mapping[str, str]]()
        for part in memo.parts(_spaces, workspaces, net):
            self._homes |= part
        first, self._common = dict[_Pair, str](), {*_COMMON}
        for pair, owner in memo.flat(_owned, workspaces, net.peer_keys):
            if first.setdefault(pair, owner) != owner:
                self._common.add(pair)
        self._selected: dict[str, tuple[str, ...]] = {}
        self._by_label: defaultdict[tuple[str, str], set[str]] = defaultdict(set)
        for name, labels in self._homes.items():
            for pair in labels.items():
                self._by_label[pair].add(name)

    def ways(self, here: Peer, used: frozenset[Port]) -> Iterator[Way]:
        """The ways into a workspace for strangers, but for the ports of connections in use."""
        openings = self._net.openings(here)
        if openings is None:
            yield Way("", "everybody", "every port", is_sure=True)
            return
        for one in openings:
            ports = _beyond(one.ports, here.ports, used)
            if not ports:
                continue
            for who, truth in self._whom(one, here):
                yield Way(one.policy, who, ports, is_sure=truth is True)

    def _whom(self, opening: Opening, here: Peer) -> Iterator[tuple[str, Truth]]:
        if not opening.peers:
            yield "everybody", True
        for peer in opening.peers:
            block = shapes.mapping(peer.get("ipBlock"))
            if block:
                is_crowd = address_ranges.is_crowd(block)
                if is_crowd is not False:
                    yield f"addresses of {shapes.text(block.get('cidr'))}", is_crowd
                continue
            who = self._pods(peer, opening, here)
            if who:
                yield who, True

    def _pods(self, peer: Mapping[str, Any], opening: Opening, here: Peer) -> str:
        """Which strangers a peer of Pods lets in, "" where it names those whom it means."""
        sibling = self._sibling(here)
        far = Peer("", namespace=_NOBODYS, namespace_labels={SPACE_NAME: _NOBODYS})
        for space, told in ((far, "Pods of any namespace"), (here, "every Pod of its namespace")):
            for labels in ({}, _USUAL):
                if opening.lets_in(peer, replace(space, labels=labels, host_network=False)):
                    return told
        if opening.lets_in(peer, sibling) or self._is_home(peer, sibling):
            return "workspaces of other users"
        return ""

    def _sibling(self, here: Peer) -> Peer:
        """Another user's workspace of the same template: it shares what workspaces have in common.

        That is known of labels of which some policy speaks; no other one decides anything.
        """
        labels = {
            key: value if (key, value) in self._common else _NOBODYS
            for key, value in here.labels.items()
        }
        return replace(here, labels=labels, host_network=False)

    def _is_home(self, peer: Mapping[str, Any], sibling: Peer) -> bool:
        """Whether a peer lets in workspaces of another namespace."""
        spaces, pods = shapes.selector(peer.get("namespaceSelector")), peer.get("podSelector")
        if spaces is None or not (
            pods is None or selectors.matches(shapes.selector(pods), sibling.labels)
        ):
            return False
        return any(name != sibling.namespace for name in self._two_of(spaces))

    def _two_of(self, spaces: Mapping[str, Any]) -> tuple[str, ...]:
        """Two of the namespaces of workspaces that a selector selects, or as many as there are.

        Each selector is looked up once, and by its exact labels: with a namespace for each workspace
        nobody goes through thousands of them thousands of times.
        """
        key = canonical(spaces)
        if key not in self._selected:
            found = (
                name
                for name in self._candidates(spaces)
                if selectors.matches(spaces, self._homes[name])
            )
            self._selected[key] = tuple(islice(found, 2))
        return self._selected[key]

    def _candidates(self, spaces: Mapping[str, Any]) -> Collection[str]:
        """Of the namespaces those that the most telling part of a selector leaves."""
        parts = [{pair} for pair in (spaces.get("matchLabels") or {}).items()]
        parts += [
            {(one["key"], value) for value in one.get("values") or ()}
            for one in spaces.get("matchExpressions") or ()
            if one.get("operator") == "In"
        ]
        left = [{name for pair in part for name in self._by_label.get(pair, ())} for part in parts]
        return min(left, key=len, default=self._homes)


def _spaces(workspaces: tuple[Workspace, ...], net: Reachability) -> dict[str, Mapping[str, str]]:
    """The labels of the namespaces in which they are."""
    first = {one.pod.meta.namespace: one.pod for one in workspaces}
    return {name: net.pod(pod).namespace_labels for name, pod in first.items()}


def _owned(
    workspaces: tuple[Workspace, ...], keys: frozenset[str]
) -> tuple[tuple[_Pair, str], ...]:
    """Their labels of these keys, each with the user whose workspace has it."""
    found = dict[tuple[_Pair, str], None]()
    for one in workspaces:
        labels = one.pod.meta.labels
        if _OWNER in labels:
            pairs = ((key, labels[key]) for key in keys if key in labels)
            found |= dict.fromkeys((pair, labels[_OWNER]) for pair in pairs)
    return tuple(found)


def _beyond(
    ports: Iterable[Mapping[str, Any]],
    served: tuple[tuple[str, int, str], ...],
    used: frozenset[Port],
) -> str:
    """The ports of a rule that no connection in use explains, in words; "" where there is none."""
    told = [_left(one, served, used) for one in ports]
    return ", ".join(sorted({one for one in told if one})) if told else "every port"


def _left(
    port: Mapping[str, Any], served: tuple[tuple[str, int, str], ...], used: frozenset[Port]
) -> str:
    protocol, first = port.get("protocol") or "TCP", port.get("port")
    if first is None:
        return f"every port of {protocol}"
    if isinstance(first, str):
        numbers = {(n, spoken) for name, n, spoken in served if (name, spoken) == (first, protocol)}
        return f"{protocol} {first}" if numbers - used else ""
    if not isinstance(first, int):
        return ""
    end = port.get("endPort")
    last = end if isinstance(end, int) else first
    explained = sum(spoken == protocol and first <= number <= last for number, spoken in used)
    if last - first + 1 <= explained:
        return ""
    return f"{protocol} {first}" if last == first else f"{protocol} {first}-{last}"
