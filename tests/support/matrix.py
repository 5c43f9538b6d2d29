"""The table of connections under every profile: a cluster with all its ends, our policies, and what is asked of them.

``possible`` is the one place that asks the evaluator of NetworkPolicies.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from coder_cva.catalogue.connections import Connection, End, Membership, connections
from coder_cva.desired.networking import build_network_policies
from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Peer, Reachability
from support import builders as b
from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy
from support.deployments import adopted
from support.policies import service
from support.workspace_manifests import workspace_deployment, workspace_id

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

TESTED_BY: Final = (
    "tests/unit/desired/test_matrix.py::test_a_connection_is_possible_where_its_line_says"
)
"""The test of each line, which has the line's id in brackets."""
IN_USE: Final = 3000
SPACE: Final = "team-a"

_NEEDED: Final = [
    {
        "name": "database",
        "connection": "coderd-to-postgresql",
        "why": "Coder's state",
        "cidrs": ["10.20.0.5/32"],
        "ports": [{"port": 5432}],
    },
    {
        "name": "kube-api",
        "connection": "coderd-to-kube-api",
        "why": "built-in provisioners make workspaces",
        "cidrs": ["10.20.0.1/32"],
        "ports": [{"port": 443}, {"port": 6443}],
    },
]
_CLUSTER: Final = {
    "name": "kube-api",
    "connection": "provisioner-to-kube-api",
    "why": "external provisioners make workspaces",
    "cidrs": ["10.20.0.1/32"],
    "ports": [{"port": 443}, {"port": 6443}],
}
_LISTED: Final = {"controlPlane": _NEEDED, "provisioners": [_CLUSTER]}
_RESTRICTED: Final = {
    "workspaceEgress": "Restricted",
    "controlPlaneEgress": "Restricted",
    "provisionerEgress": "Restricted",
    "proxyEgress": "Restricted",
    "egress": _LISTED,
}
_EVERYBODY: Final = ["Workspaces", "ControlPlane", "Provisioners", "Proxies"]
_EVERYTHING: Final = {"name": "world", "why": "the test lists it all", "cidrs": ["0.0.0.0/0"]}
_SCRAPERS: Final = {
    "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "metrics"}}
}
_OTHERS: Final = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "default"}}}

PROFILES: Final[dict[str, dict[str, Any]]] = {
    "Open": {},
    "Open, a Service leads to the workspace": {},
    "Open, the scraper is named": {"monitoring": [_SCRAPERS]},
    "Open, another scraper is named": {"monitoring": [_OTHERS]},
    "Open, the metadata address closed": {"blockMetadataAddressFor": _EVERYBODY},
    "Restricted": _RESTRICTED,
    "Restricted, no direct connections": {
        **_RESTRICTED,
        "egress": {**_LISTED, "directConnections": False},
    },
    "Restricted, the metadata address closed": {
        **_RESTRICTED,
        "blockMetadataAddressFor": _EVERYBODY,
    },
    "Restricted, everything listed": {
        **_RESTRICTED,
        "egress": {
            "workspaces": [_EVERYTHING],
            "controlPlane": [*_NEEDED, _EVERYTHING],
            "provisioners": [_CLUSTER, _EVERYTHING],
            "proxies": [_EVERYTHING],
        },
    },
}
"""What ``spec.network`` says."""
_NO_CILIUM: Final = {Need.CILIUM_POLICIES: Absence.NOT_SERVED}
BEYOND: Final = {"coderd-to-postgresql", "coderd-to-kube-api", "provisioner-to-kube-api"}
"""Lines that every Restricted profile lists: without them the restriction is held back."""

_ADDRESSES: Final = {
    End.ACCESS_URL: "203.0.113.10",
    End.ENTRY: "203.0.113.10",
    End.STUN: "74.125.250.129",
    End.PEERS: "198.51.100.77",
    End.RELAYS: "192.0.2.44",
    End.METADATA: "169.254.169.254",
    End.POD_IDENTITY: "169.254.170.23",
    End.POSTGRESQL: "10.20.0.5",
    End.KUBE_API: "10.20.0.1",
    End.CLOUD: "52.94.76.10",
    End.GIT: "140.82.112.3",
    End.OIDC: "20.190.128.1",
    End.PACKAGES: "151.101.0.223",
    End.REGISTRIES: "140.82.112.33",
    End.HOSTED_SERVICES: "34.71.10.10",
    End.USERS: "198.51.100.20",
    End.NODES: "10.1.0.7",
    End.API_SERVER: "10.20.0.1",
}
_PODS: Final = {
    End.DNS: ("kube-system", {"k8s-app": "kube-dns"}),
    End.INGRESS_CONTROLLERS: ("ingress-nginx", {"app.kubernetes.io/name": "ingress-nginx"}),
    End.SCRAPERS: ("metrics", {"app.kubernetes.io/name": "prometheus"}),
    End.OPERATOR: ("coder-cva-system", {"app.kubernetes.io/name": "coder-cva-operator"}),
    End.ANYONE: ("default", {"app": "stranger"}),
}


