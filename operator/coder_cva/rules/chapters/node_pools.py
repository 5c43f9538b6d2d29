"""Node pools: two of them, coderd on one, workspaces on the other, apart (CVA-NODE-*)."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final, TypeAlias

from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.desired import placement
from coder_cva.rules import admission, misplaced, remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.relocation import Relocation
from coder_cva.rules.subjects import (
    CODERD,
    WORKSPACES,
    are,
    live,
    named,
    no_coderd,
    no_coderd_pod,
    no_workspaces,
    workload,
)
from coder_cva.snapshot import marks, pools, records
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.shapes import mappings, texts
from coder_cva.snapshot.shapes import selector as shaped
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

_ITS_OWN: Final = (
    "app.kubernetes.io/instance",
    "com.coder.user.",
    "com.coder.workspace.",
    "pod-template-hash",
)
"""Labels that one workspace, or one user, has alone: by them nobody else is kept off."""


_SNIPPET: Final = {"app.kubernetes.io/instance": marks.WORKSPACE_NAME}
"""What the anti-affinity in the document's snippet selects; a template that gives its Pods this makes it true."""
_COUNTING: Final = {
    "CommonLabel": "over a label that workspaces have in common",
    "AsWritten": "over a label that workspaces have in common or as the document writes it",
}
"""Which terms count, by spec.workspaces.antiAffinity."""


def there_are_two_node_pools(world: World) -> Judgement:
    """CVA-NODE-001: each pool has nodes, and no node is in both. A region has the workspaces' pool only."""
    plane = world.deployment.spec.control_plane
    named_pools = {"workspaces": world.deployment.spec.workspaces.node_pool.selector}
    if plane.node_pool is not None and plane.management != "None":
        named_pools["controlPlane"] = plane.node_pool.selector
    nodes = {
        name: {one.meta.name for one in world.pool(wanted)} for name, wanted in named_pools.items()
    }
    both = sorted(nodes.get("controlPlane", set()) & nodes["workspaces"])
    findings = [_empty(name, named_pools[name]) for name, found in nodes.items() if not found]
    findings += [_in_both(name, named_pools) for name in both]
    neither = {one.meta.name for one in world.snapshot.items(Need.NODES)}.difference(
        *nodes.values()
    )
    counts = ", ".join(f"{len(found)} for {name}" for name, found in sorted(nodes.items()))
    told = f"nodes: {counts}, {len(both)} in both, {len(neither)} in no pool"
    return verdict(findings, held=told, broken=told)


def _empty(name: str, selector: Mapping[str, str]) -> Finding:
    labels = " ".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return Finding(
        "CVA-NODE-001",
        f"Pool {name}",
        f"spec.{name}.nodePool.selector",
        f"nodes with {labels}",
        "no node",
        "set the labels in the configuration of the node group, so that new nodes have them too; to try "
        f"it on one: kubectl label node NODE {labels}",
    )


def _in_both(node: str, named_pools: Mapping[str, Mapping[str, str]]) -> Finding:
    plane, spaces = named_pools["controlPlane"], named_pools["workspaces"]
    # A label that both pools ask for keeps the node in both, or takes it out of both.
    kept, own = "control plane", sorted(spaces.keys() - plane.keys())
    if not own:
        kept, own = "workspaces", sorted(plane.keys() - spaces.keys())
    keys = " ".join(f"{key}-" for key in own)
    return Finding(
        "CVA-NODE-001",
        f"Node {node}",
        "metadata.labels",
        "the labels of one of the two pools",
        "the labels of both",
        f"choose labels that only one node group has; to keep this node for the {kept}: kubectl label node "
        f"{node} {keys}",
    )


