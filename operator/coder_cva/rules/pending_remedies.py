"""Why workspaces of one cause wait in, what to change out: at the pool, or in their template (CVA-NODE-004)."""

from collections.abc import Callable, Sequence
from shlex import join
from typing import Final

from coder_cva.desired.placement import WORKSPACES_ON_POOL
from coder_cva.rules import admission, remedies
from coder_cva.rules.pending_cause import Cause, Kind
from coder_cva.rules.replica_room import Amount
from coder_cva.rules.scheduler_words import Reason
from coder_cva.rules.subjects import are
from coder_cva.snapshot import pools
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.world import World

_Waiting = Sequence[Workspace]


def remedy(world: World, cause: Cause, waiting: _Waiting) -> str:
    """What helps; where a template is named it is that of the one that waits longest."""
    return _REMEDIES[cause.kind](world, cause, waiting)


def _claims(_world: World, _cause: Cause, waiting: _Waiting) -> str:
    """Which of them it is only their events tell, and a Pod names them as it likes; their classes are judged by CVA-STO-002."""
    place, names = waiting[0].pod.meta.namespace, join(waiting[0].pod.shape.claims)
    return f"its volume is missing, and its claim's events say why: kubectl -n {place} describe pvc {names}".rstrip()


def _fill(world: World, _cause: Cause, _waiting: _Waiting) -> str:
    return (
        f"the pool has no node (kubectl get nodes -l {_labels(world)}): let its autoscaler bring some for Pods that "
        "ask for its labels, or raise the size of the node group"
    )


def _open(world: World, _cause: Cause, _waiting: _Waiting) -> str:
    return (
        f"no node of the pool is ready and open to new Pods: kubectl get nodes -l {_labels(world)}; repair it, or "
        "kubectl uncordon NODE"
    )


def _tolerate(world: World, _cause: Cause, waiting: _Waiting) -> str:
    """In the template, and in the spec where admission gives it from there to every other one."""
    first, pool = waiting[0], world.deployment.spec.workspaces.node_pool
    its, kept = first.pod.shape.scheduling, [one.dump() for one in pool.tolerations]
    node = min(_there(world), key=lambda one: (len(one.taints), one.meta.name))
    missing = [
        pools.toleration(one)
        for one in node.taints
        if pools.repelled([one], [*its.tolerations, *kept])
    ]
    selector = {**its.node_selector, **pool.selector}
    template = remedies.template(first, remedies.selector_block(selector, [*kept, *missing]))
    if not missing or admission.idle_for(world, WORKSPACES_ON_POOL):
        return template
    spec = {"workspaces": {"nodePool": {"tolerations": [*kept, *missing]}}}
    return f"for all workspaces: {remedies.merge_patch(world, spec)}; or {template}"


def _nearer(world: World, cause: Cause, _waiting: _Waiting) -> str:
    return (
        f"a volume stays where it was made, in {cause.about}, and no node of the pool can attach it: add nodes with "
        f"{cause.about} to the pool ({_labels(world)}), in a node group of that place"
    )


def _with_devices(world: World, cause: Cause, _waiting: _Waiting) -> str:
    return (
        f"no node of the pool has {cause.about}: add a node group of such machines with the labels {_labels(world)}, "
        "or where these workspaces belong on nodes of their own, say so, with a reason, in spec.waivers"
    )


def _instead(world: World, cause: Cause, waiting: _Waiting) -> str:
    pool = world.deployment.spec.workspaces.node_pool
    block = remedies.selector_block(pool.selector, [one.dump() for one in pool.tolerations])
    return (
        f"its own {cause.about} leaves it no node of the pool. If it is meant, say so, with a reason, in spec.waivers; "
        f"else, instead of it, {remedies.template(waiting[0], block)}"
    )


def _smaller(world: World, _cause: Cause, waiting: _Waiting) -> str:
    most = max((_amount(one) for one in waiting), key=lambda one: (one.cpu, one.memory))
    return (
        f"no node of the pool holds its {most.text}, were it empty: the largest has {_largest(world).text} allocatable. "
        f"Add a node group of larger machines to the pool ({_labels(world)}), or ask for less in the resources of the "
        f"container in the template of {remedies.workspace_name(waiting[0])}"
    )


def _more(world: World, cause: Cause, waiting: _Waiting) -> str:
    """At least as many more nodes as what waits would fill."""
    total = Amount()
    for one in waiting:
        total = total.plus(_amount(one))
    node = _largest(world)
    pairs = ((total.cpu, node.cpu), (total.memory, node.memory), (total.pods, node.pods))
    count = max([1, *(-(-asked // have) for asked, have in pairs if have)])
    told = (
        f"the pool is full: raise the maximum of its autoscaler, or the size of the node group, by {are(count, 'node')} "
        f"of {node.text} or more, for the {total.text} that wait"
    )
    if Reason.PODS in cause.words.reasons:
        return f"{told}; a node takes {node.pods} Pods, which the node group's maxPods decides"
    return told


def _attached(_world: World, _cause: Cause, _waiting: _Waiting) -> str:
    return (
        "the nodes of the pool have as many volumes as they can attach: raise the maximum of its autoscaler, or the "
        "size of the node group"
    )


def _look(_world: World, _cause: Cause, waiting: _Waiting) -> str:
    meta = waiting[0].pod.meta
    return f"kubectl -n {meta.namespace} describe pod {meta.name}"


_REMEDIES: Final[dict[Kind, Callable[[World, Cause, _Waiting], str]]] = {
    Kind.CLAIM: _claims,
    Kind.EMPTY: _fill,
    Kind.AWAY: _open,
    Kind.TAINT: _tolerate,
    Kind.VOLUME: _nearer,
    Kind.DEVICES: _with_devices,
    Kind.CHOICE: _instead,
    Kind.TOO_LARGE: _smaller,
    Kind.ROOM: _more,
    Kind.ATTACHMENTS: _attached,
    Kind.OTHER: _look,
}


def _labels(world: World) -> str:
    selector = world.deployment.spec.workspaces.node_pool.selector
    return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))


def _there(world: World) -> list[Node]:
    selector = world.deployment.spec.workspaces.node_pool.selector
    nodes = world.pool(selector)
    return [one for one in nodes if pools.is_up(one)]


def _amount(workspace: Workspace) -> Amount:
    shape = workspace.pod.shape
    return Amount(shape.cpu_request_millicores, shape.memory_request_bytes, 1)


def _largest(world: World) -> Amount:
    sizes = (Amount(one.cpu_millicores, one.memory_bytes, one.pods) for one in _there(world))
    return max(sizes, key=lambda one: (one.cpu, one.memory))
