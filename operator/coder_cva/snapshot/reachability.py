"""May A open a connection to B: everybody's NetworkPolicies in, an answer that explains itself out.

Source: the Kubernetes API of NetworkPolicy. A Pod that no policy selects for a direction is open in it;
one that a policy selects is closed, but for the union of what its policies allow. A connection needs
the egress of its source and the ingress of its target. Only NetworkPolicies are read: what a plugin
adds of its own kinds is not seen here.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from coder_cva.snapshot import address_ranges, shapes
from coder_cva.snapshot.address_ranges import Ranges, Truth
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Labels, NetworkPolicy, Pod
from coder_cva.snapshot.selector_index import SelectorIndex
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

Direction = Literal["egress", "ingress"]
_ENDS: Final[tuple[tuple[Direction, str], ...]] = (("egress", "to"), ("ingress", "from"))
_DNS: Final = 53
_TOLD: Final[Mapping[Truth, str]] = {
    True: ", which allows {}",
    False: ", and nothing there allows {}",
    None: "; whether what it allows includes {} cannot be told",
}
SPACE_NAME: Final = "kubernetes.io/metadata.name"
"""The label that the API server gives every namespace: its name."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An end of a connection: a Pod, addresses outside, or, with neither, somebody not known.

    ``ranges`` are the addresses by family: one family that is wholly allowed is enough.
    """

    name: str
    namespace: str = ""
    labels: Labels = field(default_factory=dict)
    namespace_labels: Labels = field(default_factory=dict)
    ports: tuple[tuple[str, int, str], ...] = ()
    """A Pod's container ports (name, number, protocol), for rules that name a port."""
    host_network: bool = False
    """Whether the Pod uses its node's network: no policy covers it, and to others it is a node."""
    ranges: tuple[Ranges, ...] = ()


@dataclass(frozen=True, slots=True)
class Side:
    """One end's view: whether it lets the connection through, why, and which policies isolate it.

    ``possible`` is None where it cannot be told.
    """

    direction: Direction
    possible: Truth
    why: str
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The views of the ends that are Pods; the connection is possible where all let it through."""

    sides: tuple[Side, ...]

    @property
    def possible(self) -> Truth:
        """False where an end closes it, None where an end cannot be told, else True."""
        truths = [one.possible for one in self.sides]
        return False if False in truths else None if None in truths else True

    @property
    def deciding(self) -> tuple[Side, ...]:
        """The ends by which the answer is what it is."""
        return tuple(one for one in self.sides if one.possible is self.possible)

    @property
    def why(self) -> str:
        """The reason in words."""
        return "; ".join(one.why for one in self.deciding)

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies on which it hangs, ``namespace/name``, sorted."""
        return tuple(sorted({name for one in self.deciding for name in one.policies}))


@dataclass(frozen=True, slots=True)
class Opening:
    """An ingress rule of a policy that isolates a Pod: whom it lets in and to which ports, as it is written.

    Without peers it is for everybody, without ports for every port.
    """

    policy: str
    namespace: str
    peers: tuple[Mapping[str, Any], ...]
    ports: tuple[Mapping[str, Any], ...]

    def lets_in(self, peer: Mapping[str, Any], other: Peer) -> Truth:
        """Whether one of its peers is this Pod."""
        return _is_peer(peer, other, self.namespace)


def best(answers: Iterable[Answer]) -> Answer:
    """The most hopeful of several answers; one way is enough. Raises ValueError where there is none."""
    found = list(answers)
    for wanted in (True, None):
        for one in found:
            if one.possible is wanted:
                return one
    if not found:
        raise ValueError("nothing was asked")
    return found[0]


