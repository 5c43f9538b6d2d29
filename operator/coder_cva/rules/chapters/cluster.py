"""The cluster as a whole: who else runs in it, and in which regions it stands (CVA-GEN-001, CVA-GEN-002)."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from typing import Final

from coder_cva.catalogue.addons import addons
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import WORKSPACES, are, live, named
from coder_cva.snapshot import marks
from coder_cva.snapshot.controllers import Controllers, controllers
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node, Pod
from coder_cva.snapshot.workspaces import proof_of
from coder_cva.snapshot.world import World

_OF_THE_NODE: Final = frozenset({"DaemonSet", "Node"})
"""Controllers whose Pods belong to the nodes, whatever runs on them."""
_NAMING: Final = (marks.NAME, "app.kubernetes.io/part-of", "k8s-app", "app")
_REGION: Final = "topology.kubernetes.io/region"


def coder_has_a_cluster_of_its_own(world: World) -> Judgement:
    """CVA-GEN-001: beside Coder and its workspaces only what a cluster needs to run at all.

    Whether what runs elsewhere is production nobody can see: that is why the clause is advice.
    """
    own = _own_namespaces(world)
    others: dict[str, list[Pod]] = defaultdict(list)
    known = controllers(world.snapshot, world.memo)
    for pod in world.memo.flat(_elsewhere, world.snapshot.items(Need.PODS), own, known):
        others[pod.meta.namespace].append(pod)
    findings = [_foreign(world, name, others[name], known) for name in sorted(others)]
    return verdict(
        findings,
        held=f"beside Coder's own namespaces ({named(sorted(own))}) only add-ons of the cluster run here",
        broken=f"{are(len(others), 'other namespace')} with workloads: {named(sorted(others))}",
    )


def _own_namespaces(world: World) -> frozenset[str]:
    """Where Coder's own parts and its workspaces are, also those of other CoderDeployments."""
    parts = (*world.found.coderd, *world.found.proxies, *world.found.provisioners)
    return frozenset(
        {
            world.deployment.namespace,
            world.operator_namespace,
            *(one.namespace for one in world.others),
            *(one.name for one in world.found.namespaces),
            *(one.deployment.meta.namespace for one in parts),
        }
    )


def _elsewhere(
    pods: tuple[Pod, ...], own: frozenset[str], controllers: Controllers
) -> tuple[Pod, ...]:
    """Live Pods of others, which belong neither to Coder nor to the cluster."""
    return tuple(
        pod
        for pod in live(pods)
        if pod.meta.namespace not in own
        and not _is_of_the_cluster(pod)
        and not _is_coders(pod, controllers)
    )


def _is_coders(pod: Pod, controllers: Controllers) -> bool:
    """Whether it is a part of Coder or a workspace, of whichever deployment: consent is not asked for here."""
    return bool(pod.shape.role or proof_of(pod, controllers))


def _is_of_the_cluster(pod: Pod) -> bool:
    known = addons()
    if known.has_namespace(pod.meta.namespace):
        return True
    if pod.meta.owner is not None and pod.meta.owner.kind in _OF_THE_NODE:
        return True
    return any(pod.meta.labels.get(key) in known.workloads for key in _NAMING)


def _foreign(
    world: World, namespace: str, pods: Collection[Pod], controllers: Controllers
) -> Finding:
    what = [controllers.name_of(one.meta) or f"Pod {one.meta.name}" for one in pods]
    resource = f"Namespace {namespace}"
    return Finding(
        "CVA-GEN-001",
        resource,
        expected="Coder alone, apart from production applications",
        observed=f"{are(len(pods), 'Pod')}: {named(what)}",
        remedy="move what is production to another cluster. Where it belongs to this one, as an add-on does, "
        + remedies.waiver(world, "CVA-GEN-001", resource, "an add-on of this cluster"),
    )


def regions_are_deployments_of_their_own(world: World) -> Judgement:
    """CVA-GEN-002: this deployment's nodes are in one region; another region has its own, with a proxy.

    Source of one region: Coder's advice on scaling (replicas and database within 10 ms of each other).
    """
    plane = world.deployment.spec.control_plane
    groups = {
        "controlPlane": _nodes(world, plane.node_pool.selector if plane.node_pool else {}),
        "workspaces": _nodes(world, world.deployment.spec.workspaces.node_pool.selector),
    }
    everything = [node for nodes in groups.values() for node in nodes]
    if not everything:
        return unknown("NoNodeSeen", "no node has the labels of a pool, so no region is seen")
    bare = [one for one in everything if _REGION not in one.meta.labels]
    if bare:
        return unknown(
            "RegionNotLabelled",
            f"{are(len(bare), 'node')} of the pools without the label {_REGION}: {named(_names(bare))}",
        )
    home = _regions(groups["controlPlane"])
    findings = [*_divided(home), *_far_away(world, home, _regions(groups["workspaces"]))]
    return verdict(
        findings,
        held=f"all nodes of the pools are in region {named(sorted(_regions(everything)))}",
        broken=f"the pools are in regions {named(sorted(_regions(everything)))}",
    )


def _nodes(world: World, selector: Mapping[str, str]) -> tuple[Node, ...]:
    return world.pool(selector)


def _names(nodes: Iterable[Node]) -> list[str]:
    return [one.meta.name for one in nodes]


def _regions(nodes: Iterable[Node]) -> set[str]:
    return {one.meta.labels[_REGION] for one in nodes}


def _divided(home: set[str]) -> list[Finding]:
    if len(home) <= 1:
        return []
    return [
        Finding(
            "CVA-GEN-002",
            "Pool controlPlane",
            f"metadata.labels[{_REGION}]",
            "one region: replicas of coderd and the database are within 10 ms of each other",
            named(sorted(home)),
            "keep the control plane's node group in the region of the database, and give each other region a "
            "CoderDeployment of its own with spec.controlPlane.management: None and a workspace proxy",
        )
    ]


def _far_away(world: World, home: set[str], places: set[str]) -> list[Finding]:
    """Regions in which workspaces may run, with neither control plane nor proxy."""
    served = home | _proxied(world)
    return [
        Finding(
            "CVA-GEN-002",
            f"Region {region}",
            f"metadata.labels[{_REGION}]",
            "a workspace proxy in the region, or no nodes of the workspaces' pool",
            f"nodes of the workspaces' pool, and the control plane is in {named(sorted(home))}",
            f"install Coder's chart with coder.workspaceProxy: true on nodes of {region}, in a CoderDeployment of "
            "its own with spec.controlPlane.management: None",
        )
        for region in sorted(places - served)
        if home
    ]


def _proxied(world: World) -> set[str]:
    """The regions in which a Pod of a workspace proxy runs."""
    where = {node.meta.name: node for node in world.snapshot.items(Need.NODES)}
    proxies = world.memo.flat(_proxies, world.snapshot.items(Need.PODS))
    nodes = [where[pod.node] for pod in proxies if pod.node in where]
    return {one.meta.labels.get(_REGION, "") for one in nodes}


def _proxies(pods: tuple[Pod, ...]) -> tuple[Pod, ...]:
    return tuple(pod for pod in live(pods) if pod.shape.role == "wsproxy")


RULES: Final = (
    Rule("CVA-GEN-001", coder_has_a_cluster_of_its_own, WORKSPACES),
    Rule("CVA-GEN-002", regions_are_deployments_of_their_own, frozenset({Need.NODES, Need.PODS})),
)
