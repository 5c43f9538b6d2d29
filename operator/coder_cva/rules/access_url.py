"""Access URLs as ends of connections: agents and coderd itself dial them (CVA-NET-001)."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coder_cva.snapshot import address_ranges, environment, urls
from coder_cva.snapshot.reachability import Peer
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_VARIABLE: Final = "CODER_ACCESS_URL"
_PRIMARY: Final = "CODER_PRIMARY_ACCESS_URL"


@dataclass(frozen=True, slots=True)
class AccessPath:
    """The way by the access URL, where it leads out of the cluster and back; ``hint`` makes it known.

    Without a port the URL itself is not seen: it may be in the cluster as well.
    """

    peer: Peer
    port: int | None
    hint: str


def access_path(world: World) -> AccessPath | None:
    """The way by the access URL; None where it is a Service of the cluster, or none that can be read."""
    live = world.coderd.deployment if world.coderd else None
    if live is None:
        return None
    if environment.is_elsewhere(live, _VARIABLE):
        return _unseen(live, _VARIABLE, "the access URL")
    url = environment.literal(live, _VARIABLE)
    where = urls.outside(url, world.deployment.namespace)
    if where is None:
        return None
    address, port = where
    stated = address_ranges.networks(world.deployment.spec.network.access_url_cidrs)
    name = f"the access URL {address}"
    return AccessPath(
        Peer(name, ranges=_by_family(stated)),
        port,
        f"state the addresses behind {name} in spec.network.accessURLCIDRs",
    )


def proxy_path(proxy: Deployment) -> AccessPath | None:
    """The way by a workspace proxy's own URL; None where it is a Service of the cluster, or none is set."""
    who = f"the URL of workspace proxy {proxy.meta.path}"
    if environment.is_elsewhere(proxy, _VARIABLE):
        return _unseen(proxy, _VARIABLE, who)
    where = urls.outside(environment.literal(proxy, _VARIABLE), proxy.meta.namespace)
    return _somewhere(f"{who}, {where[0]}", where[1]) if where else None


def primary_path(proxies: Iterable[Deployment]) -> AccessPath:
    """The way from a region to the control plane elsewhere, by the URL that its proxies are given."""
    for one in proxies:
        where = urls.address(environment.literal(one, _PRIMARY))
        if where:
            return _somewhere(f"the control plane at {where[0]}", where[1])
    hint = f"write {_PRIMARY} as a literal into the proxies' Deployments, where it can be seen"
    return AccessPath(Peer("the control plane, whose URL is not seen here"), None, hint)


def _unseen(live: Deployment, variable: str, who: str) -> AccessPath:
    hint = f"write {variable} as a literal into {live.meta.path}, where it can be seen"
    return AccessPath(Peer(f"{who}, which is not seen here"), None, hint)


def _somewhere(name: str, port: int) -> AccessPath:
    hint = (
        "nothing states the addresses behind it, so only a rule that allows every address on port "
        f"{port} shows that it is reached"
    )
    return AccessPath(Peer(name), port, hint)


def _by_family(stated: address_ranges.Ranges) -> tuple[address_ranges.Ranges, ...]:
    """Addresses of a name in both families are two ways, of which one is enough."""
    families = (tuple(one for one in stated if one.version == version) for version in (4, 6))
    return tuple(one for one in families if one)
