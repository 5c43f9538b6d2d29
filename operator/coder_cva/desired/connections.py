"""Connections to workspaces that are in use: what leads there, and to which ports.

A Service, an Ingress or an HTTPRoute before it, or a scrape annotation that leads to a workspace's port is
a connection that works today (CVA-NET-005): it stays allowed until the user says otherwise.
"""

from bisect import bisect_left, bisect_right
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.desired.network_coderd import Port, is_port, targets
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PodShape, Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors


@dataclass(frozen=True, slots=True)
class Kind:
    """One way in which Pods are labelled as workspaces: a podSelector can only say "and", never "or"."""

    name: str
    key: str
    value: str = ""
    is_usual: bool = False
    """Whether Coder's own templates label so: such Pods may come at any time."""

    @property
    def selector(self) -> dict[str, Any]:
        """The podSelector."""
        if self.value:
            return {"matchLabels": {self.key: self.value}}
        return {"matchExpressions": [{"key": self.key, "operator": "Exists"}]}

    def is_on(self, labels: Mapping[str, str]) -> bool:
        """Whether Pods with these labels are selected."""
        return selectors.matches(self.selector, labels)


KINDS: Final = (
    Kind("workspaces", "com.coder.resource", "true", is_usual=True),
    Kind("workspaces-by-name", marks.NAME, marks.WORKSPACE_NAME, is_usual=True),
    Kind("workspaces-by-app", "app", marks.WORKSPACE_NAME),
    Kind("workspaces-by-id", "com.coder.workspace.id"),
)
"""Labels that workspaces really have (Coder's templates), each with the name of its policy."""


@dataclass(frozen=True, slots=True, order=True)
class Use:
    """A connection in use: what leads to workspaces, and to which of their ports."""

    subject: str
    ports: tuple[Port, ...]

    def __str__(self) -> str:
        ports = ", ".join(str(number) for number, _ in self.ports)
        return f"{self.subject} (port {ports})"


def connections(world: World, namespace: str, workspaces: tuple[Workspace, ...]) -> tuple[Use, ...]:
    """What leads to ports of workspaces in a namespace, sorted."""
    found = {*_by_services(world, namespace, workspaces), *_by_scraping(workspaces)}
    return tuple(sorted(found))


def _by_services(world: World, namespace: str, workspaces: tuple[Workspace, ...]) -> Iterable[Use]:
    everywhere = world.snapshot.items(Need.SERVICES)
    # A kind is sorted by namespace: with one for each workspace nobody looks through all of them each time.
    begin = bisect_left(everywhere, namespace, key=_namespace)
    end = bisect_right(everywhere, namespace, key=_namespace)
    services = [one for one in everywhere[begin:end] if one.selector]
    if not services:
        return
    routes, by_label = _routes(world), _by_label(workspaces)
    for service in services:
        led = _led_to(service, by_label)
        # A Service of a workspace that is stopped now leads to it again when it starts.
        if led or _means_workspaces(service):
            ports = tuple(sorted(targets(service, led)))
            if ports:
                yield Use(_subject(service, routes), ports)


def _namespace(service: Service) -> str:
    return service.meta.namespace


def _by_label(workspaces: tuple[Workspace, ...]) -> Mapping[tuple[str, str], list[Workspace]]:
    """Workspaces by each of their labels: a template may make a Service for every one of thousands."""
    found: defaultdict[tuple[str, str], list[Workspace]] = defaultdict(list)
    for one in workspaces:
        for label in one.pod.meta.labels.items():
            found[label].append(one)
    return found


def _led_to(
    service: Service, by_label: Mapping[tuple[str, str], list[Workspace]]
) -> tuple[PodShape, ...]:
    candidates = min((by_label.get(item, []) for item in service.selector.items()), key=len)
    return tuple(
        one.pod.shape
        for one in candidates
        if selectors.has_labels(service.selector, one.pod.meta.labels)
    )


def _routes(world: World) -> Mapping[tuple[str, str], list[str]]:
    """The Ingresses and HTTPRoutes that lead to each Service, by its namespace and name."""
    found: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for need in (Need.INGRESSES, Need.HTTP_ROUTES):
        for one in world.snapshot.items(need):
            for backend in one.backends:
                found[backend].append(one.meta.path)
    return found


def _means_workspaces(service: Service) -> bool:
    return any(kind.is_on(service.selector) for kind in KINDS)


def _subject(service: Service, routes: Mapping[tuple[str, str], list[str]]) -> str:
    through = sorted(routes.get((service.meta.namespace, service.meta.name), []))
    told = f"Service {service.meta.path}"
    return f"{told}, through {', '.join(through[:3])}" if through else told


def _by_scraping(workspaces: tuple[Workspace, ...]) -> Iterable[Use]:
    """Scrape annotations: the port that they name, else every port that the Pod declares."""
    for one in workspaces:
        notes = one.pod.meta.annotations
        if notes.get("prometheus.io/scrape") != "true":
            continue
        said = notes.get("prometheus.io/port", "")
        declared = {(number, protocol) for _, number, protocol in one.pod.shape.ports}
        ports = {(int(said), "TCP")} if is_port(said) else declared
        if ports:
            who = one.controller or f"Pod {one.pod.meta.name}"
            yield Use(
                f"annotation prometheus.io/scrape of {who} in {one.pod.meta.namespace}",
                tuple(sorted(ports)),
            )
