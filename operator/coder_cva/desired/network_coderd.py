"""coderd's NetworkPolicy: everybody may use Coder, its replicas and its scrapers reach what they need.

Clauses: CVA-NET-001 (workspaces reach coderd), CVA-NET-004 (users reach coderd); CVA-NET-002 and 003 are
met by leaving egress open. Ports: Coder's chart (8080, 8443, 2112); 6222 is the NATS between replicas.
Where it cannot be told which ports are in use, nothing is isolated, unless the spec itself says Enforce.
"""

from typing import Any, Final

from coder_cva.catalogue.connections import connections
from coder_cva.desired import enforcement, isolation
from coder_cva.desired.coderd_ports import CoderdPods
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.metadata import metadata
from coder_cva.desired.plan import Part, Preview, Withheld
from coder_cva.desired.pod_ports import told, written
from coder_cva.snapshot.world import World
from coder_cva.values.canonical import canonical
from coder_cva.values.names import derived

RULE: Final = "CVA-NET-004"
_AMONG_REPLICAS: Final = connections().line("coderd-to-coderd").numbers


def build(world: World) -> Part:
    """The policy, with a preview of what it leaves open; why not, where it would cut or pierce."""
    mode = enforcement.mode(world.deployment, RULE)
    management = world.deployment.spec.control_plane.management
    is_there = world.coderd is not None or management == "Managed"
    if mode is Mode.OFF or management == "None" or not is_there:
        return Part()
    pods = CoderdPods(world)
    obstacle = _obstacle(world, pods)
    if mode is not Mode.ENFORCE:
        return Part() if obstacle else Part(previews=(_preview(world, pods, mode),))
    obstacle = obstacle or _doubt(world, pods)
    if obstacle is not None:
        return Part(withheld=(obstacle,))
    owner = world.deployment
    manifest = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(owner, policy_name(world), owner.namespace),
        "spec": {
            "podSelector": pods.selector,
            # No egress here: coderd's connections to PostgreSQL, git and its own access URL stay open.
            "policyTypes": ["Ingress"],
            "ingress": _rules(world, pods),
        },
    }
    return Part(objects=(manifest,), previews=(_preview(world, pods, mode),))


def policy_name(world: World) -> str:
    """The name of our policy for coderd."""
    return derived(world.deployment.name, "coderd")


def ingress_rules(world: World) -> list[dict[str, Any]]:
    """What has to reach coderd.

    The ports that it serves have no ``from``: behind a LoadBalancer users arrive as nodes, and
    workspaces, proxies and provisioners come from anywhere.
    """
    return _rules(world, CoderdPods(world))


def _rules(world: World, pods: CoderdPods) -> list[dict[str, Any]]:
    peers = [one.dump() for one in world.deployment.spec.network.monitoring]
    scraped: dict[str, Any] = {"ports": written(sorted(pods.for_scrapers))}
    if peers:
        scraped["from"] = peers
    return [
        {"ports": written(sorted(pods.for_everybody))},
        {"ports": written(_AMONG_REPLICAS), "from": [{"podSelector": pods.selector}]},
        scraped,
    ]


def _obstacle(world: World, pods: CoderdPods) -> Withheld | None:
    if any(shape.host_network for shape in pods.shapes):
        return _withheld(
            world,
            "HostNetwork",
            "coderd's Pods use their node's network, which no NetworkPolicy covers: set hostNetwork: false",
        )
    others = isolation.isolating(world, world.deployment.namespace, pods.labels, "Ingress")
    if others:
        allow = canonical({"podSelector": pods.selector, "ingress": _rules(world, pods)})
        return _withheld(
            world,
            "IsolatedByOthers",
            f"NetworkPolicy {isolation.named(others)} isolates coderd already, and what ours allows would "
            f"pierce it: nothing is written. See to it that theirs allows this: {allow}",
        )
    if not pods.for_everybody:
        # Without a port there is no rule: an empty list would mean every port.
        return _withheld(
            world,
            "NoPortDeclared",
            "coderd's Pods declare no port and no Service leads to them, so it is not known what has to "
            "stay reachable: nothing is written. Declare containerPort 8080 in coderd's Deployment",
        )
    return None


def _doubt(world: World, pods: CoderdPods) -> Withheld | None:
    """A connection that works may be one that is not seen; only the user knows that there is none."""
    if not pods.doubts or enforcement.is_demanded(world.deployment, RULE):
        return None
    return _withheld(
        world,
        "PortsNotKnown",
        f"{'; '.join(pods.doubts)}. What is in use could be cut, so nothing is written. To close all that is "
        f"not seen as well, say {RULE}: Enforce in spec.enforcement.rules",
    )


def _withheld(world: World, reason: str, message: str) -> Withheld:
    subject = f"NetworkPolicy {world.deployment.namespace}/{policy_name(world)}"
    return Withheld(subject, reason, message, rule=RULE)


def _preview(world: World, pods: CoderdPods, mode: Mode) -> Preview:
    """Which ports stay open and for whom; all others are what the policy closes."""
    begin = (
        "coderd accepts" if mode is Mode.ENFORCE else f"with {RULE}: Enforce coderd would accept"
    )
    scrapers = (
        "only from the scrapers that spec.network.monitoring names"
        if world.deployment.spec.network.monitoring
        else "from everybody, because spec.network.monitoring names no scraper (name yours and everybody "
        "else is kept out)"
    )
    unseen = f". Not seen: {'; '.join(pods.doubts)}" if pods.doubts else ""
    return Preview(
        RULE,
        f"{begin} connections on port {told(pods.for_everybody)} from everybody, on port "
        f"{told(_AMONG_REPLICAS)} from its replicas, and for metrics and profiles on port "
        f"{told(pods.for_scrapers)} {scrapers}; on no other port of its Pods{unseen}",
        (f"NetworkPolicy {world.deployment.namespace}/{policy_name(world)}",),
    )
