"""What may be connected to where egress is restricted: the lines of the table of connections, as peers and ports.

Source: catalogue/data/connections.yaml, which docs/reference/connections.md shows.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.api.v1alpha1.selectors import LabelSelector
from coder_cva.catalogue.connections import Connection, End, Membership, PortRange, connections
from coder_cva.desired import egress_places
from coder_cva.desired.coderd_ports import CoderdPods
from coder_cva.desired.pod_ports import Port, declared, is_port
from coder_cva.snapshot import address_ranges, environment
from coder_cva.snapshot.reachability import SPACE_NAME
from coder_cva.snapshot.world import World

Peer = Mapping[str, Any]

EVERYWHERE: Final = ("0.0.0.0/0", "::/0")
ANY_POD: Final[Peer] = {"namespaceSelector": {}}
"""Pods of every namespace: not every network plugin counts them among addresses (Cilium does not)."""
_STUN: Final = "CODER_DERP_SERVER_STUN_ADDRESSES"
_BLOCK_DIRECT: Final = "CODER_BLOCK_DIRECT"


@dataclass(frozen=True, slots=True)
class Allowed:
    """Somewhere that may be connected to; without ports on any. ``told`` is for people."""

    told: str
    peers: tuple[Peer, ...]
    ports: tuple[PortRange, ...] = ()

    @property
    def rule(self) -> dict[str, Any]:
        """The egress rule of a NetworkPolicy."""
        rule: dict[str, Any] = {"to": [dict(one) for one in self.peers]}
        if self.ports:
            rule["ports"] = [written(one) for one in self.ports]
        return rule

    def __str__(self) -> str:
        return f"{self.told} on {told(self.ports)}" if self.ports else self.told


def written(port: PortRange) -> dict[str, Any]:
    """A port as a NetworkPolicy has it."""
    last = {"endPort": port.end} if port.end is not None else {}
    return {"port": port.port, **last, "protocol": port.protocol}


def told(ports: Iterable[PortRange]) -> str:
    """Ports in words: ``TCP 8080, UDP 53``."""
    return ", ".join(map(str, ports))


def first(names: tuple[str, ...], count: int = 3, between: str = ", ") -> str:
    """The first few of some names, and how many more there are."""
    more = [f"and {len(names) - count} more"] if len(names) > count else []
    return between.join((*names[:count], *more))


def needed(world: World, source: End, closed: tuple[str, ...]) -> tuple[Allowed, ...]:
    """What the architecture itself has this end connect to, without the addresses ``closed``."""
    lines = [one for one in connections().of(source) if _stays(world, one, closed)]
    return tuple(
        allowed
        for line in lines
        for allowed in _PLACES[line.destination](world, line, closed)
        if allowed.peers
    )


def block(cidr: str, closed: tuple[str, ...]) -> Iterator[Peer]:
    """An address range as a peer, without the addresses that are closed; nothing where none is left."""
    whole = address_ranges.networks([cidr])
    gone = [one for one in closed if address_ranges.covers(whole, address_ranges.networks([one]))]
    if address_ranges.covers(address_ranges.networks(closed), whole):
        return
    yield {"ipBlock": {"cidr": cidr, "except": gone} if gone else {"cidr": cidr}}


def is_direct(world: World) -> bool:
    """Whether direct connections come about: neither the spec nor coderd's own setting says no."""
    return world.deployment.spec.network.egress.direct_connections and not is_relayed(world)


def is_relayed(world: World) -> bool:
    """Whether coderd itself sends all traffic through relays already."""
    return environment.is_true(_setting(world, _BLOCK_DIRECT))


def _stays(world: World, line: Connection, closed: tuple[str, ...]) -> bool:
    """Whether a line is one of those that the table alone keeps possible."""
    if line.membership is Membership.DIRECT:
        return is_direct(world)
    if line.membership is Membership.METADATA:
        return not closed
    return line.membership is Membership.ALWAYS


def _setting(world: World, name: str) -> str | None:
    return environment.literal(world.coderd.deployment, name) if world.coderd else None


def _here(namespace: str, selector: Mapping[str, Any]) -> Peer:
    return {
        "namespaceSelector": {"matchLabels": {SPACE_NAME: namespace}},
        "podSelector": dict(selector),
    }


