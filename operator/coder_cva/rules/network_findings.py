"""Connections that are cut, as findings about the policies that cut them, with the rule that is missing."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.catalogue.connections import End, connections, numbers
from coder_cva.desired import enforcement, network_coderd
from coder_cva.desired.connections import Use
from coder_cva.desired.enforcement import ISOLATION, Mode
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding
from coder_cva.rules.network_peers import serving_ports
from coder_cva.rules.strangers import Way
from coder_cva.rules.subjects import are, named, workload
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.reachability import Answer, Direction, Peer
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

Missing = Mapping[Direction, list[dict[str, Any]]]
"""By direction the rules that would have to stand in the policies."""

METADATA: Final = connections().addresses(End.METADATA)[0]
_PRIVATE: Final = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"]


class Cuts:
    """Connections that are not possible, gathered by what cuts them: there the change belongs."""

    def __init__(self, answers: Iterable[Answer] = ()) -> None:
        self._reasons: dict[tuple[Direction, tuple[str, ...]], dict[str, int]] = {}
        for one in answers:
            self.add(one)

    def __bool__(self) -> bool:
        return bool(self._reasons)

    def add(self, answer: Answer, count: int = 1) -> None:
        """One more connection that is not possible, or as many of its kind."""
        for side in answer.sides:
            if side.possible is False:
                self._reasons.setdefault((side.direction, side.policies), {})[side.why] = count

    def findings(self, rule: str, missing: Missing) -> list[Finding]:
        """One finding for each set of policies and direction, sorted."""
        return [
            _finding(rule, direction, policies, reasons, missing)
            for (direction, policies), reasons in sorted(self._reasons.items())
        ]


def _finding(
    rule: str,
    direction: Direction,
    policies: tuple[str, ...],
    reasons: Mapping[str, int],
    missing: Missing,
) -> Finding:
    count = sum(reasons.values())
    more = f" (and {count - 1:,} more)" if count > 1 else ""
    allow = remedies.as_yaml(missing.get(direction, []))
    return Finding(
        rule,
        f"NetworkPolicy {policies[0]}",
        f"spec.{direction}",
        "the connection is possible under all policies together",
        min(reasons) + more,
        f"whoever keeps this policy adds to its {direction} rules, or to a policy beside it that selects "
        f"the same Pods:\n{allow}",
    )


def workspaces_to(live: Deployment | None, targets: tuple[Peer, ...]) -> Missing:
    """What lets workspaces reach coderd's Pods or a proxy's; on their side for everybody, as users arrive too."""
    if live is None:
        return {"egress": [{"ports": [_port(443)]}]}
    ports = [_port(one) for one in sorted({one for peer in targets for one in serving_ports(peer)})]
    space = {"matchLabels": {"kubernetes.io/metadata.name": live.meta.namespace}}
    to = {"namespaceSelector": space, "podSelector": dict(live.selector)}
    return {"egress": [{"to": [to], "ports": ports}], "ingress": [{"ports": ports}]}


def coderd_to_database() -> Missing:
    """What lets coderd reach PostgreSQL; only its people know the address."""
    to = {"ipBlock": {"cidr": "ADDRESS-OF-POSTGRESQL/32"}}
    return {"egress": [{"to": [to], "ports": _ports("coderd-to-postgresql")}]}


def coderd_to_repositories() -> Missing:
    """What lets coderd reach the world on HTTPS and SSH, without private ranges and the metadata address."""
    to = {"ipBlock": {"cidr": "0.0.0.0/0", "except": [METADATA, *_PRIVATE]}}
    return {"egress": [{"to": [to], "ports": _ports("coderd-to-git")}]}


def everybody_to_coderd(world: World) -> Missing:
    """What has to reach coderd, and what its replicas need of each other."""
    mesh = {"to": [{"podSelector": _coderd(world)}], "ports": _ports("coderd-to-coderd")}
    cidrs = [{"ipBlock": {"cidr": one}} for one in world.deployment.spec.network.access_url_cidrs]
    itself = [{"to": cidrs, "ports": _ports("coderd-to-access-url")}] if cidrs else []
    return {"ingress": network_coderd.ingress_rules(world), "egress": [mesh, *itself]}


class Ways:
    """Ways for strangers into workspaces, gathered by what opens them."""

    def __init__(self) -> None:
        self._led_to: dict[Way, list[Workspace]] = {}
        self.count = 0
        """The workspaces that are not closed to strangers, surely or perhaps."""

    def __bool__(self) -> bool:
        return bool(self._led_to)

    def add(self, ways: Iterable[Way], workspaces: list[Workspace]) -> None:
        """The ways into one kind of workspace."""
        found = set(ways)
        self.count += len(workspaces) if found else 0
        for way in found:
            self._led_to.setdefault(way, []).extend(workspaces)

    @property
    def doubt(self) -> str:
        """What is let in and cannot be told, in a sentence. Raises ValueError where there is no way."""
        way = min(self._led_to)
        return (
            f"NetworkPolicy {way.policy} lets in {way.who} on {way.ports}, and whether strangers are "
            "among them is not known here: write the single addresses, or name Pods by their labels"
        )

    def findings(self, world: World) -> list[Finding]:
        """A finding for each rule that lets strangers in, one for each namespace where nothing isolates."""
        sure = {way: found for way, found in sorted(self._led_to.items()) if way.is_sure}
        bare = [one for way, found in sure.items() if not way.policy for one in found]
        let_in = [_let_in(way, found) for way, found in sure.items() if way.policy]
        return [*_open_workspaces(world, bare), *let_in]


def _let_in(way: Way, found: list[Workspace]) -> Finding:
    names = named([workload(one) for one in found])
    return Finding(
        ISOLATION,
        f"NetworkPolicy {way.policy}",
        "spec.ingress",
        "no connection to a workspace but those in use: agents dial out",
        f"lets in {way.who} on {way.ports}, to {are(len(found), 'workspace')}: {names}",
        "policies are a union, so no other one can close what this one opens: whoever keeps it takes the "
        "rule out, or names those whom it means in its from",
    )


def _open_workspaces(world: World, found: list[Workspace]) -> list[Finding]:
    """Workspaces that no policy isolates, a finding for each namespace."""
    spaces: dict[str, list[str]] = {}
    for part in world.memo.parts(_by_space, found):
        for space, names in part.items():
            spaces.setdefault(space, []).extend(names)
    return [
        Finding(
            ISOLATION,
            f"Namespace {space}",
            "NetworkPolicy",
            "no connection to a workspace but those in use: agents dial out",
            f"{are(len(names), 'workspace')} open to everybody: {named(names)}",
            _close(world),
        )
        for space, names in sorted(spaces.items())
    ]


def _by_space(workspaces: tuple[Workspace, ...]) -> dict[str, list[str]]:
    spaces: dict[str, list[str]] = {}
    for one in workspaces:
        spaces.setdefault(one.pod.meta.namespace, []).append(workload(one))
    return spaces


def _close(world: World) -> str:
    if enforcement.mode(world.deployment, ISOLATION) is Mode.ENFORCE:
        return (
            "the operator isolates workspaces that a label selects, and status.withheld says why it wrote "
            "nothing for others; for a Pod without labels, in the metadata of the Pod in its template:\n"
            + remedies.labels_block({"com.coder.resource": "true"})
        )
    patch = remedies.merge_patch(world, {"enforcement": {"rules": {ISOLATION: "Enforce"}}})
    return (
        "see in status.previews whom it would hit, then confirm it with status.confirm.command, which closes what is "
        f"in use as well; or leave that open with: {patch}"
    )


def in_use(use: Use) -> Finding:
    """Something that leads to a port of workspaces, which stays allowed until somebody takes it away."""
    subject, _, through = use.subject.partition(", ")
    return Finding(
        ISOLATION,
        subject,
        "spec.ports",
        "nothing leads to a workspace's port: Coder's applications and port forwarding need none",
        f"leads to {use.where} of workspaces{', ' + through if through else ''}",
        "remove it, or confirm with status.confirm.command that it may be closed, and the port is closed as "
        "well; or say in spec.waivers why it is wanted",
    )


def _coderd(world: World) -> dict[str, Any]:
    return dict(world.coderd.deployment.selector) if world.coderd else {}


def _port(number: int) -> dict[str, Any]:
    return {"port": number, "protocol": "TCP"}


def _ports(line: str) -> list[dict[str, Any]]:
    """The ports of a line of the table of connections."""
    return [_port(one) for one in numbers(line)]
