"""A pool's selector and a snapshot in, which of its nodes could take a Pod out.

The guard of placement asks this: a pool that can take the Pod may be required, any other is only
preferred, so that a pool that vanishes never keeps a Pod from starting.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from coder_cva.snapshot.model import ClusterSnapshot, Unavailable
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node, Pod
from coder_cva.snapshot.workspaces import FINISHED
from coder_cva.values.memo import Memo
from coder_cva.values.selectors import has_labels

_REPELLING = frozenset({"NoSchedule", "NoExecute"})
_CORDON = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
_PASSING = (
    "node.kubernetes.io/",
    "node.cloudprovider.kubernetes.io/",
    "karpenter.sh/",
    "ToBeDeletedByClusterAutoscaler",
    "DeletionCandidateOfClusterAutoscaler",
)
"""How the keys of taints begin that come and go with a node's state, or mark it as about to go.

Beside them network plugins and CSI drivers keep Pods off until their agent runs: Cilium, AWS EBS.
"""


@dataclass(frozen=True, slots=True)
class Demand:
    """What a Pod needs of a node; nothing at all fits wherever one more Pod fits."""

    cpu_millicores: int = 0
    memory_bytes: int = 0
    tolerations: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True, slots=True)
class PoolState:
    """How many nodes of a pool match its selector, of these are ready and open, of these have room.

    ``unread`` names the kinds without which room cannot be known; ``roomy`` is 0 then.
    """

    matching: int
    ready: int
    roomy: int
    unread: tuple[Need, ...] = ()

    @property
    def can_take(self) -> bool:
        """Whether a Pod of the demand would be placed on the pool now."""
        return self.roomy > 0


@dataclass(frozen=True, slots=True)
class Free:
    """What is left of a node: millicores, bytes, Pods. Negative where it is overbooked."""

    cpu_millicores: int
    memory_bytes: int
    pods: int


def pool_nodes(selector: Mapping[str, str], snapshot: ClusterSnapshot) -> tuple[Node, ...]:
    """The nodes with all labels of the selector, in the order of the snapshot.

    An empty selector is no pool and has none: every node would be in it.
    """
    return having(selector, snapshot.items(Need.NODES))


def having(selector: Mapping[str, str], nodes: tuple[Node, ...]) -> tuple[Node, ...]:
    """The same, of these nodes."""
    if not selector:
        return ()
    return tuple(node for node in nodes if has_labels(selector, node.meta.labels))


class Room:
    """What is free on the nodes of one snapshot. The Pods are counted once, for every question."""

    def __init__(self, snapshot: ClusterSnapshot, memo: Memo) -> None:
        self._snapshot = snapshot
        self._unread = tuple(
            need
            for need in (Need.NODES, Need.PODS)
            if isinstance(snapshot.reading(need), Unavailable)
        )
        taken = memo.parts(_taken, snapshot.items(Need.PODS))
        self._free = memo.once(_free, snapshot.items(Need.NODES), taken)

    def free(self, node: Node) -> Free:
        """Allocatable minus the requests of the Pods that are bound to the node."""
        return self._free[node.meta.name]

    def state(self, selector: Mapping[str, str], demand: Demand) -> PoolState:
        """The pool of this selector, for a Pod of this demand."""
        nodes = pool_nodes(selector, self._snapshot)
        open_ones = [node for node in nodes if is_open(node, demand.tolerations)]
        roomy = 0 if self._unread else sum(self.fits(node, demand) for node in open_ones)
        return PoolState(len(nodes), len(open_ones), roomy, self._unread)

    def fits(self, node: Node, demand: Demand) -> bool:
        """Whether one more Pod of this demand fits, by the scheduler's own reckoning of requests."""
        free = self.free(node)
        return (
            free.pods >= 1
            and (not demand.cpu_millicores or demand.cpu_millicores <= free.cpu_millicores)
            and (not demand.memory_bytes or demand.memory_bytes <= free.memory_bytes)
        )


def is_open(node: Node, tolerations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a node is ready, and neither its cordon nor its taints keep the Pod away."""
    taints = (*node.taints, _CORDON) if node.unschedulable else node.taints
    return node.ready and not repelled(taints, tolerations)


def repelled(taints: Iterable[Mapping[str, str]], tolerations: Sequence[Mapping[str, Any]]) -> bool:
    """Whether a taint that keeps Pods away is not tolerated. PreferNoSchedule keeps nobody away."""
    return any(
        taint.get("effect") in _REPELLING and not any(tolerates(one, taint) for one in tolerations)
        for taint in taints
    )


def tolerates(toleration: Mapping[str, Any], taint: Mapping[str, str]) -> bool:
    """Whether a toleration covers a taint, as the scheduler compares them.

    An effect or a key that is not said covers every one. An operator that is not known covers none.
    """
    effect, key = toleration.get("effect"), toleration.get("key")
    if effect and effect != taint.get("effect"):
        return False
    if key and key != taint.get("key"):
        return False
    match toleration.get("operator") or "Equal":
        case "Exists":
            return True
        case "Equal":
            return bool(key) and (toleration.get("value") or "") == (taint.get("value") or "")
        case _:
            return False


def lasting(node: Node) -> tuple[Mapping[str, str], ...]:
    """The taints that somebody gave a node for good, and that Pods are meant to tolerate."""
    return tuple(one for one in node.taints if not _passes(one))


def is_up(node: Node) -> bool:
    """Whether a node takes Pods at all: ready, not cordoned, and not tainted for a state that passes."""
    passing = (one for one in node.taints if _passes(one))
    return node.ready and not node.unschedulable and not repelled(passing, ())


def _passes(taint: Mapping[str, str]) -> bool:
    key = taint.get("key", "")
    return key.startswith(_PASSING) or key.endswith("agent-not-ready")


def toleration(taint: Mapping[str, str]) -> dict[str, str]:
    """The narrowest toleration that covers a taint."""
    said = {"key": taint.get("key", ""), "operator": "Equal", "value": taint.get("value", "")}
    if not said["value"]:
        said = {"key": said["key"], "operator": "Exists"}
    return {**said, "effect": taint.get("effect", "")}


_Sums = dict[str, tuple[int, int, int]]
"""What Pods have taken, by node: millicores, bytes, Pods."""
_NOTHING = (0, 0, 0)


def _taken(pods: tuple[Pod, ...]) -> _Sums:
    taken: _Sums = {}
    for pod in pods:
        if not pod.node or pod.phase in FINISHED:
            continue
        cpu, memory, count = taken.get(pod.node, _NOTHING)
        shape = pod.shape
        taken[pod.node] = (
            cpu + shape.cpu_request_millicores,
            memory + shape.memory_request_bytes,
            count + 1,
        )
    return taken


def _free(nodes: tuple[Node, ...], taken: tuple[_Sums, ...]) -> dict[str, Free]:
    free = {one.meta.name: [one.cpu_millicores, one.memory_bytes, one.pods] for one in nodes}
    for part in taken:
        for node, (cpu, memory, count) in part.items():
            left = free.get(node)
            if left is not None:
                left[0] -= cpu
                left[1] -= memory
                left[2] -= count
    return {node: Free(*left) for node, left in free.items()}
