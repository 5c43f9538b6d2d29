"""May A open a connection to B: all NetworkPolicies of the cluster in, an answer that explains itself out.

Source: the Kubernetes API of NetworkPolicy. A Pod that no policy selects for a direction is open in it;
one that a policy selects is closed, but for the union of what its policies allow. A connection needs
the egress of its source and the ingress of its destination. Pods on their node's network are nodes.
"""

import ipaddress
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import NetworkPolicy, Pod
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

Direction = Literal["ingress", "egress"]


@dataclass(frozen=True, slots=True)
class Peer:
    """An end of a connection: a Pod's namespace and labels, or an address outside, or anybody at all.

    ``address`` is an IP address, "" for a Pod. ``anywhere`` is somebody of whom nothing is known:
    only a rule that names no peer lets it through.
    """

    name: str
    namespace: str = ""
    labels: Mapping[str, str] = field(default_factory=dict)
    namespace_labels: Mapping[str, str] = field(default_factory=dict)
    address: str = ""
    anywhere: bool = False
    ports: tuple[tuple[str, int, str], ...] = ()
    """Container ports by name, number and protocol: for rules that name a port."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Whether, and in one sentence why; ``policies`` are those that isolate and do not allow."""

    possible: bool
    why: str
    policies: tuple[str, ...] = ()


def peer_of(pod: Pod, snapshot: ClusterSnapshot) -> Peer:
    """A Pod as an end of a connection."""
    labels = {one.meta.name: one.meta.labels for one in snapshot.items(Need.NAMESPACES)}
    own = labels.get(pod.meta.namespace, {})
    return Peer(
        name=f"Pod {pod.meta.path}",
        namespace=pod.meta.namespace,
        labels=pod.meta.labels,
        namespace_labels={"kubernetes.io/metadata.name": pod.meta.namespace, **own},
        ports=pod.shape.ports,
    )


def connection(
    source: Peer, target: Peer, port: int, policies: Iterable[NetworkPolicy], protocol: str = "TCP"
) -> Answer:
    """May ``source`` open a connection to ``target`` on this port of the target's Pod."""
    found = tuple(policies)
    outward = _one_way(source, target, port, protocol, found, "egress")
    return (
        outward
        if not outward.possible
        else _one_way(target, source, port, protocol, found, "ingress")
    )


def isolating(
    pod: Peer, policies: Iterable[NetworkPolicy], direction: Direction
) -> tuple[NetworkPolicy, ...]:
    """The policies that select this Pod for a direction; () where it is open."""
    if pod.address or pod.anywhere:
        return ()
    return tuple(
        one
        for one in policies
        if one.meta.namespace == pod.namespace
        and _is_about(one.spec, direction)
        and selectors.matches(dig(one.spec, "podSelector", default={}), pod.labels)
    )


def _one_way(
    subject: Peer,
    other: Peer,
    port: int,
    protocol: str,
    policies: tuple[NetworkPolicy, ...],
    direction: Direction,
) -> Answer:
    selecting = isolating(subject, policies, direction)
    if not selecting:
        return Answer(possible=True, why=f"no policy isolates {subject.name} for {direction}")
    served = other if direction == "egress" else subject
    for policy in selecting:
        if _allows(policy, other, served, port, protocol, direction):
            return Answer(possible=True, why=f"NetworkPolicy {policy.meta.path} allows it")
    names = tuple(sorted(one.meta.path for one in selecting))
    what = f"{direction} of {subject.name} is isolated by NetworkPolicy {', '.join(names)}"
    return Answer(
        possible=False,
        why=f"{what}, and none allows {other.name} on {protocol} {port}",
        policies=names,
    )


def _is_about(spec: Mapping[str, Any], direction: Direction) -> bool:
    types = dig(spec, "policyTypes")
    if types is not None:
        return direction.capitalize() in types
    return direction == "ingress" or bool(dig(spec, "egress"))


def _allows(
    policy: NetworkPolicy, other: Peer, served: Peer, port: int, protocol: str, direction: Direction
) -> bool:
    end = "to" if direction == "egress" else "from"
    return any(
        _peers_match(dig(rule, end, default=[]), other, policy.meta.namespace)
        and _ports_match(dig(rule, "ports", default=[]), served, port, protocol)
        for rule in dig(policy.spec, direction, default=[])
    )


def _peers_match(peers: Iterable[Mapping[str, Any]], other: Peer, namespace: str) -> bool:
    """A rule without peers is for everybody; somebody unknown is let in by nothing less."""
    named = list(peers)
    if not named:
        return True
    return not other.anywhere and any(_peer_matches(one, other, namespace) for one in named)


def _peer_matches(peer: Mapping[str, Any], other: Peer, namespace: str) -> bool:
    block = dig(peer, "ipBlock")
    if block is not None:
        return bool(other.address) and _in_block(block, other.address)
    if other.address:
        return False
    spaces = dig(peer, "namespaceSelector")
    if spaces is None:
        in_namespace = other.namespace == namespace
    else:
        in_namespace = selectors.matches(spaces, other.namespace_labels)
    pods = dig(peer, "podSelector")
    return in_namespace and (pods is None or selectors.matches(pods, other.labels))


def _in_block(block: Mapping[str, Any], address: str) -> bool:
    try:
        here = ipaddress.ip_address(address)
        inside = here in ipaddress.ip_network(dig(block, "cidr", default=""), strict=False)
        return inside and not any(
            here in ipaddress.ip_network(one, strict=False)
            for one in dig(block, "except", default=[])
        )
    except ValueError:
        return False


def _ports_match(
    ports: Iterable[Mapping[str, Any]], served: Peer, port: int, protocol: str
) -> bool:
    named = list(ports)
    return not named or any(_port_matches(one, served, port, protocol) for one in named)


def _port_matches(wanted: Mapping[str, Any], served: Peer, port: int, protocol: str) -> bool:
    if dig(wanted, "protocol", default="TCP") != protocol:
        return False
    value, last = dig(wanted, "port"), dig(wanted, "endPort")
    if value is None:
        return True
    if isinstance(value, str):
        return (value, port, protocol) in served.ports
    return bool(value <= port <= (last if isinstance(last, int) else value))
