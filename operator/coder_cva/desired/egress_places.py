"""Where coderd is dialled: the access URL, as far as the spec and Coder's own Deployments say where it leads."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from coder_cva.catalogue.connections import End
from coder_cva.desired.coderd_ports import CoderdPods
from coder_cva.snapshot import environment, urls
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

_ACCESS: Final = "CODER_ACCESS_URL"
_PRIMARY: Final = "CODER_PRIMARY_ACCESS_URL"
DIALS: Final = {End.PROVISIONERS: "CODER_URL", End.PROXIES: _PRIMARY}
"""By which variable those who are no coderd are told where it is."""


@dataclass(frozen=True, slots=True)
class Outside:
    """A URL of coderd's that leads out of the cluster, or one that is not seen: then ``host`` is "".

    ``where`` is scheme and host, or what hides the URL. ``is_foreign`` says that it leads to something in
    the cluster that is not known to be this coderd: no address behind the access URL makes that good.
    """

    where: str
    host: str = ""
    port: int = 0
    is_foreign: bool = False


def outside(world: World) -> tuple[Outside, ...]:
    """The access URLs that agents and coderd dial and that are no Service of the cluster; each once."""
    found = {one.where: one for one in _outside(world)}
    return tuple(found[where] for where in sorted(found))


def ports_of(world: World, source: End) -> frozenset[int]:
    """The ports of the URLs that an end dials out of the cluster."""
    if source not in DIALS:
        return frozenset(one.port for one in outside(world) if one.port)
    found = world.found.provisioners if source is End.PROVISIONERS else world.found.proxies
    dials = (one for live in found for one in dialled(world, live.deployment, source))
    return frozenset(one.port for one in dials if one.port)


def dialled(world: World, live: Deployment, source: End) -> tuple[Outside, ...]:
    """Where a Deployment of provisioners or proxies dials coderd, unless it is at coderd's own Pods."""
    variable, home = DIALS[source], live.meta.namespace
    if environment.is_elsewhere(live, variable):
        return (Outside(f"what {variable} says, which is not seen here"),)
    url = environment.literal(live, variable)
    found = urls.address(url)
    if found is None or "$(" in found[0]:
        return (Outside(f"what {variable} says ({url or 'not set'}), which is no whole URL"),)
    where, port = found
    host = where.partition("://")[2]
    spaces = {one.meta.name for one in world.snapshot.items(Need.NAMESPACES)}
    service = urls.service_named(host, home, spaces)
    if service is None:
        return (Outside(where, host, port),)
    return () if _is_coderd(world, service) else (Outside(where, host, is_foreign=True),)


def _is_coderd(world: World, service: tuple[str, str]) -> bool:
    """Whether a Service, by namespace and name, is there and leads to this coderd's Pods."""
    space, name = service
    return space == world.deployment.namespace and any(
        one.meta.name == name
        and one.selector
        and any(selectors.has_labels(one.selector, it) for it in CoderdPods(world).labels)
        for one in world.snapshot.within(Need.SERVICES, space)
    )


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
