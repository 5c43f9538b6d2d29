"""The external provisioners of a deployment in, which of them surely build its workspaces out (CVA-PROV-002).

Source: Coder's documentation on external provisioners and the chart ``coder-provisioner``. A provisioner
builds for the coderd to which it connects, and takes a job without tags only if it has none itself. With
a provisioner key, the recommended way, tags and organization are the key's: no object of the cluster
shows them, and the chart refuses to have them stated beside it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final
from urllib.parse import urlsplit

from coder_cva.snapshot import environment, urls
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

_URL: Final = "CODER_URL"
_ACCESS_URL: Final = "CODER_ACCESS_URL"
_KEY: Final = "CODER_PROVISIONER_DAEMON_KEY"
_TAGS: Final = "CODER_PROVISIONERD_TAGS"
_ORGANIZATION: Final = "CODER_ORGANIZATION"
_IMPLICIT: Final = frozenset({"", "scope=organization", "owner="})
"""Tags that every provisioner for an organization has: they are as good as none."""
_ASK: Final = "kubectl cannot tell, coder provisioner list does"


class Way(Enum):
    """Where a provisioner connects to."""

    HERE = "this coderd"
    ELSEWHERE = "another one, or nobody"
    UNKNOWN = "it cannot be told"


@dataclass(frozen=True, slots=True)
class External:
    """A Deployment of provisioners, where it connects to, and what keeps that, or its jobs, in doubt."""

    deployment: Deployment
    way: Way
    why: str = ""
    scope: str = ""

    @property
    def ready(self) -> int:
        """How many of its provisioners are ready: each runs one build at a time."""
        return self.deployment.ready_replicas

    @property
    def doubt(self) -> str:
        """Why it may not build what this coderd asks for; "" where it does."""
        found = self.why or self.scope
        return f"Deployment {self.deployment.meta.path} {found}" if found else ""


def external(world: World) -> tuple[External, ...]:
    """All that are found in the namespaces that consent, in their order."""
    return tuple(_external(world, one.deployment) for one in world.found.provisioners)


def _external(world: World, live: Deployment) -> External:
    way, why = _way(world, live)
    return External(live, way, why, _scope(live))


def _way(world: World, live: Deployment) -> tuple[Way, str]:
    if environment.is_elsewhere(live, _URL):
        return Way.UNKNOWN, f"takes {_URL} from a ConfigMap or a Secret, which are not read here"
    url = environment.literal(live, _URL) or ""
    host = _host(url)
    if not host:
        return Way.UNKNOWN, f"has {_URL} {url or 'not set'}, which names no host"
    named = _service_name(world, host, live.meta.namespace)
    if named is None:
        if host == _access_host(world):
            return Way.HERE, ""
        return Way.UNKNOWN, f"connects to {url}: whether that is this coderd is not seen"
    return _by_service(world, named, url)


def _by_service(world: World, named: tuple[str, str], url: str) -> tuple[Way, str]:
    found = next(
        (one for one in _services(world) if (one.meta.namespace, one.meta.name) == named), None
    )
    if found is not None and not found.selector:
        return Way.UNKNOWN, f"connects to {url}, a Service that selects no Pods itself"
    if found is not None and _leads_to_coderd(world, found):
        return Way.HERE, ""
    what = "which is no Service of this coderd" if found else "and there is no such Service"
    return Way.ELSEWHERE, f"connects to {url}, {what}"


def _services(world: World) -> tuple[Service, ...]:
    services: tuple[Service, ...] = world.snapshot.items(Need.SERVICES)
    return services


def _leads_to_coderd(world: World, service: Service) -> bool:
    live = world.coderd.deployment if world.coderd is not None else None
    return (
        live is not None
        and service.meta.namespace == live.meta.namespace
        and selectors.has_labels(service.selector, live.template_meta.labels)
    )


def address(world: World) -> str:
    """The URL under which provisioners of this cluster reach this coderd, by a Service that is there."""
    found = next((one for one in _services(world) if _leads_to_coderd(world, one)), None)
    name, space = (
        (found.meta.name, found.meta.namespace) if found else ("coder", world.deployment.namespace)
    )
    return f"http://{name}.{space}.svc.cluster.local"


def _service_name(world: World, host: str, own: str) -> tuple[str, str] | None:
    """Namespace and name of the Service that a host names."""
    spaces = {one.meta.name for one in world.snapshot.items(Need.NAMESPACES)}
    return urls.service_named(host, own, spaces)


def _access_host(world: World) -> str:
    live = world.coderd.deployment if world.coderd is not None else None
    return _host(environment.literal(live, _ACCESS_URL) or "") if live is not None else ""


def _host(url: str) -> str:
    """The host of a URL; "" where it has none, or one that Kubernetes puts in later."""
    try:
        host = urlsplit(url).hostname or ""
    except ValueError:
        return ""
    return "" if "$(" in url else host


def _scope(live: Deployment) -> str:
    """Why it may not take the jobs of every template, as far as that is seen; "" where it takes those without tags."""
    return next(_scopes(live), "")


def _scopes(live: Deployment) -> Iterator[str]:
    if environment.is_set(live, _KEY):
        yield f"has a provisioner key, which holds its organization and its tags: {_ASK}"
    hidden = [one for one in (_KEY, _TAGS, _ORGANIZATION) if environment.is_elsewhere(live, one)]
    if hidden:
        yield f"may take {hidden[0]} from a ConfigMap or a Secret, which are not read here"
    tags = [one for one in _tags(live) if one not in _IMPLICIT]
    if tags:
        yield f"has the tags {', '.join(tags)}, and a job without tags needs a provisioner without tags"
    organization = environment.literal(live, _ORGANIZATION)
    if organization:
        yield f"builds for organization {organization} only"


def _tags(live: Deployment) -> tuple[str, ...]:
    """Its tags: flags, each of which adds one, come before the variable."""
    said = environment.arguments(live, "--tag", "-t")
    return said or tuple((environment.literal(live, _TAGS) or "").split(","))