def expected(line: Connection, profile: str) -> bool:
    """Whether the connection is one that the profile includes, by its line alone."""
    is_restricted = profile.startswith("Restricted")
    excluding = {
        Membership.ALWAYS: False,
        Membership.NAMED: profile == "Open, another scraper is named",
        Membership.IN_USE: profile != "Open, a Service leads to the workspace",
        Membership.DIRECT: profile == "Restricted, no direct connections",
        Membership.METADATA: profile.endswith("the metadata address closed"),
        Membership.LISTED: is_restricted
        and profile != "Restricted, everything listed"
        and line.id not in BEYOND,
    }
    return not excluding[line.membership]


@cache
def cluster(profile: str) -> World:
    """A world with every end of the table in it, and the policies that we write there."""
    cr = adopted("coder")
    cr["spec"]["enforcement"] = {"rules": {"CVA-NET-003": "Enforce", "CVA-NET-005": "Enforce"}}
    cr["spec"]["network"] = {
        "accessURLCIDRs": ["203.0.113.0/24"],
        "ingressControllers": [
            {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "ingress-nginx"}}}
        ],
        **PROFILES[profile],
    }
    settings = [
        {"name": "CODER_ACCESS_URL", "value": "https://coder.example.com"},
        {"name": "CODER_TLS_ADDRESS", "value": "0.0.0.0:8443"},
    ]
    everybody = [
        b.pools(),
        b.namespace(SPACE, annotations={"cva.coder.com/deployment": "coder/coder"}),
        b.all_running(chart_coderd(replicas=2, env=settings)),
        b.all_running(chart_proxy()),
        b.all_running(chart_provisioner()),
        b.all_running(workspace_deployment("one", SPACE)),
        *(b.pod(end.value, space, labels=labels) for end, (space, labels) in _PODS.items()),
    ]
    if profile == "Open, a Service leads to the workspace":
        chosen = {"com.coder.workspace.id": workspace_id("one")}
        everybody.append(service("app", chosen, IN_USE, SPACE))
    before = b.world(cr, everybody, unavailable=_NO_CILIUM)
    return b.world(cr, everybody, build_network_policies(before).objects, unavailable=_NO_CILIUM)


def possible(world: World, line: Connection) -> list[bool | None]:
    """What the evaluator says of a line, for each of its ports: both ends of a range, one of any."""
    net = Reachability(world.snapshot)
    source, target = _peer(world, net, line.source), _peer(world, net, line.destination)
    asked = [
        (number, one.protocol) for one in line.ports for number in {one.port, one.end or one.port}
    ]
    return [
        net.connection(source, target, port, protocol).possible
        for port, protocol in asked or [(IN_USE, "TCP")]
    ]


def lines() -> tuple[Connection, ...]:
    """The table's lines."""
    return connections().connections


def _peer(world: World, net: Reachability, end: End) -> Peer:
    if end in _ADDRESSES:
        return Peer(end.value, ranges=(address_ranges.networks([_ADDRESSES[end]]),))
    namespace, labels = _PODS.get(end) or _CODER[end]
    found = next(
        pod
        for pod in world.snapshot.within(Need.PODS, namespace)
        if labels.items() <= pod.meta.labels.items()
    )
    return net.pod(found)


_CODER: Final = {
    End.CODERD: ("coder", {"app.kubernetes.io/instance": "coder"}),
    End.PROXIES: ("coder", {"app.kubernetes.io/instance": "coder-proxy"}),
    End.PROVISIONERS: ("coder", {"app.kubernetes.io/name": "coder-provisioner"}),
    End.WORKSPACES: (SPACE, {"com.coder.resource": "true"}),
}
