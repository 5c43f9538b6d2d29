"""coderd's Pods and the ports on which something may reach them today, and what of that cannot be told.

A port counts as in use where coderd's own settings listen on it, a container declares it, a Service leads to
it, or an annotation sends a scraper there. What nobody can tell is a reason not to isolate at all.
"""

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import Any, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.catalogue.connections import connections
from coder_cva.desired import listeners, scraping
from coder_cva.desired.coderd_pod import RELAY_PORT, pod_template
from coder_cva.desired.control_plane import coder_labels, selector_labels
from coder_cva.desired.pod_ports import Port, declared, targets
from coder_cva.sizing.size import size
from coder_cva.snapshot import parse_workloads
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Labels, PodShape, Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import Manifest, pruned

MESH_PORT: Final = 15008
"""Where an ambient service mesh of Istio brings every connection to a Pod."""
_MESH: Final = "istio.io/dataplane-mode"
_RELAY: Final[Port] = (RELAY_PORT, "TCP")
_CHART_USERS: Final = frozenset(connections().line("user-to-coderd").numbers)
_METRICS: Final = frozenset(connections().line("scraper-to-coderd").numbers)


class CoderdPods:
    """coderd's Pods, those that run and those that are to come. Neither for a region without coderd."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._deployments = tuple(_deployments(world))
        pods = world.coderd_pods
        self.shapes: tuple[PodShape, ...] = (
            *(one.shape for one in self._deployments),
            *(pod.shape for pod in pods),
        )
        self.labels: tuple[Labels, ...] = (
            *(one.template_meta.labels for one in self._deployments),
            *(pod.meta.labels for pod in pods),
        )
        """Of the template and of each Pod: admission and people label Pods too."""
        self._notes: tuple[Labels, ...] = (
            *(one.template_meta.annotations for one in self._deployments),
            *(pod.meta.annotations for pod in pods),
            *(one.meta.annotations for one in self._services),
        )

    @property
    def selector(self) -> dict[str, Any]:
        """The Deployment's own; that of the live one where there is one."""
        return dict(self._deployments[0].selector) if self._deployments else {}

    @cached_property
    def for_everybody(self) -> frozenset[Port]:
        """The ports that have to be open to everybody. Users arrive as nodes, workspaces from anywhere."""
        found = self._users | declared(self.shapes)
        for service in self._services:
            found |= targets(service, self.shapes)
        if self._is_in_mesh:
            found |= {(MESH_PORT, "TCP")}
        return found - self.for_scrapers - {_RELAY}

    @cached_property
    def for_scrapers(self) -> frozenset[Port]:
        """Metrics and profiles: the chart's port, those of coderd's settings and of annotations.

        An annotation that names a port of users must not close it to them.
        """
        found = _METRICS
        for one in self._deployments:
            found |= listeners.ports(one, scraped=True)
        for notes in self._notes:
            found |= scraping.named(notes, self.shapes)
        return found - self._users - _CHART_USERS

    @cached_property
    def doubts(self) -> tuple[str, ...]:
        """Why it cannot be told which ports are in use, each with its remedy; () where it can."""
        return (*self._unseen_settings(), *self._any_port(), *self._silent())

    def _unseen_settings(self) -> Iterator[str]:
        names = sorted({name for one in self._deployments for name in listeners.not_seen(one)})
        if names:
            yield (
                f"{' and '.join(names)} may come from a ConfigMap, a Secret or a file, so that the port which "
                "scrapers ask is not seen: write it as a literal value"
            )

    def _any_port(self) -> Iterator[str]:
        for one in self._services:
            if one.selector and not one.ports:
                yield (
                    f"Service {one.meta.path} leads to the Pods and names no port, so that whoever uses it may "
                    "use any: give it ports"
                )

    def _silent(self) -> Iterator[str]:
        names = sorted({name for one in self.shapes for name in one.silent})
        if names:
            yield (
                f"container {', '.join(names)} declares no port and may listen on any: declare what it serves "
                "as containerPort"
            )

    @property
    def _users(self) -> frozenset[Port]:
        return frozenset().union(
            *(listeners.ports(one, scraped=False) for one in self._deployments)
        )

    @cached_property
    def _services(self) -> tuple[Service, ...]:
        """The Services that lead to the Pods, and those of which nobody says whereto: without a selector.

        Their endpoints are not read; as a rule they have the ports that the Service names.
        """
        here = self._world.snapshot.within(Need.SERVICES, self._world.deployment.namespace)
        return tuple(one for one in here if self._may_lead_here(one))

    def _may_lead_here(self, service: Service) -> bool:
        if not service.selector:
            return service.type != "ExternalName"
        return any(selectors.has_labels(service.selector, one) for one in self.labels)

    @property
    def _is_in_mesh(self) -> bool:
        here = self._world.deployment.namespace
        spaces: tuple[Mapping[str, str], ...] = tuple(
            one.meta.labels
            for one in self._world.snapshot.items(Need.NAMESPACES)
            if one.meta.name == here
        )
        return any(labels.get(_MESH) == "ambient" for labels in (*spaces, *self.labels))


def _deployments(world: World) -> Iterator[Deployment]:
    """The live Deployment, and the one that a managed coderd is about to have."""
    if world.coderd is not None:
        yield world.coderd.deployment
    if world.deployment.spec.control_plane.management == "Managed":
        wanted = parse_workloads.deployment(_wanted(world.deployment))
        if wanted is not None:
            yield wanted


def _wanted(owner: CoderDeployment) -> Manifest:
    """The Deployment as far as it tells whom it selects and what its Pods serve; it follows from the spec alone."""
    template = pod_template(owner, size(owner.spec).coderd, coder_labels(owner))
    return pruned(
        {
            "metadata": {"name": owner.name, "namespace": owner.namespace},
            "spec": {"selector": {"matchLabels": selector_labels(owner)}, "template": template},
        }
    )
