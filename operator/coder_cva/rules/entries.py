"""How users come in from outside: the Service that leads to coderd, and what leads to that (CVA-NET-004).

A load balancer and an Ingress controller both lead to a Service; a Service of type ClusterIP is only
reached through something before it. Ingresses and HTTPRoutes are read; what other controllers have of
their own kinds is not, so that its absence proves nothing.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coder_cva.desired.coderd_pod import PROMETHEUS_PORT, RELAY_PORT
from coder_cva.desired.pod_ports import targets
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding
from coder_cva.rules.network_peers import matching_peers
from coder_cva.rules.subjects import live
from coder_cva.snapshot.address_ranges import Truth
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Reachability
from coder_cva.snapshot.records import Service
from coder_cva.snapshot.shapes import mappings
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

_OUTSIDE: Final = frozenset({"LoadBalancer", "NodePort"})
"""Types of Services that lead in from outside the cluster by themselves."""
_NOT_FOR_USERS: Final = frozenset({PROMETHEUS_PORT, RELAY_PORT, 6060})
"""Ports of coderd on which no user is served: metrics, the relay of replicas, profiles."""


@dataclass(frozen=True, slots=True)
class Entry:
    """The way in: whether there is one (None: not known), why, and the ports of coderd's Pods behind it."""

    possible: Truth
    why: str
    ports: tuple[int, ...] = ()


def entry(world: World, net: Reachability, served: Iterable[int]) -> Entry:
    """The best way in that the Services of coderd's namespace give to the ports on which it serves users."""
    known = frozenset(served)
    ways = [_by(world, net, one, known) for one in _services(world)]
    if not ways:
        return _without_service(world)
    for wanted in (True, None):
        for one in ways:
            if one.possible is wanted:
                return one
    return ways[0]


def missing(world: World, way: Entry) -> Finding:
    """The finding where nothing can lead users to coderd."""
    subject = world.coderd.deployment.meta.path if world.coderd else world.deployment.namespace
    return Finding(
        "CVA-NET-004",
        f"Deployment {subject}",
        "Service",
        "a Service that leads users to coderd: every load balancer and Ingress controller needs one",
        way.why,
        remedies.coderd(world, {"coder": {"service": {"enable": True}}}),
    )


def _services(world: World) -> list[Service]:
    """The Services that select one of coderd's Pods."""
    pods = live(world.coderd_pods)
    return [
        one
        for one in _of_namespace(world)
        if one.selector and any(selectors.has_labels(one.selector, pod.meta.labels) for pod in pods)
    ]


def _of_namespace(world: World) -> list[Service]:
    here = world.deployment.namespace
    return [one for one in world.snapshot.items(Need.SERVICES) if one.meta.namespace == here]


def _by(world: World, net: Reachability, service: Service, served: frozenset[int]) -> Entry:
    shapes = tuple(pod.shape for pod in live(world.coderd_pods))
    led = {number for number, protocol in targets(service, shapes) if protocol == "TCP"}
    name = f"Service {service.meta.path}"
    ports = tuple(sorted(led & served or led - _NOT_FOR_USERS))
    if not ports:
        to = f"only to port {', '.join(map(str, sorted(led)))}" if led else "to no port"
        return Entry(
            possible=False, why=f"{name} leads {to} of coderd's Pods, where no user is served"
        )
    told = ", ".join(map(str, ports))
    if not led & served:
        why = f"{name} leads to port {told}, and whether users are served there is not known"
        return Entry(None, why, ports)
    before = _before(world, net, service)
    if before:
        return Entry(possible=True, why=f"{name}{before}", ports=ports)
    return Entry(
        None,
        f"{name} is a ClusterIP, to which no Ingress and no HTTPRoute leads; whether something leads there "
        "that is not read here, as a gateway of a service mesh or a Route of OpenShift, is not known: if so, "
        "name its Pods in spec.network.ingressControllers",
        ports,
    )


def _before(world: World, net: Reachability, service: Service) -> str:
    """What leads to a Service from outside, in words; "" where nothing is seen."""
    if service.type in _OUTSIDE:
        return f" of type {service.type}"
    here = (service.meta.namespace, service.meta.name)
    for need, kind in ((Need.INGRESSES, "Ingress"), (Need.HTTP_ROUTES, "HTTPRoute")):
        for one in world.snapshot.items(need):
            if here in one.backends:
                return f" through {kind} {one.meta.path}"
    for named in world.deployment.spec.network.ingress_controllers:
        if matching_peers(world, net, named, ""):
            return " through the controllers that spec.network.ingressControllers names"
    return ""


def _without_service(world: World) -> Entry:
    """Where no Service selects coderd's Pods, a load balancer may still lead to their nodes."""
    if _is_on_node(world):
        return Entry(
            None,
            "no Service selects coderd's Pods; they listen on the addresses of their nodes, and whether "
            "users are led there is not known",
        )
    by_hand = [
        one.meta.path
        for one in _of_namespace(world)
        if not one.selector and one.type != "ExternalName"
    ]
    if by_hand:
        return Entry(
            None,
            f"no Service selects coderd's Pods; whether Service {by_hand[0]}, whose endpoints somebody "
            "else sets, leads to them is not known",
        )
    return Entry(possible=False, why="no Service selects coderd's Pods")


def _is_on_node(world: World) -> bool:
    if any(pod.shape.host_network for pod in live(world.coderd_pods)):
        return True
    body = world.coderd.deployment.body if world.coderd else None
    containers = mappings(dig(body, "spec", "template", "spec", "containers"))
    return any(port.get("hostPort") for one in containers for port in mappings(one.get("ports")))