def coderd_runs_on_its_pool(world: World) -> Judgement:
    """CVA-NODE-003: coderd's Pods are on the control plane's pool, and not all on one node of it."""
    pool = world.deployment.spec.control_plane.node_pool
    if world.coderd is None or pool is None:
        return no_coderd(world)
    placed = [pod for pod in live(world.coderd_pods) if pod.node]
    if not placed:
        return no_coderd_pod(world)
    inside = {one.meta.name for one in world.pool(pool.selector)}
    astray = [pod for pod in placed if pod.node not in inside]
    remedy = _onto_pool(world, world.coderd.deployment, pool)
    findings = [
        Finding(
            "CVA-NODE-003",
            f"Pod {pod.meta.path}",
            "spec.nodeName",
            f"a node with {_text(pool.selector)}",
            pod.node,
            remedy,
        )
        for pod in astray
    ]
    findings += _stacked(world, world.coderd.deployment, placed, inside)
    told = f"{len(placed) - len(astray)} of {len(placed)} Pods of coderd run on the control plane's pool"
    return verdict(findings, held=told, broken=told)


def _onto_pool(world: World, live: records.Deployment, pool: NodePool) -> str:
    if remedies.is_ours(world):
        return _at_admission(world, pool) or _by_preference(world, live)
    values: dict[str, Any] = {"nodeSelector": dict(sorted(pool.selector.items()))}
    if pool.tolerations:
        values["tolerations"] = [one.dump() for one in pool.tolerations]
    return remedies.coderd(world, {"coder": values})


def _at_admission(world: World, pool: NodePool) -> str:
    """What becomes of the next Pod; "" where nothing is done at admission."""
    if admission.idle_for(world, placement.CODERD_ON_POOL):
        return ""
    always = remedies.resource(world, {"controlPlane": {"nodePool": {"placement": "Required"}}})
    match pool.placement:
        case "Required":
            return "the next Pod is bound to the pool at admission, as placement: Required says"
        case "Preferred":
            return f"the next Pod only prefers the pool, as placement: Preferred says; to bind it, {always}"
        case _:
            return (
                "the next Pod is bound to the pool at admission while the pool can take it "
                f"(status.placement.guards says how that stands); to bind it always, {always}"
            )


def _by_preference(world: World, live: records.Deployment) -> str:
    """All that is left is the preference in the template, which the scheduler follows where there is room."""
    why = admission.idle_for(world, placement.CODERD_ON_POOL)
    return (
        f"{why}. The Deployment's template prefers the pool: make room for a replica on a ready node of it, "
        f"and at a quiet hour {_restart(live)}"
    )


def _restart(live: records.Deployment) -> str:
    return f"kubectl -n {live.meta.namespace} rollout restart deployment {live.meta.name}"


def _stacked(
    world: World, live: records.Deployment, placed: list[records.Pod], inside: set[str]
) -> Iterator[Finding]:
    """Several replicas on one node while another one of the pool has room and none."""
    counts = Counter(pod.node for pod in placed)
    crowded = min((node for node, count in counts.items() if count > 1), default="")
    if not crowded:
        return
    shape = next(pod.shape for pod in placed if pod.node == crowded)
    room = pools.Room(world.snapshot, world.memo)
    demand = pools.Demand(
        shape.cpu_request_millicores, shape.memory_request_bytes, shape.scheduling.tolerations
    )
    free = [
        one.meta.name
        for one in world.snapshot.items(Need.NODES)
        if one.meta.name in inside - counts.keys()
        and pools.is_open(one, demand.tolerations)
        and room.fits(one, demand)
    ]
    if free:
        yield Finding(
            "CVA-NODE-003",
            f"Deployment {live.meta.path}",
            "spec.template.spec.affinity.podAntiAffinity",
            "replicas on nodes of their own, so that one node's loss is one replica's",
            f"{counts[crowded]} replicas on node {crowded}, none on {named(free)}",
            _apart(world, live),
        )


