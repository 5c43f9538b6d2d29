"""Where agents of workspaces have to get: coderd and every workspace proxy, each by its own ways (CVA-NET-001)."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from coder_cva.rules import access_url, network_findings
from coder_cva.rules.access_url import AccessPath
from coder_cva.rules.model import Finding
from coder_cva.rules.network_findings import Cuts
from coder_cva.rules.network_peers import coderd_peers, proxy_peers, serving_ports
from coder_cva.rules.subjects import workload
from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.reachability import Answer, Peer, Reachability, best
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World


@dataclass(frozen=True, slots=True)
class Destination:
    """Something that agents dial: its Pods in this cluster, and the way by its URL where that leads out of it.

    One of both is always there; without a Deployment it is in another cluster.
    """

    name: str
    live: Deployment | None
    peers: tuple[Peer, ...]
    outside: AccessPath | None


def destinations(world: World, net: Reachability) -> tuple[Destination, ...]:
    """coderd first, then the proxies; () where coderd should be here and none of its Pods is."""
    proxies = [
        Destination(
            f"workspace proxy {one.deployment.meta.path}",
            one.deployment,
            proxy_peers(world, net, one),
            access_url.proxy_path(one.deployment),
        )
        for one in world.found.proxies
    ]
    wanted = tuple(one for one in proxies if one.peers)
    if world.deployment.spec.control_plane.management == "None":
        if not wanted:
            return ()
        # A region: the control plane is elsewhere, and its proxies know where.
        primary = access_url.primary_path(one.deployment for one in world.found.proxies)
        return (Destination(primary.peer.name, None, (), primary), *wanted)
    peers = coderd_peers(world, net)
    if world.coderd is None or not peers:
        return ()
    coderd = Destination("coderd", world.coderd.deployment, peers, access_url.access_path(world))
    return (coderd, *wanted)


@dataclass
class Reached:
    """How many workspaces reach a destination, what cuts others off, and of whom it cannot be told why."""

    to: Destination
    possible: int = 0
    cuts: Cuts = field(default_factory=Cuts)
    unsure: list[str] = field(default_factory=list)

    def findings(self) -> list[Finding]:
        """The policies in the way, each with the rule that is missing in it."""
        missing = network_findings.workspaces_to(self.to.live, self.to.peers)
        return self.cuts.findings("CVA-NET-001", missing)

    @property
    def doubt(self) -> str:
        """Why it cannot be told of some, and what would tell it."""
        hint = f"; {self.to.outside.hint}" if self.to.outside else ""
        return f"{min(self.unsure)}{hint}"


def reached(net: Reachability, kinds: Iterable[list[Workspace]], to: Destination) -> Reached:
    """What becomes of the connections of workspaces, asked once for each kind of them."""
    found = Reached(to)
    for kind in kinds:
        answer = _dialled(net, net.pod(kind[0].pod, workload(kind[0])), to)
        if answer.possible is False:
            found.cuts.add(answer, len(kind))
        elif answer.possible:
            found.possible += len(kind)
        else:
            found.unsure.append(answer.why)
    return found


def _dialled(net: Reachability, source: Peer, to: Destination) -> Answer:
    """The way that the agent takes. Closed is only an agent that has no way at all.

    Agents dial the URL unless their template says otherwise; where it leads out of the cluster, a way
    to the Pods alone proves nothing yet.
    """
    around = _around(net, source, to.outside) if to.outside else None
    ports = [(target, port) for target in to.peers for port in serving_ports(target)]
    if around is not None and not ports:
        return around
    direct = best(net.connection(source, target, port) for target, port in ports)
    if around is None or to.outside is None:
        return direct
    if to.outside.port is None and around.possible:
        return direct if direct.possible else in_doubt(direct)
    if around.possible is False:
        return direct if direct.possible is False else in_doubt(around)
    return around


def _around(net: Reachability, source: Peer, path: AccessPath) -> Answer:
    """By the URL: to the addresses that are stated for it, else to whichever it has."""
    peers = [path.peer]
    if path.port is not None and not path.peer.ranges:
        peers.append(replace(path.peer, ranges=address_ranges.ANY_ADDRESS))
    return best(net.connection(source, one, path.port) for one in peers)


def in_doubt(answer: Answer, because: str = "") -> Answer:
    """The same answer, no longer certain: it is about a way that may not be the one that is taken."""
    return Answer(
        tuple(replace(one, possible=None, why=f"{one.why}{because}") for one in answer.deciding)
    )
