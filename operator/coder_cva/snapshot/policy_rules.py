"""A NetworkPolicy as it is asked about: whom it selects, in which directions, and what its rules say.

Source: the Kubernetes API of NetworkPolicy. Of a rule that is broken nothing is dropped alone: what is
left would allow more than was meant.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from coder_cva.snapshot import address_ranges, shapes
from coder_cva.snapshot.address_ranges import Ranges
from coder_cva.snapshot.connection_answers import Direction
from coder_cva.snapshot.connection_ends import SPACE_NAME, Peer
from coder_cva.snapshot.records import NetworkPolicy
from coder_cva.snapshot.three_valued import Truth, any_of
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

ENDS: Final[Mapping[Direction, str]] = {"egress": "to", "ingress": "from"}
_DNS: Final = 53
Ports = tuple[tuple[str, int, str], ...]


class Policy:
    """A policy as it is asked about: whom it selects and in which directions, by the API's defaults.

    Without a podSelector it selects every Pod of its namespace; without policyTypes it is about
    ingress, and about egress where it has a rule for that.
    """

    def __init__(self, policy: NetworkPolicy) -> None:
        self.policy = policy
        self.selector = shapes.selector(dig(policy.spec, "podSelector", default={}))
        types = {one.lower() for one in shapes.texts(dig(policy.spec, "policyTypes"))}
        defaults = {"ingress", "egress"} if dig(policy.spec, "egress") else {"ingress"}
        self.directions = frozenset(types or defaults)

    @property
    def path(self) -> str:
        """``namespace/name``."""
        return self.policy.meta.path

    def rules(self, direction: Direction) -> "tuple[Rule, ...]":
        """Its rules for a direction, in their order."""
        return self._ingress if direction == "ingress" else self._egress

    @cached_property
    def _ingress(self) -> "tuple[Rule, ...]":
        return tuple(_rules(self, "ingress"))

    @cached_property
    def _egress(self) -> "tuple[Rule, ...]":
        return tuple(_rules(self, "egress"))

    @property
    def peer_keys(self) -> Iterator[str]:
        """The label keys by which its rules choose Pods; read off as written, for this asks every policy."""
        for direction, end in ENDS.items():
            for rule in shapes.mappings(dig(self.policy.spec, direction)):
                for peer in shapes.mappings(rule.get(end)):
                    yield from _keys(shapes.selector(peer.get("podSelector")))


@dataclass(frozen=True, slots=True)
class RulePeer:
    """Whom a rule is for: addresses, or Pods by their labels and those of their namespaces.

    ``spaces`` and ``pods`` are selectors, None where they are absent; a broken one selects nobody.
    """

    namespace: str
    ip_block: Any
    spaces: Mapping[str, Any] | None
    pods: Mapping[str, Any] | None
    is_broken: bool

    @property
    def block(self) -> Ranges:
        """The addresses that it is for; () where it is for Pods."""
        return () if self.ip_block is None else address_ranges.of_block(self.ip_block)

    def selects(self, other: Peer) -> Truth:
        """Whether it selects this Pod by labels; False for addresses."""
        if self.is_broken or self.ip_block is not None:
            return False
        if self.pods is not None and not selectors.matches(self.pods, other.labels):
            return False
        if self.spaces is None:
            return other.namespace == self.namespace
        if not other.is_space_read and any(key != SPACE_NAME for key in _keys(self.spaces)):
            return None
        return selectors.matches(self.spaces, other.namespace_labels)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: for whom (None: for everybody), and to which ports (None: to every one)."""

    policy: str
    place: str
    peers: tuple[RulePeer, ...] | None
    ports: tuple[Mapping[str, Any], ...] | None
    body: Mapping[str, Any]
    """As it is written."""

    def on_port(self, served: Ports | None, port: int | None, protocol: str) -> Truth:
        """Whether it is about a port; ``served`` are the named ports of the target, None: not known."""
        if self.ports is None:
            return True
        return any_of(_is_port(one, served, port, protocol) for one in self.ports)


def rule_peer(peer: Mapping[str, Any], namespace: str) -> RulePeer:
    """A peer of a rule, as it is written, of a policy in this namespace."""
    spaces, pods = peer.get("namespaceSelector"), peer.get("podSelector")
    read = [shapes.selector(one) for one in (spaces, pods)]
    return RulePeer(
        namespace=namespace,
        ip_block=peer.get("ipBlock"),
        spaces=read[0],
        pods=read[1],
        is_broken=(spaces is not None and read[0] is None)
        or (pods is not None and read[1] is None),
    )


def _rules(policy: Policy, direction: Direction) -> Iterator[Rule]:
    meta = policy.policy.meta
    for number, rule in enumerate(shapes.mappings(dig(policy.policy.spec, direction))):
        peers = _written(rule.get(ENDS[direction]))
        yield Rule(
            policy=meta.path,
            place=f"spec.{direction}[{number}]",
            peers=None if peers is None else tuple(rule_peer(one, meta.namespace) for one in peers),
            ports=_written(rule.get("ports")),
            body=rule,
        )


def _written(value: Any) -> tuple[Mapping[str, Any], ...] | None:
    """The entries of a list; None where there is none, which the API takes for everything."""
    return None if value in (None, [], ()) else shapes.mappings(value)


def _keys(selector: Mapping[str, Any] | None) -> Iterator[str]:
    yield from dig(selector, "matchLabels", default={})
    yield from (one["key"] for one in dig(selector, "matchExpressions", default=()))


def _is_port(
    allowed: Mapping[str, Any], served: Ports | None, port: int | None, protocol: str
) -> Truth:
    if (allowed.get("protocol") or "TCP") != protocol:
        return False
    value, last = allowed.get("port"), allowed.get("endPort")
    if value is None:
        return True
    if port is None:
        # Of a port that is not known this much is: it is not the one of DNS.
        return False if value == _DNS and last in (None, _DNS) else None
    if isinstance(value, str):
        return None if served is None else (value, port, protocol) in served
    if not isinstance(value, int):
        return False
    return value <= port <= (last if isinstance(last, int) else value)