def _apart(world: World, live: records.Deployment) -> str:
    """By labels that the Pods have: the chart's own default names the literal release ``coder``."""
    if remedies.is_ours(world):
        return f"the template spreads them already; at a quiet hour: {_restart(live)}"
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": dict(live.selector),
    }
    return remedies.coderd(world, {"coder": {"topologySpreadConstraints": [spread]}})


def workspaces_run_on_their_pool(world: World) -> Judgement:
    """CVA-NODE-005: every workspace that has a node has one of the workspaces' pool."""
    placed = [one for one in world.found.workspaces if one.pod.node]
    if not placed:
        return _none_placed(world)
    astray = misplaced.workspaces(world)
    told = f"{len(placed) - len(astray)} of {len(placed)} workspaces run on their pool"
    if not astray:
        return verdict([], held=told, broken=told)
    relocation = world.once(Relocation)
    findings = _astray(world, astray, relocation)
    moved = misplaced.told(world.once(misplaced.of))
    return verdict(findings, held=told, broken=f"{told}; {moved}")


def _astray(world: World, workspaces: Sequence[Workspace], relocation: Relocation) -> list[Finding]:
    selector = world.deployment.spec.workspaces.node_pool.selector
    return [
        Finding(
            "CVA-NODE-005",
            workload(one),
            "spec.nodeName",
            f"a node with {_text(selector)}",
            f"{one.pod.node} ({remedies.workspace_name(one)}){_chosen(relocation.choice(one))}",
            relocation.remedy(one),
        )
        for one in workspaces
    ]


def _chosen(choice: str) -> str:
    return f", chosen by its own {choice}" if choice else ""


def _none_placed(world: World) -> Judgement:
    waiting = len(world.found.workspaces)
    if not waiting:
        return no_workspaces()
    return unknown("NoneScheduled", f"{are(waiting, 'workspace')} wait for a node, none has one")


def workspaces_keep_off_each_other(world: World) -> Judgement:
    """CVA-NODE-006: a soft anti-affinity by a label that workspaces have in common.

    The document's own snippet selects a label that no workspace of Coder's templates has: taken literally it
    keeps nobody off. Where the spec says so it counts all the same.
    """
    found = world.found.workspaces
    if not found:
        return no_workspaces()
    choice = world.deployment.spec.workspaces.anti_affinity
    close = world.memo.flat(_close, found, choice)
    findings = [
        Finding(
            "CVA-NODE-006",
            workload(one),
            "spec.affinity.podAntiAffinity",
            f"a preferred term of weight 1 by node, {_COUNTING[choice]} (spec.workspaces.antiAffinity: {choice})",
            _distance(one.pod),
            _as_written(one.pod) + _spread(one),
        )
        for one in close
    ]
    told = (
        f"{len(found) - len(close)} of {len(found)} workspaces keep off each other, {_COUNTING[choice]} "
        f"(spec.workspaces.antiAffinity: {choice})"
    )
    return verdict(findings, held=told, broken=told)


def _close(workspaces: tuple[Workspace, ...], choice: str) -> tuple[Workspace, ...]:
    """Those that nothing keeps off the others; by choice the document's snippet is enough."""
    selected: _Selectors = {}
    return tuple(
        one
        for one in workspaces
        if not _keeps_distance(one.pod, selected)
        and not (choice == "AsWritten" and _is_as_written(one.pod))
    )


def _is_as_written(pod: records.Pod) -> bool:
    """Whether it has the term of the document's snippet, whose topology key is left to the reader."""
    selected = (shaped(dig(one, "podAffinityTerm", "labelSelector")) for one in _terms(pod))
    return any(
        one is not None and _asked(one) == _SNIPPET.keys() and selectors.matches(one, _SNIPPET)
        for one in selected
    )


def _as_written(pod: records.Pod) -> str:
    """The snippet as a way out, where the workspace has it."""
    if not _is_as_written(pod):
        return ""
    return (
        "it has the document's own snippet, which keeps nobody off: where that is to count, set "
        "spec.workspaces.antiAffinity: AsWritten. Else "
    )


