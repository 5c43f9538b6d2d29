"""Network: the connections that Coder needs, judged over everybody's NetworkPolicies (CVA-NET-*)."""

from collections.abc import Iterator
from typing import Final

from coder_cva.desired import connections, network_workspaces
from coder_cva.desired.coderd_pod import HTTP_PORT, PROMETHEUS_PORT, RELAY_PORT
from coder_cva.rules import database_side, destinations, entries, network_findings, replica_mesh
from coder_cva.rules.access_url import access_path
from coder_cva.rules.destinations import in_doubt
from coder_cva.rules.model import Judgement, Rule, failed, passed, unknown, verdict
from coder_cva.rules.network_findings import Cuts, Ways
from coder_cva.rules.network_peers import (
    alike,
    coderd_peers,
    matching_peers,
    net_of,
    outgoing_peers,
    serving_ports,
)
from coder_cva.rules.strangers import Strangers
from coder_cva.rules.subjects import (
    CODERD,
    NAMESPACES,
    WORKSPACES,
    no_coderd_pod,
    no_workspaces,
)
from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Answer, Peer, Reachability, best
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_HTTPS: Final = 443
_MIRRORS: Final = (_HTTPS, 22, 80, 3000, 3128, 8081, 8888)
"""Where mirrors and proxies listen by their own defaults: HTTPS, SSH, HTTP, Gitea, Squid, Nexus, Tinyproxy."""
_REPOSITORIES: Final = "git and package repositories"
_UNSURE: Final = "AddressNotKnown"
_NOT_NAMED: Final = (
    "; if users come through an Ingress controller or a gateway, name its Pods in "
    "spec.network.ingressControllers"
)
_PERHAPS_NATS: Final = ": replicas need it if they speak NATS to each other, which neither their version nor their variables tell"


def workspaces_reach_the_control_plane(world: World) -> Judgement:
    """CVA-NET-001: each workspace may connect to coderd and to every proxy, to its Pods or by its URL."""
    if not world.found.workspaces:
        return no_workspaces()
    net = net_of(world)
    kinds = alike(world, world.found.workspaces, net)
    found = [destinations.reached(net, kinds, to) for to in destinations.destinations(world, net)]
    if not found:
        return no_coderd_pod(world)
    count = len(world.found.workspaces)
    told = f"{found[0].possible} of {count} workspaces may open a connection to {found[0].to.name}"
    told += "".join(f", {one.possible} to {one.to.name}" for one in found[1:])
    findings = [finding for one in found for finding in one.findings()]
    if findings:
        return failed(told, findings)
    unsure = [one for one in found if one.unsure]
    if unsure:
        return unknown(_UNSURE, f"{told}; of others: {unsure[0].doubt}")
    return passed(told)


def _perhaps(answer: Answer) -> Answer:
    """The same answer, but where it is possible not certain."""
    return in_doubt(answer) if answer.possible else answer


def the_control_plane_reaches_its_database(world: World) -> Judgement:
    """CVA-NET-002: coderd's egress is open, and a coderd that is ready shows that PostgreSQL lets it in.

    Host and port stand in a Secret, so no policy alone can tell.
    """
    net = net_of(world)
    peers = coderd_peers(world, net)
    if not peers:
        return no_coderd_pod(world)
    answers = [net.connection(one, Peer("PostgreSQL"), None) for one in peers]
    closed = [one for one in answers if one.possible is False]
    if closed:
        missing = network_findings.coderd_to_database()
        return failed(closed[0].why, Cuts(closed).findings("CVA-NET-002", missing))
    unsure = [one for one in answers if one.possible is None]
    doubts = [*unsure, *database_side.hindered(world, net, peers)]
    names = sorted({name for one in doubts for name in one.policies})
    witness = database_side.shown_by(world, names)
    proof = "coderd is ready only after it has reached its database"
    if witness and names:
        return passed(f"{witness} became ready under NetworkPolicy {', '.join(names)}, and {proof}")
    if witness:
        return passed(f"{answers[0].why}; {witness} is ready, and {proof}")
    if doubts:
        return unknown(
            _UNSURE,
            f"{doubts[0].why}: where the database is stands in a Secret, whose values are not read; a "
            "replica of coderd that becomes ready under these policies shows that it is reached",
        )
    return unknown(
        "NotShown",
        f"{answers[0].why}, but the database's own side is not seen, and no replica of coderd is ready, "
        "which would show that it is reached",
    )


def the_control_plane_reaches_repositories(world: World) -> Judgement:
    """CVA-NET-003: egress of coderd and of external provisioners to git and packages, over HTTPS."""
    net = net_of(world)
    if not coderd_peers(world, net):
        return no_coderd_pod(world)
    answers = [_fetching(net, one) for one in outgoing_peers(world, net)]
    closed = [one for one in answers if one.possible is False]
    if closed:
        missing = network_findings.coderd_to_repositories()
        return failed(closed[0].why, Cuts(closed).findings("CVA-NET-003", missing))
    unsure = [one for one in answers if one.possible is None]
    if unsure:
        return unknown(
            _UNSURE,
            f"{unsure[0].why}: not every public address is allowed on {_HTTPS}, and where your "
            "repositories are is not known here",
        )
    return passed(answers[0].why)