class Reachability:
    """The NetworkPolicies of one snapshot, indexed once for all questions."""

    def __init__(self, snapshot: ClusterSnapshot) -> None:
        self._spaces: dict[str, Labels] = {
            one.meta.name: {SPACE_NAME: one.meta.name, **one.meta.labels}
            for one in snapshot.items(Need.NAMESPACES)
        }
        found: defaultdict[str, list[_Policy]] = defaultdict(list)
        for one in snapshot.items(Need.NETWORK_POLICIES):
            found[one.meta.namespace].append(_Policy(one))
        self._policies = {
            space: SelectorIndex((one.selector, one) for one in policies)
            for space, policies in found.items()
        }
        every = (one for policies in found.values() for one in policies)
        self._keys = sorted({key for one in every for key in one.peer_keys})

    @property
    def peer_keys(self) -> frozenset[str]:
        """The keys of labels by which some policy names Pods as peers."""
        return frozenset(self._keys)

    def pod(self, pod: Pod, name: str = "") -> Peer:
        """A Pod as an end of a connection."""
        here = pod.meta.namespace
        return Peer(
            name=name or f"Pod {pod.meta.path}",
            namespace=here,
            labels=pod.meta.labels,
            namespace_labels=self._spaces.get(here) or {SPACE_NAME: here},
            ports=pod.shape.ports,
            host_network=pod.shape.host_network,
        )

    def kind(self, pod: Pod) -> Hashable:
        """What policies could tell a Pod by: of thousands that are alike one is enough to ask about."""
        labels = pod.meta.labels
        return (
            pod.meta.namespace,
            pod.shape.host_network,
            pod.shape.ports,
            tuple(one.policy.meta.name for one in self._selecting(pod.meta.namespace, labels)),
            *(labels.get(key) for key in self._keys),
        )

    def connection(
        self, source: Peer, target: Peer, port: int | None, protocol: str = "TCP"
    ) -> Answer:
        """May ``source`` open a connection to ``target`` on this port of it; None: a port not known."""
        ends: tuple[tuple[Peer, Peer, Direction], ...] = (
            (source, target, "egress"),
            (target, source, "ingress"),
        )
        return Answer(
            tuple(
                self._side(here, there, port, protocol, direction)
                for here, there, direction in ends
                if here.namespace
            )
        )

    def isolating(self, peer: Peer, direction: Direction) -> tuple[NetworkPolicy, ...]:
        """The policies that select this Pod for a direction; () where it is open."""
        return tuple(one.policy for one in self._closing(peer, direction))

    def openings(self, peer: Peer) -> tuple[Opening, ...] | None:
        """What the policies that isolate this Pod for ingress let in; None where nothing isolates it."""
        closing = self._closing(peer, "ingress")
        if not closing:
            return None
        return tuple(
            Opening(
                one.policy.meta.path,
                one.policy.meta.namespace,
                shapes.mappings(rule.get("from")),
                shapes.mappings(rule.get("ports")),
            )
            for one in closing
            for rule in shapes.mappings(dig(one.policy.spec, "ingress"))
        )

    def _closing(self, peer: Peer, direction: Direction) -> tuple["_Policy", ...]:
        if not peer.namespace or peer.host_network:
            return ()
        return tuple(
            one
            for one in self._selecting(peer.namespace, peer.labels)
            if direction in one.directions
        )

    def _selecting(self, namespace: str, labels: Labels) -> list["_Policy"]:
        index = self._policies.get(namespace)
        return index.selecting(labels) if index else []

    def _side(
        self, subject: Peer, other: Peer, port: int | None, protocol: str, direction: Direction
    ) -> Side:
        policies = self._closing(subject, direction)
        if not policies:
            why = f"no policy isolates {subject.name} for {direction}"
            if subject.host_network:
                why = f"{subject.name} uses its node's network, which no policy covers"
            return Side(direction, possible=True, why=why)
        served = other.ports if direction == "egress" else subject.ports
        grants = list(_grants(policies, direction, served, port, protocol))
        possible = _over_ranges(grants, other) if other.ranges else _over_peers(grants, other)
        names = tuple(one.policy.meta.path for one in policies)
        said = f"{direction} of {subject.name} is isolated by NetworkPolicy {', '.join(names)}"
        what = f"{other.name} on {protocol} {port}" if port else other.name
        return Side(direction, possible, said + _TOLD[possible].format(what), names)


class _Policy:
    """A policy as it is asked about: whom it selects and in which directions, by the API's defaults.

    Without a podSelector it selects every Pod of its namespace; without policyTypes it is about
    ingress, and about egress where it has a rule for that.
    """

    __slots__ = ("directions", "policy", "selector")

    def __init__(self, policy: NetworkPolicy) -> None:
        self.policy = policy
        self.selector = shapes.selector(dig(policy.spec, "podSelector", default={}))
        types = {one.lower() for one in shapes.texts(dig(policy.spec, "policyTypes"))}
        defaults = {"ingress", "egress"} if dig(policy.spec, "egress") else {"ingress"}
        self.directions = frozenset(types or defaults)

    @property
    def peer_keys(self) -> Iterator[str]:
        """The label keys by which its rules choose Pods."""
        peers = (peer for end in _ENDS for peer in _peers(self.policy.spec, *end))
        for selector in (shapes.selector(one.get("podSelector")) for one in peers):
            yield from dig(selector, "matchLabels", default={})
            yield from (one["key"] for one in dig(selector, "matchExpressions", default=()))


