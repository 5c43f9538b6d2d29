"""How the pools scale: the control plane's not at all, the workspaces' by itself (CVA-NODE-002, CVA-NODE-004)."""

from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Final

from coder_cva.catalogue.architectures import architectures
from coder_cva.desired import coming_nodes
from coder_cva.rules import (
    pending_workspaces,
    remedies,
    scalers,
    scaling_remedies,
    zone_coverage,
)
from coder_cva.rules.model import Finding, Judgement, Rule, failed, not_applicable, unknown, verdict
from coder_cva.rules.subjects import CODERD, are, live, named
from coder_cva.sizing.size import size
from coder_cva.snapshot import group_names, pools, scaling
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.scaling import Evidence, Group, Scaler
from coder_cva.snapshot.world import World

_HOLDS: Final = {
    Scaler.KARPENTER: ("karpenter.sh/do-not-disrupt", "true"),
    Scaler.CLUSTER_AUTOSCALER: ("cluster-autoscaler.kubernetes.io/safe-to-evict", "false"),
}
"""By who takes nodes away, the annotation of a Pod that holds its node as long as it runs there."""
_SIZES: Final = {
    Scaler.CLUSTER_AUTOSCALER: "minSize, maxSize",
    Scaler.CLUSTER_API: "metadata.annotations",
    Scaler.OPENSHIFT: "spec.minReplicas, spec.maxReplicas",
    Scaler.KARPENTER: "spec.disruption.budgets",
    Scaler.GKE: "autoscaling",
}
_TOLD: Final = 3
"""How many groups a message speaks of; findings speak of each."""
_ZONE: Final = "topology.kubernetes.io/zone"
_LABELS: Final = (
    group_names.EKS,
    group_names.EKSCTL,
    group_names.GKE,
    group_names.AKS,
    group_names.KOPS,
    group_names.DOKS,
)


def the_control_planes_pool_is_static(world: World) -> Judgement:
    """CVA-NODE-002: no autoscaler takes a node of the control plane away, and no provider does.

    Static is what has one size, or none of whose nodes may be taken away. That coderd's Pods hold the nodes
    that they run on makes no group static: the next ones may come to stand elsewhere.
    """
    plane = world.deployment.spec.control_plane
    if plane.node_pool is None or plane.management == "None":
        return not_applicable("a region has no control plane of its own")
    selector = plane.node_pool.selector
    nodes = world.pool(selector)
    seen = _evidence(world, nodes, selector)
    by_name = {one.meta.name: one for one in nodes}
    findings = [
        *scalers.findings(world),
        *_taken_away(world, seen, by_name, selector),
        *_spot(nodes),
    ]
    unseen = [by_name[name] for name in seen.unknown if not scaling.is_kept(by_name[name])]
    parts = [_told(seen, nodes), _open_to_workspaces(world, nodes)]
    parts.append(_unseen(unseen, seen) if unseen else "")
    told = "; ".join(one for one in parts if one)
    if findings or (nodes and not unseen):
        return verdict(findings, held=told, broken=told)
    if not nodes:
        return unknown("NoNodeSeen", "no node has the labels of the control plane's pool")
    theirs = any(scaling.is_karpenters(one) for one in unseen)
    annotation = scaling.DO_NOT_DISRUPT if theirs else scaling.SCALE_DOWN_DISABLED
    said = scaling_remedies.annotate(selector, annotation)
    return unknown(
        "NoAutoscalerSeen",
        f"{told}; if they are to stay, say it on them (spec.controlPlane.nodePool.protectNodes does it for "
        f"each new one too): {said}",
    )


def _taken_away(
    world: World, seen: Evidence, nodes: Mapping[str, Node], pool: Mapping[str, str]
) -> Iterator[Finding]:
    """One finding for each group, with what every source says of it; and what would hold coderd's Pods."""
    unheld: dict[Scaler, set[str]] = defaultdict(set)
    for groups in _by_key(seen.groups).values():
        shrinking = [one for one in groups if one.shrinks]
        names = sorted({name for one in shrinking for name in one.nodes})
        loose = [nodes[name] for name in names if not scaling.is_kept(nodes[name])]
        if not loose:
            continue
        # The object that says the sizes, rather than the status that repeats them.
        group = max(shrinking, key=lambda one: one.scaler is not Scaler.CLUSTER_AUTOSCALER)
        said = "; ".join(one.words for one in groups)
        unheld[_holder(group)].update(one.meta.name for one in loose)
        yield Finding(
            "CVA-NODE-002",
            group.resource,
            _SIZES[group.scaler],
            "a size that no autoscaler changes",
            f"{said}: {named([one.meta.name for one in loose])}",
            scaling_remedies.keep_size(group, loose, pool),
        )
    for scaler, loose_names in sorted(unheld.items()):
        yield from _unheld(world, scaler, loose_names)