def _terms(pod: records.Pod) -> Sequence[Mapping[str, Any]]:
    soft = "preferredDuringSchedulingIgnoredDuringExecution"
    return mappings(dig(pod.shape.scheduling.affinity, "podAntiAffinity", soft))


def _is_between_nodes(term: Mapping[str, Any]) -> bool:
    """Between zones, or racks, all workspaces of one may still crowd one node."""
    return bool(dig(term, "podAffinityTerm", "topologyKey") == "kubernetes.io/hostname")


_Selectors: TypeAlias = dict[tuple[str, int], list[Mapping[str, Any]]]
"""By namespace and scheduling, which Pods of one template share as one object, the selectors of terms."""


def _keeps_distance(pod: records.Pod, known: _Selectors) -> bool:
    """Whether a term selects the others of its kind: by labels that are not its own alone, where it is."""
    key = (pod.meta.namespace, id(pod.shape.scheduling))
    if key not in known:
        here = (one for one in _terms(pod) if _is_between_nodes(one) and _is_about_here(one, pod))
        read = (shaped(dig(one, "podAffinityTerm", "labelSelector")) for one in here)
        known[key] = [one for one in read if one is not None]
    return any(_selects_others(one, pod) for one in known[key])


def _selects_others(wanted: Mapping[str, Any], pod: records.Pod) -> bool:
    labels = pod.meta.labels
    common = {
        key: labels[key]
        for key in _asked(wanted)
        if key in labels and (labels[key] == _SNIPPET.get(key) or not key.startswith(_ITS_OWN))
    }
    return selectors.matches(wanted, common)


def _asked(wanted: Mapping[str, Any]) -> set[str]:
    """The labels that a selector asks about."""
    return {
        *wanted.get("matchLabels", ()),
        *(one["key"] for one in wanted.get("matchExpressions", ())),
    }


def _is_about_here(term: Mapping[str, Any], pod: records.Pod) -> bool:
    """Whether a term reaches Pods of the same namespace: it does unless it names others."""
    names = texts(dig(term, "podAffinityTerm", "namespaces"))
    chosen = dig(term, "podAffinityTerm", "namespaceSelector")
    return pod.meta.namespace in names or chosen == {} or (not names and chosen is None)


def _distance(pod: records.Pod) -> str:
    terms = _terms(pod)
    if terms and not any(map(_is_between_nodes, terms)):
        keys = {str(dig(one, "podAffinityTerm", "topologyKey", default="nothing")) for one in terms}
        return f"a preferred term by {named(sorted(keys))}, which lets workspaces crowd one node"
    if terms:
        return "a preferred term that matches no label that workspaces have in common, or not in this namespace"
    if dig(pod.shape.scheduling.affinity, "podAntiAffinity"):
        return "a required term only, which leaves workspaces without a node"
    return "none"


def _spread(workspace: Workspace) -> str:
    block = remedies.spread_block(workspace.pod.meta.labels)
    if any(workspace.pod.meta.labels.get(key) == value for key, value in remedies.SHARED_LABELS):
        return remedies.template(workspace, block)
    key, value = remedies.SHARED_LABELS[0]
    label = remedies.labels_block({key: value})
    return remedies.template(workspace, f"# and in its metadata: {label}\n{block}")


def _text(selector: Mapping[str, str]) -> str:
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


RULES: Final = (
    Rule("CVA-NODE-001", there_are_two_node_pools, frozenset({Need.NODES})),
    Rule("CVA-NODE-003", coderd_runs_on_its_pool, CODERD | {Need.NODES, Need.PODS}),
    Rule(
        "CVA-NODE-005",
        workspaces_run_on_their_pool,
        WORKSPACES | {Need.NODES, Need.PERSISTENT_VOLUMES},
    ),
    Rule("CVA-NODE-006", workspaces_keep_off_each_other, WORKSPACES),
)
