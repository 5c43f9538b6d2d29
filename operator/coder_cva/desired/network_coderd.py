"""coderd's NetworkPolicy: everybody may use Coder, its replicas and its scrapers reach what they need.

Clauses: CVA-NET-001 (workspaces reach coderd), CVA-NET-004 (users reach coderd); CVA-NET-002 and 003 are
met by leaving egress open. Ports: Coder's chart (8080, 8443, 2112); 6222 is the NATS between replicas.
"""

from typing import Any, Final

from coder_cva.desired import enforcement, isolation
from coder_cva.desired.coderd_pod import HTTP_PORT, HTTPS_PORT, PROMETHEUS_PORT, RELAY_PORT
from coder_cva.desired.control_plane import selector_labels
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.metadata import metadata
from coder_cva.desired.plan import Part, Preview, Withheld
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PodShape, Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.canonical import canonical
from coder_cva.values.names import derived

RULE: Final = "CVA-NET-004"

MESH_PORT: Final = 15008
"""Where an ambient service mesh of Istio brings every connection to a Pod."""
_MESH: Final = "istio.io/dataplane-mode"
_SCRAPED: Final = "prometheus.io/port"

Port = tuple[int, str]
"""A port's number and its protocol."""


def build(world: World) -> Part:
    """The policy, with a preview of what it leaves open; why not, where others isolate coderd already."""
    if world.deployment.spec.control_plane.management == "None":
        return Part()
    if enforcement.mode(world.deployment, RULE) is not Mode.ENFORCE:
        return Part()
    if world.coderd is None and world.deployment.spec.control_plane.management != "Managed":
        return Part()
    obstacle = _obstacle(world)
    if obstacle is not None:
        return Part(withheld=(obstacle,))
    owner = world.deployment
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(owner, policy_name(world), owner.namespace),
        "spec": {
            "podSelector": _selector(world),
            # No egress here: coderd's connections to PostgreSQL, git and its own access URL stay open.
            "policyTypes": ["Ingress"],
            "ingress": ingress_rules(world),
        },
    }
    return Part(objects=(manifest,), previews=_open_metrics(world))


def policy_name(world: World) -> str:
    """The name of our policy for coderd."""
    return derived(world.deployment.name, "coderd")


def ingress_rules(world: World) -> list[dict[str, Any]]:
    """What has to reach coderd.

    The ports that it serves have no ``from``: behind a LoadBalancer users arrive as nodes, and
    workspaces, proxies and provisioners come from anywhere.
    """
    metrics, served = _metrics_ports(world), sorted(_used(world))
    among = [_port(HTTP_PORT, "TCP"), _port(RELAY_PORT, "TCP")]
    peers = [one.dump() for one in world.deployment.spec.network.monitoring]
    scraped: dict[str, Any] = {"ports": [_port(*one) for one in sorted(metrics)]}
    if peers:
        scraped["from"] = peers
    return [
        {"ports": [_port(*one) for one in served]},
        {"ports": among, "from": [{"podSelector": _selector(world)}]},
        scraped,
    ]


def _obstacle(world: World) -> Withheld | None:
    subject = f"NetworkPolicy {world.deployment.namespace}/{policy_name(world)}"
    if any(shape.host_network for shape in _shapes(world)):
        return Withheld(
            subject,
            "HostNetwork",
            "coderd's Pods use their node's network, which no NetworkPolicy covers: set hostNetwork: false",
            rule=RULE,
        )
    others = isolation.isolating(world, world.deployment.namespace, _pod_labels(world), "Ingress")
    if others:
        allow = canonical({"podSelector": _selector(world), "ingress": ingress_rules(world)})
        return Withheld(
            subject,
            "IsolatedByOthers",
            f"NetworkPolicy {isolation.named(others)} isolates coderd already, and what ours allows would "
            f"pierce it: nothing is written. See to it that theirs allows this: {allow}",
            rule=RULE,
        )
    if not _used(world):
        return Withheld(
            subject,
            "NoPortDeclared",
            "coderd's Pods declare no port and no Service leads to them, so it is not known what has to "
            "stay reachable: nothing is written. Declare containerPort 8080 in coderd's Deployment",
            rule=RULE,
        )
    return None