def _peers(spec: Mapping[str, Any], direction: Direction, end: str) -> Iterator[Mapping[str, Any]]:
    for rule in shapes.mappings(dig(spec, direction)):
        yield from shapes.mappings(rule.get(end))


_Ports = tuple[tuple[str, int, str], ...]


def _matches(selector: Any, labels: Labels) -> bool:
    return selectors.matches(shapes.selector(selector), labels)


@dataclass(frozen=True, slots=True)
class _Grant:
    """A rule that is about the port, surely or perhaps; without peers it is for everybody."""

    peers: tuple[Mapping[str, Any], ...]
    on_port: Truth
    namespace: str


def _grants(
    policies: Iterable[_Policy],
    direction: Direction,
    served: _Ports,
    port: int | None,
    protocol: str,
) -> Iterator[_Grant]:
    end = "to" if direction == "egress" else "from"
    for one in policies:
        for rule in shapes.mappings(dig(one.policy.spec, direction)):
            on_port = _on_port(shapes.mappings(rule.get("ports")), served, port, protocol)
            if on_port is not False:
                yield _Grant(shapes.mappings(rule.get(end)), on_port, one.policy.meta.namespace)


def _over_peers(grants: Iterable[_Grant], other: Peer) -> Truth:
    """The best of what the rules say about a Pod, or about somebody not known."""
    best: Truth = False
    for grant in grants:
        on_peer = _on_peer(grant, other)
        if on_peer and grant.on_port:
            return True
        if on_peer is not False:
            best = None
    return best


def _over_ranges(grants: list[_Grant], other: Peer) -> Truth:
    """What all rules together say about addresses: several may each allow a part of them."""
    if any(not one.peers and one.on_port for one in grants):
        return True
    surely = [one for grant in grants if grant.on_port for one in _blocks(grant)]
    perhaps = [one for grant in grants for one in _blocks(grant)]
    if any(address_ranges.covers(surely, family) for family in other.ranges):
        return True
    unsure = any(not one.peers for one in grants) or any(
        address_ranges.covers(perhaps, family) is not False for family in other.ranges
    )
    return None if unsure else False


def _blocks(grant: _Grant) -> Iterator[address_ranges.Network]:
    for peer in grant.peers:
        yield from address_ranges.of_block(peer.get("ipBlock"))


def _on_peer(grant: _Grant, other: Peer) -> Truth:
    if not grant.peers:
        return True
    if not other.namespace or other.host_network:
        return None
    truths = [_is_peer(one, other, grant.namespace) for one in grant.peers]
    return True if True in truths else None if None in truths else False


def _is_peer(peer: Mapping[str, Any], other: Peer, namespace: str) -> Truth:
    block = peer.get("ipBlock")
    if block is not None:
        # Whether Pods count as addresses is left to the network plugin: Calico says yes, Cilium no.
        return None if address_ranges.may_hold_pods(shapes.mapping(block)) else False
    spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    if spaces is None and other.namespace != namespace:
        return False
    if spaces is not None and not _matches(spaces, other.namespace_labels):
        return False
    return pods is None or _matches(pods, other.labels)


def _on_port(
    ports: tuple[Mapping[str, Any], ...], served: _Ports, port: int | None, protocol: str
) -> Truth:
    if not ports:
        return True
    truths = [_is_port(one, served, port, protocol) for one in ports]
    return True if True in truths else None if None in truths else False


def _is_port(allowed: Mapping[str, Any], served: _Ports, port: int | None, protocol: str) -> Truth:
    if (allowed.get("protocol") or "TCP") != protocol:
        return False
    value, last = allowed.get("port"), allowed.get("endPort")
    if value is None:
        return True
    if port is None:
        # Of a port that is not known this much is: it is not the one of DNS.
        return False if value == _DNS and last in (None, _DNS) else None
    if isinstance(value, str):
        return (value, port, protocol) in served
    if not isinstance(value, int):
        return False
    return value <= port <= (last if isinstance(last, int) else value)
