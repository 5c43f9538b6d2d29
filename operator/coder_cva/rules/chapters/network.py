"""Network: the connections that Coder needs, judged over everybody's NetworkPolicies (CVA-NET-*)."""

from typing import Final

from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, unknown, verdict
from coder_cva.rules.subjects import no_coderd, no_workspaces
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Answer, Peer, connection, isolating, peer_of
from coder_cva.snapshot.records import NetworkPolicy, Pod
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import dig

_HTTP: Final = 8080
_RELAY: Final = 6222
_POSTGRES: Final = 5432
_HTTPS_OUT: Final = 443
_OUTSIDE: Final = "198.51.100.1"
"""An address of the documentation range (RFC 5737): it stands for "somewhere outside the cluster"."""


def workspaces_reach_the_control_plane(world: World) -> Judgement:
    """CVA-NET-001: each workspace may open a connection to each coderd Pod, on the Pods' own port."""
    if not world.found.workspaces:
        return no_workspaces()
    if not world.coderd_pods:
        return no_coderd(world) if world.coderd is None else not_applicable("no Pod of coderd runs")
    target = peer_of(world.coderd_pods[0], world.snapshot)
    answers = [
        (one.pod, connection(peer_of(one.pod, world.snapshot), target, _HTTP, _policies(world)))
        for one in world.found.workspaces
    ]
    findings = [_cut("CVA-NET-001", pod, answer) for pod, answer in answers if not answer.possible]
    told = f"{len(answers) - len(findings)} of {len(answers)} workspaces may open a connection to coderd's Pods"
    return verdict(findings, held=told, broken=told)


def the_control_plane_reaches_its_database(world: World) -> Judgement:
    """CVA-NET-002: egress of coderd to PostgreSQL. Its address stands in a Secret that nobody reads here."""
    return _outward(world, "CVA-NET-002", _POSTGRES, "PostgreSQL")


def the_control_plane_reaches_repositories(world: World) -> Judgement:
    """CVA-NET-003: egress of coderd to git and package repositories outside the cluster."""
    return _outward(world, "CVA-NET-003", _HTTPS_OUT, "git and package repositories")


def users_reach_the_control_plane(world: World) -> Judgement:
    """CVA-NET-004: anybody on coderd's port, replicas among themselves, and whoever scrapes metrics."""
    if not world.coderd_pods:
        return no_coderd(world) if world.coderd is None else not_applicable("no Pod of coderd runs")
    policies = _policies(world)
    findings = []
    for pod in world.coderd_pods:
        here = peer_of(pod, world.snapshot)
        anybody = Peer(name="users behind the load balancer", anywhere=True)
        answers = [
            connection(anybody, here, _HTTP, policies),
            *(
                connection(peer_of(other, world.snapshot), here, port, policies)
                for other in world.coderd_pods
                if other is not pod
                for port in (_HTTP, _RELAY)
            ),
        ]
        findings += [_cut("CVA-NET-004", pod, one) for one in answers if not one.possible][:1]
    count = len(world.coderd_pods)
    told = f"{count - len(findings)} of {count} Pods of coderd can be reached by users and by each other"
    return verdict(findings, held=told, broken=told)


def workspaces_accept_no_connections(world: World) -> Judgement:
    """CVA-NET-005: ingress of each workspace is isolated; agents dial out and need no port."""
    if not world.found.workspaces:
        return no_workspaces()
    policies = _policies(world)
    open_ones = [
        one.pod
        for one in world.found.workspaces
        if not isolating(peer_of(one.pod, world.snapshot), policies, "ingress")
    ]
    findings = [
        Finding(
            "CVA-NET-005",
            f"Pod {pod.meta.path}",
            "NetworkPolicy, ingress",
            "isolated for ingress but for connections in use",
            "open to every Pod of the cluster",
            _isolate(world, pod),
        )
        for pod in open_ones
    ]
    count = len(world.found.workspaces)
    told = (
        f"{count - len(open_ones)} of {count} workspaces are isolated against incoming connections"
    )
    return verdict(findings, held=told, broken=told)


def _isolate(world: World, pod: Pod) -> str:
    if not pod.meta.labels:
        return "this Pod has no label that a policy could select: label it in its template (com.coder.resource: true)"
    return (
        f"kubectl -n {world.deployment.namespace} patch cdep {world.deployment.name} --type=merge -p "
        '\'{"spec":{"enforcement":{"rules":{"CVA-NET-005":"Enforce"}}}}\'; status.previews names whom it would hit'
    )


def _outward(world: World, rule: str, port: int, where: str) -> Judgement:
    """Egress to somewhere that is not known: certain only where coderd is open, or where nothing is allowed."""
    if not world.coderd_pods:
        return no_coderd(world) if world.coderd is None else not_applicable("no Pod of coderd runs")
    here = peer_of(world.coderd_pods[0], world.snapshot)
    closing = isolating(here, _policies(world), "egress")
    if not closing:
        return verdict(
            (),
            held=f"no policy isolates coderd's Pods for egress, to {where} or elsewhere",
            broken="",
        )
    names = ", ".join(sorted(one.meta.path for one in closing))
    outside = Peer(name=where, address=_OUTSIDE)
    if connection(here, outside, port, closing).possible:
        return verdict(
            (),
            held=f"NetworkPolicy {names} allows coderd's egress to any address on {port}",
            broken="",
        )
    if any(dig(one.spec, "egress") for one in closing):
        return unknown(
            "AddressNotKnown",
            f"coderd's egress is isolated by NetworkPolicy {names}, which allows some: whether that includes "
            f"{where} cannot be told from here",
        )
    nothing = Answer(possible=False, why=f"NetworkPolicy {names} allows coderd no egress at all")
    return verdict([_cut(rule, world.coderd_pods[0], nothing)], held="", broken=nothing.why)


def _cut(rule: str, pod: Pod, answer: Answer) -> Finding:
    where = answer.policies[0] if answer.policies else "the policy that isolates it"
    return Finding(
        rule,
        f"Pod {pod.meta.path}",
        "NetworkPolicy",
        "the connection is possible",
        answer.why,
        f"add the connection to {where}, or remove that policy: what this operator writes never cuts it, and "
        "never pierces what somebody else has closed",
    )


def _policies(world: World) -> tuple[NetworkPolicy, ...]:
    policies: tuple[NetworkPolicy, ...] = world.snapshot.items(Need.NETWORK_POLICIES)
    return policies


_FOUND: Final = frozenset(
    {
        Need.PODS,
        Need.DEPLOYMENTS,
        Need.REPLICA_SETS,
        Need.NAMESPACES,
        Need.ROLE_BINDINGS,
        Need.NETWORK_POLICIES,
    }
)
RULES: Final = (
    Rule("CVA-NET-001", workspaces_reach_the_control_plane, _FOUND),
    Rule("CVA-NET-002", the_control_plane_reaches_its_database, _FOUND),
    Rule("CVA-NET-003", the_control_plane_reaches_repositories, _FOUND),
    Rule("CVA-NET-004", users_reach_the_control_plane, _FOUND),
    Rule("CVA-NET-005", workspaces_accept_no_connections, _FOUND),
)