def _fetching(net: Reachability, source: Peer) -> Answer:
    """To the world on HTTPS; a mirror or a proxy inside may be all that is needed, and is not known here."""
    public = Peer(_REPOSITORIES, ranges=address_ranges.INTERNET)
    inside = Peer(_REPOSITORIES, ranges=address_ranges.ANY_ADDRESS)
    return best(
        (
            net.connection(source, public, _HTTPS),
            *(_perhaps(net.connection(source, Peer(_REPOSITORIES), port)) for port in _MIRRORS),
            _perhaps(net.connection(source, inside, None)),
        )
    )


def users_reach_the_control_plane(world: World) -> Judgement:
    """CVA-NET-004: users come in, replicas reach each other, scrapers that the spec names the metrics."""
    net = net_of(world)
    peers = coderd_peers(world, net)
    if not peers:
        return no_coderd_pod(world)
    way = entries.entry(world, net, {port for one in peers for port in serving_ports(one)})
    answers = [answer for here in peers for answer in _incoming(world, net, here, peers, way.ports)]
    closed = [one for one in answers if one.possible is False]
    findings = Cuts(closed).findings("CVA-NET-004", network_findings.everybody_to_coderd(world))
    if way.possible is False:
        findings.append(entries.missing(world, way))
    if findings:
        return failed(closed[0].why if closed else way.why, findings)
    unsure = [one for one in answers if one.possible is None]
    if unsure:
        return unknown(_UNSURE, unsure[0].why)
    if way.possible is None:
        return unknown("EntryNotKnown", way.why)
    return passed(
        f"users and replicas may open connections to coderd: {answers[0].why}; users come in by {way.why}"
    )


def _incoming(
    world: World, net: Reachability, here: Peer, peers: tuple[Peer, ...], ports: tuple[int, ...]
) -> Iterator[Answer]:
    yield _entry(world, net, here, ports or serving_ports(here))
    if len(world.coderd_pods) > 1 and world.coderd is not None:
        yield from _among_replicas(net, here, peers, world.coderd.deployment)
    outside = access_path(world)
    if outside is not None and outside.peer.ranges:
        # coderd checks its own health through the access URL.
        yield net.connection(here, outside.peer, outside.port)
    for named in world.deployment.spec.network.monitoring:
        for scraper in matching_peers(world, net, named, "scraper"):
            yield net.connection(scraper, here, PROMETHEUS_PORT)


def _among_replicas(
    net: Reachability, here: Peer, peers: tuple[Peer, ...], live: Deployment
) -> Iterator[Answer]:
    """Replicas relay to each other on 8080; newer ones carry NATS, on a port of its own."""
    needed = replica_mesh.speaks_nats(live)
    for other in peers:
        yield net.connection(other, here, HTTP_PORT)
        if needed is not False:
            answer = net.connection(other, here, RELAY_PORT)
            yield answer if needed or answer.possible else in_doubt(answer, _PERHAPS_NATS)


def _entry(world: World, net: Reachability, here: Peer, ports: tuple[int, ...]) -> Answer:
    """From anywhere, or else from the Ingress controllers that the spec names."""

    def on_any_port(source: Peer) -> Answer:
        return best(net.connection(source, here, port) for port in ports)

    direct = on_any_port(Peer("users", ranges=address_ranges.ANY_ADDRESS))
    if direct.possible:
        return direct
    through = [
        on_any_port(controller)
        for named in world.deployment.spec.network.ingress_controllers
        for controller in matching_peers(world, net, named, "Ingress controller")
    ]
    if through:
        return next((one for one in through if not one.possible), through[0])
    # A rule for some Pods may be meant for a controller that the spec does not name.
    answer = best((direct, on_any_port(Peer("users"))))
    return in_doubt(answer, _NOT_NAMED) if answer.possible is None else answer


def workspaces_accept_no_connections(world: World) -> Judgement:
    """CVA-NET-005: no stranger can open a connection to a workspace, and nothing leads to its ports."""
    found = world.found.workspaces
    if not found:
        return no_workspaces()
    net = net_of(world)
    strangers = Strangers(net, found, world.memo)
    ways, uses = Ways(), list[connections.Use]()
    for space, here in world.workspaces_by_namespace.items():
        led = connections.connections(world, space, here)
        known = network_workspaces.still_open(world, space, led)
        used = frozenset(port for use in known for port in use.ports)
        uses += known
        for kind in alike(world, here, net):
            ways.add(strangers.ways(net.pod(kind[0].pod), used), kind)
    told = (
        f"{len(found) - ways.count} of {len(found)} workspaces are closed to strangers, and of "
        f"Services and scrapers {len(uses)} lead to ports of workspaces"
    )
    findings = [*ways.findings(world), *map(network_findings.in_use, uses)]
    if not findings and ways:
        return unknown(_UNSURE, f"{told}; {ways.doubt}")
    return verdict(findings, held=told, broken=told)


_POLICIES: Final = frozenset({Need.PODS, Need.NAMESPACES, Need.NETWORK_POLICIES})
_LEADING: Final = frozenset({Need.SERVICES, Need.INGRESSES, Need.HTTP_ROUTES})
RULES: Final = (
    Rule("CVA-NET-001", workspaces_reach_the_control_plane, WORKSPACES | _POLICIES),
    Rule(
        "CVA-NET-002", the_control_plane_reaches_its_database, CODERD | _POLICIES | {Need.SERVICES}
    ),
    Rule("CVA-NET-003", the_control_plane_reaches_repositories, NAMESPACES | _POLICIES),
    Rule("CVA-NET-004", users_reach_the_control_plane, CODERD | _POLICIES | _LEADING),
    Rule("CVA-NET-005", workspaces_accept_no_connections, WORKSPACES | _POLICIES | _LEADING),
)
