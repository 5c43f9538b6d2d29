"""The access URL as an end of connections: agents and coderd itself dial it (CVA-NET-001)."""

from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from coder_cva.rules import environment
from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.reachability import Peer
from coder_cva.snapshot.world import World

_VARIABLE: Final = "CODER_ACCESS_URL"
_PORTS: Final = {"http": 80, "https": 443}


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
        hint = f"write {_VARIABLE} as a literal into {live.meta.path}, where it can be seen"
        return AccessPath(Peer("the access URL, which is not seen here"), None, hint)
    url = environment.literal(live, _VARIABLE)
    try:
        parts = urlsplit(url or "")
        host, port = parts.hostname or "", parts.port or _PORTS.get(parts.scheme, 0)
    except ValueError:
        return None
    if not port or _is_inside(host, world.deployment.namespace):
        return None
    stated = address_ranges.networks(world.deployment.spec.network.access_url_cidrs)
    name = f"the access URL {parts.scheme}://{host}"
    return AccessPath(
        Peer(name, ranges=_by_family(stated)),
        port,
        f"state the addresses behind {name} in spec.network.accessURLCIDRs",
    )


def _by_family(stated: address_ranges.Ranges) -> tuple[address_ranges.Ranges, ...]:
    """Addresses of a name in both families are two ways, of which one is enough."""
    families = (tuple(one for one in stated if one.version == version) for version in (4, 6))
    return tuple(one for one in families if one)


def _is_inside(host: str, namespace: str) -> bool:
    """Whether a host is the name of a Service, in one of the ways in which Pods may write it."""
    short = "." not in host or host.endswith(f".{namespace}")
    return short or host.endswith(".svc") or ".svc." in host
