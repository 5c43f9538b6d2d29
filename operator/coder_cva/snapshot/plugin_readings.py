"""What the specification leaves to network plugins, as readings of it: an answer is sure where all agree.

A Pod on its node's network is like any other Pod to some plugins, and to most it is its node, which no
policy covers. Whether an ipBlock counts for the addresses of Pods is not said either: Calico says yes,
Cilium no.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.address_ranges import Network, Ranges
from coder_cva.snapshot.connection_answers import Direction
from coder_cva.snapshot.connection_ends import Meeting, Peer, meetings, on_own_node
from coder_cva.snapshot.policy_rules import Policy, Ports, Rule
from coder_cva.snapshot.three_valued import Truth, agreed, all_of, any_of


@dataclass(frozen=True, slots=True)
class Asked:
    """The port that is asked about; None: not known."""

    port: int | None
    protocol: str

    def __str__(self) -> str:
        return f"{self.protocol} {self.port}"


@dataclass(frozen=True, slots=True)
class End:
    """An end that is a Pod, with the policies that isolate it for its direction."""

    direction: Direction
    subject: Peer
    other: Peer
    policies: tuple[Policy, ...]

    @property
    def rules(self) -> Iterator[Rule]:
        """All rules of its policies for this direction."""
        for one in self.policies:
            yield from one.rules(self.direction)

    @property
    def is_on_own_node(self) -> bool:
        """Whether the other is the node on which the subject runs, or a Pod on that node's network."""
        return on_own_node(self.subject, self.other)


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read the specification where it leaves the matter open."""

    hosts_are_pods: bool
    blocks_hold_pods: bool

    def is_node(self, peer: Peer) -> bool:
        """Whether a Pod is to this plugin nothing but its node."""
        return peer.host_network and not self.hosts_are_pods


@dataclass(frozen=True, slots=True)
class Truths:
    """What is true of a connection: as a whole, and of each of its ends."""

    whole: Truth
    ends: tuple[Truth, ...]


def weighed(source: Peer, target: Peer, ends: tuple[End, ...], asked: Asked) -> Truths:
    """Over all readings and all addresses that come into question."""
    if not any(end.policies for end in ends):
        return Truths(whole=True, ends=(True,) * len(ends))
    blocks = any(
        peer.ip_block is not None for end in ends for rule in end.rules for peer in rule.peers or ()
    )
    worlds = list(meetings(source, target)) if blocks else [[((), ())]]
    seen = [
        [tuple(one.truth(way) for one in views) for way in ways]
        for views in _views(ends, asked, blocks=blocks)
        for ways in worlds
    ]  # fmt: skip
    return Truths(
        agreed(any_of(all_of(way) for way in world) for world in seen),
        tuple(
            agreed(any_of(way[number] for way in world) for world in seen)
            for number in range(len(ends))
        ),
    )


def _views(ends: tuple[End, ...], asked: Asked, *, blocks: bool) -> Iterator[list["_View"]]:
    """The ends as each reading sees them, that would see them differently."""
    hosts = any(peer.host_network for end in ends for peer in (end.subject, end.other))
    counting = blocks and any(end.other.is_pod for end in ends)
    for are_pods, hold in product((True, False)[: 1 + hosts], (True, False)[: 1 + counting]):
        reading = Reading(are_pods, hold)
        yield [_view(end, asked, reading) for end in ends]


@dataclass(frozen=True, slots=True)
class _View:
    """One end in one reading: what is true whatever the addresses, and the blocks that add to it."""

    direction: Direction
    open: Truth
    sure: Ranges = ()
    perhaps: Ranges = ()

    def truth(self, way: Meeting) -> Truth:
        """Whether it lets the connection through, by the addresses that the other end has."""
        wanted = way[1] if self.direction == "egress" else way[0]
        if self.open is True or not self.perhaps:
            return self.open
        if address_ranges.covers(self.sure, wanted):
            return True
        is_out = address_ranges.covers(self.perhaps, wanted) is False
        return self.open if is_out else None


def _view(end: End, asked: Asked, reading: Reading) -> _View:
    subject, other = end.subject, end.other
    is_node = reading.is_node(other)
    is_free = not end.policies or reading.is_node(subject)
    if is_free or ((is_node or not other.is_pod) and end.is_on_own_node):
        return _View(end.direction, open=True)
    truths: list[Truth] = [False]
    sure: list[Network] = []
    perhaps: list[Network] = []
    counts = is_node or not other.is_pod or reading.blocks_hold_pods
    for rule, on_port in _on_port(end, asked, is_node=is_node):
        truths.append(all_of((on_port, _selected(rule, other, is_node=is_node))))
        if counts and rule.peers and not other.is_unknown:
            blocks = [one for peer in rule.peers for one in peer.block]
            perhaps += blocks
            sure += blocks if on_port else ()
    return _View(end.direction, any_of(truths), tuple(sure), tuple(perhaps))


def _on_port(end: End, asked: Asked, *, is_node: bool) -> Iterator[tuple[Rule, Truth]]:
    """The rules that are about the port, surely or perhaps."""
    for rule in end.rules:
        on_port = rule.on_port(_served(end, is_node=is_node), asked.port, asked.protocol)
        if on_port is not False:
            yield rule, on_port


def _served(end: End, *, is_node: bool) -> Ports | None:
    """The named ports of the connection's target; of a node there are none."""
    if end.direction == "ingress":
        return end.subject.ports
    if end.other.is_unknown:
        return None
    return () if is_node else end.other.ports


def _selected(rule: Rule, other: Peer, *, is_node: bool) -> Truth:
    """Whether a rule is for the other end whatever its address."""
    if rule.peers is None:
        return True
    if other.is_unknown:
        return None if rule.peers else False
    if is_node or not other.is_pod:
        return False
    return any_of(one.selects(other) for one in rule.peers)


def rule_truth(source: Peer, target: Peer, end: End, rule: Rule, asked: Asked) -> Truth:
    """Whether a rule alone lets the connection through at its end."""
    return weighed(source, target, (_Alone(end.direction, end.subject, end.other, end.policies, rule),), asked).whole  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Alone(End):
    """An end as if its policies had one rule."""

    rule: Rule

    @property
    def rules(self) -> Iterator[Rule]:
        """The one."""
        yield self.rule

    @property
    def is_on_own_node(self) -> bool:
        """What is open without any rule is no merit of this one."""
        return False
