"""The ends of a connection, and by which addresses they may meet."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from coder_cva.snapshot.address_ranges import EVERY, USUAL, Ranges, networks
from coder_cva.snapshot.records import Labels, Pod
from coder_cva.snapshot.workspaces import FINISHED

SPACE_NAME: Final = "kubernetes.io/metadata.name"
"""The label that the API server gives every namespace: its name."""

Meeting: TypeAlias = tuple[Ranges, Ranges]
"""What the source looks like to the target, and the target to the source: addresses of one family."""


@dataclass(frozen=True, slots=True)
class Peer:
    """An end of a connection: a Pod, addresses outside, or, with neither, somebody not known.

    ``ranges`` are the addresses by family: one family that is wholly allowed is enough. What follows
    ``ranges`` is only said where this very Pod is meant, and not one like it, wherever it may run.
    """

    name: str
    namespace: str = ""
    labels: Labels = field(default_factory=dict)
    namespace_labels: Labels = field(default_factory=dict)
    ports: tuple[tuple[str, int, str], ...] = ()
    """A Pod's container ports (name, number, protocol), for rules that name a port."""
    host_network: bool = False
    """Whether the Pod uses its node's network: to most plugins it is a node, to others a Pod."""
    ranges: tuple[Ranges, ...] = ()
    path: str = ""
    """``namespace/name`` of the very Pod."""
    addresses: Ranges = ()
    """The Pod's own, each as a network; () where they are not known."""
    somewhere: Ranges = USUAL
    """Where the address is that is not known."""
    node: str = ""
    node_addresses: Ranges = ()
    ended: bool = False
    """Whether it has ended: nobody opens or takes a connection there."""
    is_space_read: bool = True
    """Whether the labels of its namespace are known; of one that was not read only its name is."""

    @property
    def is_pod(self) -> bool:
        """Whether it is a Pod, whom policies may select."""
        return bool(self.namespace)

    @property
    def is_unknown(self) -> bool:
        """Whether nothing at all is known of it."""
        return not self.namespace and not self.ranges


def very(pod: Pod, like: Peer) -> Peer:
    """This Pod and no other: with its own addresses, on its node. ``like`` is one like it."""
    return Peer(
        name=like.name,
        namespace=like.namespace,
        labels=like.labels,
        namespace_labels=like.namespace_labels,
        ports=like.ports,
        host_network=like.host_network,
        path=pod.meta.path,
        addresses=networks(pod.addresses),
        somewhere=EVERY,
        node=pod.node,
        node_addresses=networks(pod.node_addresses),
        ended=pod.phase in FINISHED,
        is_space_read=like.is_space_read,
    )


def on_own_node(subject: Peer, other: Peer) -> bool:
    """Whether the other is the node on which a Pod runs: no policy closes that (probes of the kubelet)."""
    if other.is_pod:
        return other.host_network and bool(subject.node) and subject.node == other.node
    return bool(other.ranges) and all(
        len(way) == 1 and way[0] in subject.node_addresses for way in other.ranges
    )


def meetings(source: Peer, target: Peer) -> Iterator[list[Meeting]]:
    """By which addresses they may meet: a list of ways for each world that is possible.

    Of several ways one is enough. Where a Pod's address is not known it may be of either family.
    """
    for one in _guesses(source, target):
        for other in _guesses(target, source):
            pairs = [(here, there) for here in one for there in other]
            shared = [pair for pair in pairs if _versions(pair[0]) & _versions(pair[1])]
            yield shared or pairs


def _guesses(peer: Peer, other: Peer) -> list[tuple[Ranges, ...]]:
    if not peer.is_pod:
        return [peer.ranges or ((),)]
    if peer.addresses:
        return [tuple((one,) for one in peer.addresses)]
    if not other.is_pod:
        return [(peer.somewhere,)]
    return [(tuple(one for one in peer.somewhere if one.version == way),) for way in (4, 6)]


def _versions(ranges: Ranges) -> frozenset[int]:
    return frozenset(one.version for one in ranges)
