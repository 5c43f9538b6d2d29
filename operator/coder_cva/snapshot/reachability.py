"""May A open a connection to B: everybody's NetworkPolicies in, an answer that explains itself out.

Source: the Kubernetes API of NetworkPolicy. A Pod that no policy selects for a direction is open in it;
one that a policy selects is closed, but for the union of what its policies allow. A connection needs
the egress of its source and the ingress of its target. What no policy closes: a Pod to itself, and a node
to the Pods that run on it. Only NetworkPolicies are read: what a plugin adds of its own kinds is not
seen here, and what the specification leaves to plugins (``plugin_readings``) cannot be told.
"""

from collections import defaultdict
from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.snapshot import address_ranges, shapes
from coder_cva.snapshot.connection_answers import Answer, Direction, Side, best
from coder_cva.snapshot.connection_ends import SPACE_NAME, Peer, very
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.plugin_readings import Asked, End, weighed
from coder_cva.snapshot.policy_rules import ENDS, Policy, rule_peer
from coder_cva.snapshot.records import Labels, NetworkPolicy, Pod
from coder_cva.snapshot.selector_index import SelectorIndex
from coder_cva.snapshot.three_valued import Truth

__all__ = ["SPACE_NAME", "Answer", "Direction", "Opening", "Peer", "Reachability", "Side", "best"]

_TOLD: Final[Mapping[Truth, str]] = {
    True: ", which allows {}",
    False: ", and nothing there allows {}",
    None: "; whether what it allows includes {} cannot be told",
}


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
        """Whether one of its peers is this Pod; by its address that cannot be told."""
        block = peer.get("ipBlock")
        if block is not None:
            return None if address_ranges.may_hold_pods(shapes.mapping(block)) else False
        return rule_peer(peer, self.namespace).selects(other)


class Reachability:
    """The NetworkPolicies of one snapshot, indexed once for all questions."""

    def __init__(self, snapshot: ClusterSnapshot) -> None:
        self._spaces: dict[str, Labels] = {
            one.meta.name: {SPACE_NAME: one.meta.name, **one.meta.labels}
            for one in snapshot.items(Need.NAMESPACES)
        }
        found: defaultdict[str, list[Policy]] = defaultdict(list)
        for one in snapshot.items(Need.NETWORK_POLICIES):
            found[one.meta.namespace].append(Policy(one))
        self._policies = {
            space: SelectorIndex((one.selector, one) for one in policies)
            for space, policies in found.items()
        }
        every = (one for policies in found.values() for one in policies)
        self._keys = sorted({key for one in every for key in one.peer_keys})

    def pod(self, pod: Pod, name: str = "") -> Peer:
        """A Pod like this one as an end of a connection, whatever its address and its node."""
        here = pod.meta.namespace
        return Peer(
            name=name or f"Pod {pod.meta.path}",
            namespace=here,
            labels=pod.meta.labels,
            namespace_labels=self._spaces.get(here) or {SPACE_NAME: here},
            ports=pod.shape.ports,
            host_network=pod.shape.host_network,
            is_space_read=here in self._spaces,
        )

    def very(self, pod: Pod) -> Peer:
        """This very Pod as an end of a connection, with its addresses, on its node."""
        return very(pod, self.pod(pod))

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
        asked = Asked(port, protocol)
        ends = self.ends(source, target)
        special = _special(source, target, ends)
        if special:
            return Answer(special)
        truths = weighed(source, target, ends, asked)
        return _together(ends, truths.whole, truths.ends, asked)

    def ends(self, source: Peer, target: Peer) -> tuple[End, ...]:
        """The ends that are Pods, each with the policies that isolate it."""
        both: tuple[tuple[Direction, Peer, Peer], ...] = (
            ("egress", source, target),
            ("ingress", target, source),
        )
        return tuple(
            End(direction, here, there, self._closing(here, direction))
            for direction, here, there in both
            if here.is_pod
        )

    def isolating(self, peer: Peer, direction: Direction) -> tuple[NetworkPolicy, ...]:
        """The policies that surely isolate this Pod for a direction; () where it is open."""
        if peer.host_network:
            return ()
        return tuple(one.policy for one in self._closing(peer, direction))

    def openings(self, peer: Peer) -> tuple[Opening, ...] | None:
        """What the policies that isolate this Pod for ingress let in; None where nothing isolates it."""
        closing = () if peer.host_network else self._closing(peer, "ingress")
        if not closing:
            return None
        return tuple(
            Opening(
                one.path,
                one.policy.meta.namespace,
                shapes.mappings(rule.body.get(ENDS["ingress"])),
                shapes.mappings(rule.body.get("ports")),
            )
            for one in closing
            for rule in one.rules("ingress")
        )

    def _closing(self, peer: Peer, direction: Direction) -> tuple[Policy, ...]:
        if not peer.is_pod:
            return ()
        return tuple(
            one
            for one in self._selecting(peer.namespace, peer.labels)
            if direction in one.directions
        )

    def _selecting(self, namespace: str, labels: Labels) -> list[Policy]:
        index = self._policies.get(namespace)
        return index.selecting(labels) if index else []


def _special(source: Peer, target: Peer, ends: tuple[End, ...]) -> tuple[Side, ...]:
    """The views where no policy is asked: of a Pod that has ended, and of one that speaks to itself."""
    if any(end.subject.ended for end in ends):
        return tuple(
            Side(
                end.direction,
                possible=not end.subject.ended,
                why=f"{end.subject.name} has ended" if end.subject.ended else "",
            )
            for end in ends
        )
    if source.path and source.path == target.path:
        why = f"no policy can keep {source.name} from itself"
        return tuple(Side(end.direction, possible=True, why=why) for end in ends)
    return ()


def _together(ends: tuple[End, ...], whole: Truth, each: tuple[Truth, ...], asked: Asked) -> Answer:
    """The views of the ends; where they only fit together in part, as much as is true of both."""
    sides = tuple(_side(end, truth, asked) for end, truth in zip(ends, each, strict=True))
    answer = Answer(sides)
    if answer.possible is whole:
        return answer
    apart = "; the two ends let it through only by addresses, or with plugins, of different kinds"
    return Answer(
        tuple(
            Side(one.direction, whole, f"{one.why}{apart}", one.policies) if one.policies else one
            for one in sides
        )
    )


def _side(end: End, possible: Truth, asked: Asked) -> Side:
    if not end.policies:
        why = f"no policy isolates {end.subject.name} for {end.direction}"
        if end.subject.host_network:
            why = f"{end.subject.name} uses its node's network, and {why}"
        return Side(end.direction, possible=True, why=why)
    names = tuple(one.path for one in end.policies)
    what = f"{end.other.name} on {asked}" if asked.port else end.other.name
    if possible and end.is_on_own_node:
        why = (
            f"no policy closes {end.subject.name} to its own node, as which {end.other.name} counts"
        )
        return Side(end.direction, possible, why, names)
    said = f"{end.direction} of {end.subject.name} is isolated by NetworkPolicy {', '.join(names)}"
    if end.subject.host_network and not possible:
        said += ", if the network plugin holds policies against Pods on their node's network"
    return Side(end.direction, possible, said + _TOLD[possible].format(what), names)