def _used(world: World) -> frozenset[Port]:
    """The ports for everybody. Without one there is no rule: an empty list would mean every port."""
    return _served(world) - _metrics_ports(world) - {(RELAY_PORT, "TCP")}


def _served(world: World) -> frozenset[Port]:
    """The ports on which coderd's Pods serve: those declared, sidecars' too, and those of its Services."""
    if world.coderd is None:
        tls = world.deployment.spec.control_plane.tls.secret_names
        return frozenset({(HTTP_PORT, "TCP"), *([(HTTPS_PORT, "TCP")] if tls else [])})
    shapes = _shapes(world)
    declared = {(number, protocol) for one in shapes for _, number, protocol in one.ports}
    led_to = {
        port
        for service in world.snapshot.items(Need.SERVICES)
        if service.meta.namespace == world.deployment.namespace
        and service.selector
        and selectors.has_labels(service.selector, _pod_labels(world))
        for port in targets(service, shapes)
    }
    mesh = {(MESH_PORT, "TCP")} if _in_mesh(world) else set()
    return frozenset(declared | led_to | mesh)


def targets(service: Service, shapes: tuple[PodShape, ...]) -> frozenset[Port]:
    """The Pods' ports to which a Service leads; one by name is looked up in the Pods."""
    found: set[Port] = set()
    for _, _, target, protocol in service.ports:
        if is_port(target):
            found.add((int(target), protocol))
        else:
            found |= {
                (number, spoken)
                for shape in shapes
                for name, number, spoken in shape.ports
                if name == target and spoken == protocol
            }
    return frozenset(found)


def is_port(text: str) -> bool:
    """Whether a text is the number of a port; annotations hold anything."""
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535


def _metrics_ports(world: World) -> frozenset[Port]:
    """Where Prometheus scrapes: the chart's port, and the one that an annotation names."""
    metas = [pod.meta for pod in world.coderd_pods]
    metas += [world.coderd.deployment.template_meta] if world.coderd else []
    said = {one.annotations.get(_SCRAPED, "") for one in metas}
    annotated = {(int(one), "TCP") for one in said if is_port(one)}
    # An annotation that names the port of users must not close it to them.
    return frozenset({(PROMETHEUS_PORT, "TCP")} | annotated) - {
        (HTTP_PORT, "TCP"),
        (HTTPS_PORT, "TCP"),
    }


def _open_metrics(world: World) -> tuple[Preview, ...]:
    if world.deployment.spec.network.monitoring:
        return ()
    ports = ", ".join(str(number) for number, _ in sorted(_metrics_ports(world)))
    return (
        Preview(
            RULE,
            f"coderd's metrics (port {ports}) stay open to whoever reaches its Pods, because "
            "spec.network.monitoring names no scraper; name yours and everybody else is kept out",
            (f"NetworkPolicy {world.deployment.namespace}/{policy_name(world)}",),
        ),
    )


def _in_mesh(world: World) -> bool:
    places = [
        one.meta.labels
        for one in world.snapshot.items(Need.NAMESPACES)
        if one.meta.name == world.deployment.namespace
    ]
    return any(labels.get(_MESH) == "ambient" for labels in (*places, _pod_labels(world)))


def _shapes(world: World) -> tuple[PodShape, ...]:
    live = (world.coderd.deployment.shape,) if world.coderd else ()
    return (*live, *(pod.shape for pod in world.coderd_pods))


def _selector(world: World) -> dict[str, Any]:
    if world.coderd is not None:
        return dict(world.coderd.deployment.selector)
    return {"matchLabels": selector_labels(world.deployment)}


def _pod_labels(world: World) -> dict[str, str]:
    if world.coderd is not None:
        return dict(world.coderd.deployment.template_meta.labels)
    return selector_labels(world.deployment)


def _port(number: int, protocol: str) -> dict[str, Any]:
    return {"port": number, "protocol": protocol}