def _with(line: Connection, found: Iterable[Port]) -> tuple[PortRange, ...]:
    """The line's ports, and after them those that the Pods have in fact."""
    known = set(line.numbers)
    more = sorted(one for one in set(found) - known if one[1] in ("TCP", "UDP"))
    extra = (PortRange.model_validate({"port": port, "protocol": name}) for port, name in more)
    return (*line.ports, *extra)


def _coderd(world: World, line: Connection, _: tuple[str, ...]) -> Iterator[Allowed]:
    pods = CoderdPods(world)
    if pods.selector:
        peer = _here(world.deployment.namespace, pods.selector)
        yield Allowed("coderd", (peer,), _with(line, pods.for_everybody))


def _proxies(world: World, line: Connection, _: tuple[str, ...]) -> Iterator[Allowed]:
    for one in world.found.proxies:
        live = one.deployment
        yield Allowed(
            f"workspace proxy {live.meta.path}",
            (_here(live.meta.namespace, live.selector),),
            _with(line, declared([live.shape])),
        )


def _access_url(world: World, line: Connection, closed: tuple[str, ...]) -> Iterator[Allowed]:
    ranges = world.deployment.spec.network.access_url_cidrs
    dialled = {(one, "TCP") for one in egress_places.ports_of(world, line.source)}
    peers = tuple(peer for one in ranges for peer in block(one, closed))
    yield Allowed(f"the access URL at {first(ranges)}", peers, _with(line, dialled))


def _controllers(world: World, line: Connection, _: tuple[str, ...]) -> Iterator[Allowed]:
    named = world.deployment.spec.network.ingress_controllers
    home = world.deployment.namespace
    peers = tuple(pods(one.namespace_selector, one.pod_selector, home) for one in named)
    yield Allowed("the Ingress controllers of spec.network.ingressControllers", peers, line.ports)


def pods(spaces: LabelSelector | None, chosen: LabelSelector | None, home: str) -> Peer:
    """Pods as a peer. Which namespaces is always said: a policy need not stand in the one that is meant."""
    where = {"matchLabels": {SPACE_NAME: home}} if spaces is None else _spelled(spaces)
    return {"namespaceSelector": where, **({"podSelector": _spelled(chosen)} if chosen else {})}


def _spelled(selector: LabelSelector) -> dict[str, Any]:
    """A selector without its empty parts, which the API server drops."""
    return {key: one for key, one in selector.dump().items() if one}


def _stun(world: World, line: Connection, closed: tuple[str, ...]) -> Iterator[Allowed]:
    said = _setting(world, _STUN)
    if said in ("disable", "disabled"):
        return
    tails = (one.rpartition(":")[2] for one in (said or "").split(","))
    found = {(int(one), "UDP") for one in tails if is_port(one)}
    yield Allowed("STUN servers", _anywhere(closed), _with(line, found))


def _peers(_: World, line: Connection, closed: tuple[str, ...]) -> Iterator[Allowed]:
    yield Allowed("direct connections", _anywhere(closed), line.ports)


def _anywhere(closed: tuple[str, ...]) -> tuple[Peer, ...]:
    return (ANY_POD, *(peer for one in EVERYWHERE for peer in block(one, closed)))


def _place(told_as: str) -> "Callable[[World, Connection, tuple[str, ...]], Iterator[Allowed]]":
    def place(_: World, line: Connection, __: tuple[str, ...]) -> Iterator[Allowed]:
        yield Allowed(told_as, connections().places[line.destination], line.ports)

    return place


_PLACES: Final[Mapping[End, Callable[[World, Connection, tuple[str, ...]], Iterator[Allowed]]]] = {
    End.DNS: _place("DNS"),
    End.METADATA: _place("the metadata address"),
    End.POD_IDENTITY: _place("the Pod's own identity"),
    End.CODERD: _coderd,
    End.PROXIES: _proxies,
    End.ACCESS_URL: _access_url,
    End.INGRESS_CONTROLLERS: _controllers,
    End.STUN: _stun,
    End.PEERS: _peers,
}
"""By destination the peers; those that only people know stand in spec.network.egress."""