def _holder(group: Group) -> Scaler:
    """Whose annotations hold a node of the group: machines are taken away by cluster-autoscaler."""
    is_karpenter = group.scaler is Scaler.KARPENTER
    return Scaler.KARPENTER if is_karpenter else Scaler.CLUSTER_AUTOSCALER


def _unheld(world: World, scaler: Scaler, names: Collection[str]) -> Iterator[Finding]:
    """coderd on nodes that may go, without the annotation by which a Pod holds its node (Coder: scale utility)."""
    annotation, value = _HOLDS[scaler]
    there = [one for one in live(world.coderd_pods) if one.node in names]
    without = sum(one.meta.annotations.get(annotation) not in (value, "true") for one in there)
    if without and world.coderd is not None:
        yield Finding(
            "CVA-NODE-002",
            f"Deployment {world.coderd.deployment.meta.path}",
            "spec.template.metadata.annotations",
            f'{annotation}: "{value}" on Pods whose nodes {scaler} takes away',
            f"{without} of {len(there)} Pods without it",
            remedies.coderd(world, {"coder": {"podAnnotations": {annotation: value}}}),
        )


def _spot(nodes: Sequence[Node]) -> Iterator[Finding]:
    by_label: defaultdict[str, list[str]] = defaultdict(list)
    for node in nodes:
        if label := scaling.spot(node):
            by_label[label].append(node.meta.name)
    for label, names in sorted(by_label.items()):
        yield Finding(
            "CVA-NODE-002",
            "Pool controlPlane",
            f"metadata.labels[{label.partition('=')[0]}]",
            "machines that the provider leaves to you",
            f"{label}, which the provider takes back at short notice: {named(names)}",
            "make the node group of on-demand machines, then drain these one by one: "
            f"kubectl drain {min(names)} --ignore-daemonsets",
        )


def _evidence(world: World, nodes: Sequence[Node], selector: Mapping[str, str]) -> Evidence:
    believed = world.autoscaler_namespaces
    return scaling.evidence(world.snapshot, world.now, nodes, selector, believed)


def _open_to_workspaces(world: World, nodes: Sequence[Node]) -> str:
    """A static pool that workspaces fill up has no room for coderd; those that are there CVA-NODE-005 tells."""
    own = world.deployment.spec.workspaces.node_pool.tolerations
    tolerations = [one.dump() for one in own]
    bare = sum(not pools.repelled(one.taints, tolerations) for one in nodes)
    return f"{bare} of the pool's nodes have no taint that keeps workspaces off" if bare else ""


def the_workspaces_pool_scales(world: World) -> Judgement:
    """CVA-NODE-004: an autoscaler brings nodes for workspaces and has room left, and no workspace waits in vain."""
    selector = world.deployment.spec.workspaces.node_pool.selector
    nodes = world.pool(selector)
    seen = _evidence(world, nodes, selector)
    told = _told(seen, nodes)
    waiting = [*pending_workspaces.findings(world), *_out_of_reach(world, seen)]
    groups = list(_by_key(seen.groups).values())
    if any(all(one.has_room for one in group) for group in groups):
        return verdict(waiting, held=told, broken=told)
    by_name = {one.meta.name: one for one in nodes}
    if seen.unknown or not (groups or seen.outside):
        about = _unseen([by_name[name] for name in seen.unknown], seen)
        return failed(f"{told}; {about}", waiting) if waiting else _not_seen(f"{told}; {about}")
    findings = [_stuck(world, group, by_name) for group in groups]
    findings += _unscaled(world, [by_name[name] for name in seen.outside])
    return failed(told, [*findings, *waiting])


def _out_of_reach(world: World, seen: Evidence) -> list[Finding]:
    """Homes without a node where they are, unless somebody may bring one to whichever zone it is asked in.

    That is Karpenter, an autoscaler that shows nothing (GKE's has a group in each zone), and a group of no node.
    """
    statuses = scaling.believed_statuses(world.snapshot, world.autoscaler_namespaces)
    if seen.unknown or any(
        group.target == 0 < group.most for it in statuses for group in it.groups
    ):
        return []
    pool = world.deployment.spec.workspaces.node_pool
    tolerations = [one.dump() for one in pool.tolerations]
    bringers = coming_nodes.bringers(world.snapshot, pool.selector, tolerations)
    anywhere = any(_ZONE not in one.labels for one in bringers)
    return [] if anywhere else zone_coverage.findings(world)


