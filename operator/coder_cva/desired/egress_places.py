"""Where the access URL leads, as far as the spec and Coder's own Deployments say it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coder_cva.snapshot import environment, urls
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_ACCESS: Final = "CODER_ACCESS_URL"
_PRIMARY: Final = "CODER_PRIMARY_ACCESS_URL"


@dataclass(frozen=True, slots=True)
class Outside:
    """An access URL that leads out of the cluster, or one that is not seen: then ``host`` is "".

    ``where`` is scheme and host, or what hides the URL.
    """

    where: str
    host: str = ""
    port: int = 0


def outside(world: World) -> tuple[Outside, ...]:
    """The access URLs that agents and coderd dial and that are no Service of the cluster; each once."""
    found = {one.where: one for one in _outside(world)}
    return tuple(found[where] for where in sorted(found))


def _outside(world: World) -> Iterator[Outside]:
    plane, home = world.deployment.spec.control_plane, world.deployment.namespace
    if plane.management == "None":
        for proxy in world.found.proxies:
            yield from _said(proxy.deployment, _PRIMARY, home)
        if not world.found.proxies:
            yield Outside("the control plane, which no workspace proxy here names")
        return
    if plane.management == "Managed":
        yield from _leading(plane.access_url, home)
    if world.coderd is not None:
        yield from _said(world.coderd.deployment, _ACCESS, home)


def _said(deployment: Deployment, variable: str, home: str) -> Iterator[Outside]:
    if environment.is_elsewhere(deployment, variable):
        yield Outside(f"{variable} of Deployment {deployment.meta.path}, which is not seen here")
    yield from _leading(environment.literal(deployment, variable), home)


def _leading(url: str | None, home: str) -> Iterator[Outside]:
    found = urls.outside(url, home)
    if found is not None:
        where, port = found
        yield Outside(where, where.partition("://")[2], port)
