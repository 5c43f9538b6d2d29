"""Node pools: two of them, coderd on one, workspaces on the other, apart (CVA-NODE-*)."""

from collections.abc import Mapping
from typing import Final

from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, verdict
from coder_cva.rules.subjects import no_coderd, no_workspaces
from coder_cva.snapshot import pools, records
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import dig


def there_are_two_node_pools(world: World) -> Judgement:
    """CVA-NODE-001: each pool has nodes, and no node is in both."""
    plane = world.deployment.spec.control_plane.node_pool
    spaces = world.deployment.spec.workspaces.node_pool
    named = {"workspaces": spaces.selector}
    if plane is not None:
        named["controlPlane"] = plane.selector
    nodes = {name: pools.pool_nodes(wanted, world.snapshot) for name, wanted in named.items()}
    findings = [_empty(name, named[name]) for name, found in nodes.items() if not found]
    both = {one.meta.name for one in nodes.get("controlPlane", ())} & {
        one.meta.name for one in nodes["workspaces"]
    }
    findings += [_in_both(name, named) for name in sorted(both)]
    counts = ", ".join(f"{len(found)} for {name}" for name, found in sorted(nodes.items()))
    return verdict(
        findings,
        held=f"nodes: {counts}, none in both",
        broken=f"nodes: {counts}, {len(both)} in both",
    )


def _empty(name: str, selector: Mapping[str, str]) -> Finding:
    labels = " ".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return Finding(
        "CVA-NODE-001",
        f"Pool {name}",
        f"spec.{name}.nodePool.selector",
        f"nodes with {labels}",
        "none",
        f"kubectl label node NODE {labels}, or better the label in the node group's own configuration",
    )


def _in_both(node: str, named: Mapping[str, Mapping[str, str]]) -> Finding:
    keys = " ".join(f"{key}-" for key in sorted(named["workspaces"]))
    return Finding(
        "CVA-NODE-001",
        f"Node {node}",
        "metadata.labels",
        "the labels of one of the two pools",
        "the labels of both",
        f"kubectl label node {node} {keys}",
    )


def coderd_runs_on_its_pool(world: World) -> Judgement:
    """CVA-NODE-003: every coderd Pod that has a node has one of the control plane's pool."""
    pool = world.deployment.spec.control_plane.node_pool
    if world.coderd is None or pool is None:
        return no_coderd(world)
    placed = [pod for pod in world.coderd_pods if pod.node]
    if not placed:
        return not_applicable("no Pod of coderd is scheduled")
    astray = _astray(world, placed, pool.selector)
    values = {
        "coder": {
            "nodeSelector": dict(sorted(pool.selector.items())),
            "tolerations": [one.dump() for one in pool.tolerations],
        }
    }
    findings = [
        Finding(
            "CVA-NODE-003",
            f"Pod {pod.meta.path}",
            "spec.nodeName",
            f"a node with {_text(pool.selector)}",
            pod.node,
            "the next start of this Pod is placed at admission while the pool can take it; to have it in the "
            "template too, "
            + remedies.coderd(world, values, "spec.controlPlane.nodePool.placement: Required"),
        )
        for pod in astray
    ]
    told = f"{len(placed) - len(astray)} of {len(placed)} Pods of coderd run on the control plane's pool"
    return verdict(findings, held=told, broken=told)


def workspaces_run_on_their_pool(world: World) -> Judgement:
    """CVA-NODE-005: every workspace that has a node has one of the workspaces' pool."""
    selector = world.deployment.spec.workspaces.node_pool.selector
    placed = [one.pod for one in world.found.workspaces if one.pod.node]
    if not placed:
        return no_workspaces()
    astray = _astray(world, placed, selector)
    findings = [
        Finding(
            "CVA-NODE-005",
            f"Pod {pod.meta.path}",
            "spec.nodeName",
            f"a node with {_text(selector)}",
            f"{pod.node} ({remedies.workspace_name(pod)})",
            remedies.template(remedies.workspace_name(pod), remedies.selector_block(selector)),
        )
        for pod in astray
    ]
    told = f"{len(placed) - len(astray)} of {len(placed)} workspaces run on their pool"
    return verdict(findings, held=told, broken=told)


def workspaces_keep_off_each_other(world: World) -> Judgement:
    """CVA-NODE-006: a soft anti-affinity by a label that the workspace itself has.

    The document's own snippet selects a label that no workspace has: taken literally it matches nothing.
    """
    found = [one.pod for one in world.found.workspaces]
    if not found:
        return no_workspaces()
    without = [pod for pod in found if not _keeps_distance(pod)]
    findings = [
        Finding(
            "CVA-NODE-006",
            f"Pod {pod.meta.path}",
            "spec.affinity.podAntiAffinity",
            "a preferred term of weight 1 by node, over a label that workspaces have",
            "none that selects this workspace's own kind",
            remedies.template(remedies.workspace_name(pod), remedies.spread_block()),
        )
        for pod in without
    ]
    told = f"{len(found) - len(without)} of {len(found)} workspaces keep off each other"
    return verdict(findings, held=told, broken=told)


def _keeps_distance(pod: records.Pod) -> bool:
    soft = "preferredDuringSchedulingIgnoredDuringExecution"
    for term in dig(pod.shape.scheduling.affinity, "podAntiAffinity", soft, default=[]):
        wanted = dig(term, "podAffinityTerm", "labelSelector")
        if wanted and selectors.matches(wanted, pod.meta.labels):
            return True
    return False


def _astray(
    world: World, pods: list[records.Pod], selector: Mapping[str, str]
) -> list[records.Pod]:
    inside = {one.meta.name for one in pools.pool_nodes(selector, world.snapshot)}
    return [pod for pod in pods if pod.node not in inside]


def _text(selector: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


_FOUND: Final = frozenset(
    {Need.PODS, Need.DEPLOYMENTS, Need.REPLICA_SETS, Need.NAMESPACES, Need.ROLE_BINDINGS}
)
"""What recognising coderd's Pods and workspaces takes."""
RULES: Final = (
    Rule("CVA-NODE-001", there_are_two_node_pools, frozenset({Need.NODES})),
    Rule("CVA-NODE-003", coderd_runs_on_its_pool, _FOUND | {Need.NODES}),
    Rule("CVA-NODE-005", workspaces_run_on_their_pool, _FOUND | {Need.NODES}),
    Rule("CVA-NODE-006", workspaces_keep_off_each_other, _FOUND),
)