def _not_seen(told: str) -> Judgement:
    return unknown(
        "NoAutoscalerSeen",
        f"{told}; what is read: the status that cluster-autoscaler writes into a ConfigMap "
        "(--write-status-configmap, on unless it is turned off) in a namespace of the cluster's own, Karpenter's NodePools, Cluster API's "
        "MachineDeployments, OpenShift's MachineAutoscalers. Where a provider scales the group and shows it in none of "
        "these, as GKE does, state it with evidence and a date in spec.attestations",
    )


def _stuck(world: World, groups: Sequence[Group], nodes: Mapping[str, Node]) -> Finding:
    """A group that cannot grow: one size, or its largest."""
    group = max(
        groups, key=lambda one: (not one.has_room, one.scaler is not Scaler.CLUSTER_AUTOSCALER)
    )
    node = next((nodes[name] for one in groups for name in one.nodes), None)
    return Finding(
        "CVA-NODE-004",
        group.resource,
        _stuck_by(group),
        "room for one more node" if group.grows else "a size that follows the workspaces",
        "; ".join(one.words for one in groups),
        scaling_remedies.let_grow(group, node, _most(world, group.size)),
    )


def _stuck_by(group: Group) -> str:
    """The field that keeps a group from growing."""
    if group.scaler is not Scaler.KARPENTER:
        return _SIZES[group.scaler]
    if not group.grows:
        return "spec.replicas"
    return "status.conditions[Ready]" if group.failure else "spec.limits"


def _unscaled(world: World, nodes: Sequence[Node]) -> Iterator[Finding]:
    if nodes:
        names = [one.meta.name for one in nodes]
        yield Finding(
            "CVA-NODE-004",
            "Pool workspaces",
            "nodes",
            "a group that an autoscaler scales",
            f"{are(len(nodes), 'node')} in no autoscaler's group: {named(names)}",
            scaling_remedies.bring_under_autoscaler(nodes[0], len(nodes), _most(world, len(nodes))),
        )


def _most(world: World, now: int) -> int:
    """How far to let a group grow: to the edition's table where it has one, else to twice what it is."""
    spec = world.deployment.spec
    table = architectures(spec.edition).tier(size(spec).tier).nodes
    wanted = table.workspaces.count if table is not None else 0
    return wanted if wanted > now else max(2 * now, 1)


def _by_key(groups: Sequence[Group]) -> Mapping[str, list[Group]]:
    found: defaultdict[str, list[Group]] = defaultdict(list)
    for one in groups:
        found[one.key].append(one)
    return found


def _told(seen: Evidence, nodes: Sequence[Node]) -> str:
    words = sorted({one.words for one in seen.groups})
    parts = [are(len(nodes), "node"), *words[:_TOLD]]
    if len(words) > _TOLD:
        parts.append(f"{are(len(words) - _TOLD, 'more group')}")
    if seen.outside:
        parts.append(f"{len(seen.outside)} in no autoscaler's group")
    kept = sum(scaling.is_kept(one) for one in nodes)
    if kept:
        parts.append(f"{kept} kept by annotation")
    return "; ".join(parts)


def _unseen(nodes: Sequence[Node], seen: Evidence) -> str:
    """That nothing says how these nodes scale, and what comes closest to saying it."""
    if not nodes:
        return "; ".join(["no autoscaler's group has these labels", *seen.notes])
    said = f"nothing says how they are scaled: {named([one.meta.name for one in nodes])}"
    groups = {
        f"{key}={one.meta.labels[key]}"
        for one in nodes
        for key in _LABELS
        if key in one.meta.labels
    }
    labels = [f"{', '.join(sorted(groups))} names their group and not its sizes"] if groups else []
    return "; ".join([said, *labels, *seen.notes])


RULES: Final = (
    Rule(
        "CVA-NODE-002",
        the_control_planes_pool_is_static,
        scaling.NEEDS | scalers.NEEDS | CODERD | {Need.PODS},
    ),
    Rule(
        "CVA-NODE-004",
        the_workspaces_pool_scales,
        scaling.NEEDS | pending_workspaces.NEEDS | zone_coverage.NEEDS,
    ),
)
