"""The ends of Coder's connections: coderd, provisioners, and the Pods that the spec names."""

from collections.abc import Hashable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from coder_cva.api.v1alpha1.network import Peer as NamedPeer
from coder_cva.catalogue.connections import numbers
from coder_cva.desired.coderd_pod import HTTP_PORT
from coder_cva.rules.subjects import live
from coder_cva.snapshot.discovered import Workload, Workspace
from coder_cva.snapshot.model import ClusterSnapshot, Gathered
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Peer, Reachability
from coder_cva.snapshot.records import Namespace, NetworkPolicy, Pod
from coder_cva.snapshot.world import World, selected
from coder_cva.values import selectors

_SERVED: Final = numbers("workspace-to-coderd")
_SERVED_NAMES: Final = frozenset({"http", "https"})


def net_of(world: World) -> Reachability:
    """The NetworkPolicies of the world's cluster, indexed for questions."""
    needs = (Need.NAMESPACES, Need.NETWORK_POLICIES)
    return world.memo.once(_net, *(world.snapshot.items(need) for need in needs))


def _net(namespaces: tuple[Namespace, ...], policies: tuple[NetworkPolicy, ...]) -> Reachability:
    return Reachability(
        ClusterSnapshot(namespaces=Gathered(namespaces), network_policies=Gathered(policies))
    )


def alike(world: World, found: Sequence[Workspace], net: Reachability) -> list[list[Workspace]]:
    """Workspaces in groups of which no policy could tell one from another."""
    known: dict[Hashable, list[Workspace]] = {}
    for part in world.memo.parts(_alike, found, net):
        for kind, those in part.items():
            known.setdefault(kind, []).extend(those)
    return list(known.values())


def _alike(workspaces: tuple[Workspace, ...], net: Reachability) -> dict[Hashable, list[Workspace]]:
    known: dict[Hashable, list[Workspace]] = {}
    for one in workspaces:
        known.setdefault(net.kind(one.pod), []).append(one)
    return known


def coderd_peers(world: World, net: Reachability) -> tuple[Peer, ...]:
    """coderd's Pods, each kind once: replicas of one template are the same to every policy."""
    return _kinds([net.pod(one, "coderd") for one in live(world.coderd_pods)])


def outgoing_peers(world: World, net: Reachability) -> tuple[Peer, ...]:
    """coderd and the external provisioners: both fetch from git and package repositories."""
    others = [
        net.pod(pod, f"provisioner {one.deployment.meta.path}")
        for one in world.found.provisioners
        for pod in live(_pods(world, one))
    ]
    return (*coderd_peers(world, net), *_kinds(others))


def proxy_peers(world: World, net: Reachability, proxy: Workload) -> tuple[Peer, ...]:
    """A workspace proxy's Pods, by its template while none lives; () where none is wanted."""
    name = f"workspace proxy {proxy.deployment.meta.path}"
    if not proxy.deployment.replicas:
        return ()
    here = proxy.deployment
    template = Pod(replace(here.template_meta, namespace=here.meta.namespace), here.shape)
    return _kinds([net.pod(one, name) for one in live(_pods(world, proxy)) or [template]])


def serving_ports(peer: Peer) -> tuple[int, ...]:
    """Where coderd's Pod serves users and agents: what it declares, else the chart's port."""
    declared = {
        number
        for name, number, protocol in peer.ports
        if protocol == "TCP" and (name in _SERVED_NAMES or number in _SERVED)
    }
    return tuple(sorted(declared)) or (HTTP_PORT,)


def matching_peers(
    world: World, net: Reachability, named: NamedPeer, what: str
) -> tuple[Peer, ...]:
    """The live Pods that a peer of the spec names; its absent namespaceSelector is our own namespace."""
    spaces = {one.meta.name: one.meta.labels for one in world.snapshot.items(Need.NAMESPACES)}
    chosen = (
        {world.deployment.namespace}
        if named.namespace_selector is None
        else {
            name
            for name, labels in spaces.items()
            if selectors.matches(named.namespace_selector.dump(), labels)
        }
    )
    wanted = named.pod_selector.dump() if named.pod_selector is not None else {}
    return _kinds(
        [
            net.pod(pod, f"{what} (Pod {pod.meta.path})")
            for pod in live(world.snapshot.items(Need.PODS))
            if pod.meta.namespace in chosen and selectors.matches(wanted, pod.meta.labels)
        ]
    )


def _pods(world: World, workload: Workload) -> list[Pod]:
    here, pods = workload.deployment, world.snapshot.items(Need.PODS)
    return [*world.memo.flat(selected, pods, here.meta.namespace, here.selector)]


def _kinds(peers: Iterable[Peer]) -> tuple[Peer, ...]:
    """Of Pods that no policy could tell apart the first."""
    known: dict[object, Peer] = {}
    for one in peers:
        kind = (one.namespace, tuple(sorted(one.labels.items())), one.ports, one.host_network)
        known.setdefault(kind, one)
    return tuple(known.values())
