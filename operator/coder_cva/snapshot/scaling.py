"""The nodes of a pool in, what autoscalers say about their groups out (CVA-NODE-002, CVA-NODE-004).

Evidence is the status that cluster-autoscaler writes, Karpenter's NodePools, the sizes on Cluster API's
MachineDeployments, OpenShift's MachineAutoscalers. A provider's labels name a node's group, never its sizes;
of a pool that GKE made by itself its name says that it scales.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

from coder_cva.snapshot import group_names
from coder_cva.snapshot.autoscaler_status import STEP
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse_scaling import NODE_POOL
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.records_scaling import (
    AutoscalerStatus,
    Limit,
    MachineAutoscaler,
    MachineDeployment,
    NodePool,
    ScaledGroup,
)

NEEDS: Final = frozenset(
    {
        Need.NODES,
        Need.CLUSTER_AUTOSCALER,
        Need.NODE_POOLS,
        Need.MACHINE_DEPLOYMENTS,
        Need.MACHINE_AUTOSCALERS,
    }
)
"""All sources: where one could not be read, an autoscaler may be at work unseen."""

SCALE_DOWN_DISABLED: Final = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
DO_NOT_DISRUPT: Final = "karpenter.sh/do-not-disrupt"
AUTOSCALERS: Final = frozenset({"kube-system", "openshift-machine-api"})
"""Where cluster-autoscaler writes its status unless it is told otherwise, by itself and on OpenShift. A tenant may write a
ConfigMap of that name, too, and a Deployment that looks like an autoscaler, but into no namespace of the cluster's own."""
STALE: Final = timedelta(minutes=10)
"""A status that is not written for so long is nobody's: cluster-autoscaler writes it about every ten seconds."""

_REASONS: Final = frozenset({"Empty", "Underutilized", "Drifted"})
"""For which Karpenter disrupts nodes by itself, and budgets are asked."""
_NEVER: Final = "Never"
_NAP: Final = "nap-"
_AUTOPILOT: Final = "gk3-"
"""How GKE begins the names of node pools that it makes by itself, and of Autopilot's nodes."""
_SPOT: Final = (
    ("eks.amazonaws.com/capacityType", "SPOT"),
    ("karpenter.sh/capacity-type", "spot"),
    ("cloud.google.com/gke-spot", "true"),
    ("cloud.google.com/gke-preemptible", "true"),
    ("cloud.google.com/gke-provisioning", "spot"),
    ("cloud.google.com/gke-provisioning", "preemptible"),
    ("kubernetes.azure.com/scalesetpriority", "spot"),
)
"""Labels of machines that the provider takes back at short notice, each by its provider's documentation."""


class Scaler(StrEnum):
    """Who says something about a group."""

    CLUSTER_AUTOSCALER = "cluster-autoscaler"
    KARPENTER = "Karpenter"
    CLUSTER_API = "Cluster API"
    OPENSHIFT = "OpenShift"
    GKE = "GKE"


@dataclass(frozen=True, slots=True)
class Group:
    """A group of nodes as one source knows it. Of the same group all sources have the same ``key``."""

    scaler: Scaler
    key: str
    name: str
    resource: str
    """As findings name it: the object that says it, where there is one."""
    words: str
    nodes: tuple[str, ...] = ()
    """Those of the pool that was asked about."""
    size: int = 0
    least: int = 0
    shrinks: bool = False
    """Whether a node of it may be taken away."""
    grows: bool = False
    full: bool = False
    """Whether it has reached its largest size."""
    limits: tuple[Limit, ...] = ()
    """Those that are used up."""
    failure: str = ""
    """Why it gets no node although it may grow."""

    @property
    def has_room(self) -> bool:
        """Whether it would get one more node now."""
        return self.grows and not self.full and not self.failure


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of a pool: its groups, the nodes that are in none, those of which nothing is known."""

    groups: tuple[Group, ...] = ()
    outside: tuple[str, ...] = ()
    """Nodes that are in none of the groups of an autoscaler that says which it has."""
    unknown: tuple[str, ...] = ()
    notes: tuple[str, ...] = field(default=())
    """Sources that say nothing of use, and why."""


def evidence(
    snapshot: ClusterSnapshot,
    now: datetime,
    nodes: Sequence[Node],
    selector: Mapping[str, str],
    believed: frozenset[str] = AUTOSCALERS,
) -> Evidence:
    """What is known of the pool with these nodes; a group without a node counts where it would have the labels.

    ``believed`` are the namespaces in which a status of cluster-autoscaler counts.
    """
    statuses = believed_statuses(snapshot, believed)
    fresh = [one for one in statuses if _is_fresh(one, now)]
    told = [group for one in fresh for group in one.groups]
    found = [
        *_of_statuses(told, nodes, selector),
        *_of_karpenter(snapshot.items(Need.NODE_POOLS), nodes, selector),
        *_of_cluster_api(snapshot.items(Need.MACHINE_DEPLOYMENTS), nodes),
        *_of_openshift(snapshot.items(Need.MACHINE_AUTOSCALERS), nodes),
    ]
    found += _of_gke(_without(nodes, found))
    rest = _without(nodes, found)
    outside = [one.meta.name for one in rest if _is_outside(one, told)]
    unknown = [one.meta.name for one in rest if not _is_outside(one, told)]
    notes = [_silence(one) for one in statuses if one not in fresh or not one.groups]
    if not fresh:
        notes += _elsewhere(snapshot, believed)
    if unknown and told:
        notes.append(_unmatched(told))
    return Evidence(tuple(found), tuple(outside), tuple(unknown), tuple(notes))


def believed_statuses(
    snapshot: ClusterSnapshot, believed: frozenset[str]
) -> tuple[AutoscalerStatus, ...]:
    """What cluster-autoscaler says, of these namespaces alone."""
    found: tuple[AutoscalerStatus, ...] = snapshot.items(Need.CLUSTER_AUTOSCALER)
    return tuple(one for one in found if one.meta.namespace in believed)


def is_kept(node: Node) -> bool:
    """Whether an annotation forbids whoever scales it to take the node away."""
    return node.meta.annotations.get(keeping(node)) == "true"


def keeping(node: Node) -> str:
    """The annotation by which whoever scales a node is told to keep it."""
    return DO_NOT_DISRUPT if is_karpenters(node) else SCALE_DOWN_DISABLED


def is_karpenters(node: Node) -> bool:
    """Whether Karpenter made the node."""
    return NODE_POOL in node.meta.labels


def spot(node: Node) -> str:
    """The label that says that the provider may take the machine back, ``key=value``; "" for none."""
    return next((f"{k}={v}" for k, v in _SPOT if node.meta.labels.get(k) == v), "")


def offers(pool: NodePool, selector: Mapping[str, str]) -> bool:
    """Whether the next node of a NodePool can have all labels of the selector."""
    return all(value in pool.labels.get(key, ()) for key, value in selector.items())


def of_node_pool(pool: NodePool, nodes: tuple[str, ...] = ()) -> Group:
    """What Karpenter does with a NodePool."""
    used_up = tuple(one for one in pool.limits if one.used >= one.most)
    kept, why = _disruption(pool)
    if kept and pool.expires not in ("", _NEVER):
        why += f"; it replaces each of them at the age of {pool.expires} (expireAfter)"
    if used_up:
        why += f"; used up: its limit of {', '.join(one.resource for one in used_up)}"
    if pool.failure:
        why += f"; not ready: {pool.failure}"
    return Group(
        Scaler.KARPENTER,
        f"NodePool/{pool.meta.name}",
        pool.meta.name,
        f"NodePool {pool.meta.name}",
        f"Karpenter {why}",
        nodes,
        size=pool.nodes or len(nodes),
        shrinks=not kept,
        grows=pool.replicas is None,
        full=bool(used_up),
        limits=used_up,
        failure=pool.failure,
    )


def _disruption(pool: NodePool) -> tuple[bool, str]:
    name = f"NodePool {pool.meta.name}"
    if pool.replicas is not None:
        return True, f"keeps {name} at {pool.replicas} (spec.replicas)"
    closed = [one for one in pool.budgets if one.is_closed]
    if (
        any(not one.reasons for one in closed)
        or {reason for one in closed for reason in one.reasons} >= _REASONS
    ):
        return True, f"takes no node of {name} away: its disruption budget is 0"
    if pool.after == _NEVER:
        return (
            True,
            f"takes no node of {name} away: its consolidateAfter is Never; it replaces those that drift",
        )
    after = f" after {pool.after}" if pool.after else ""
    return False, f"adds and takes away nodes of {name} ({pool.policy or 'consolidation'}{after})"


def _of_statuses(
    groups: Sequence[ScaledGroup], nodes: Sequence[Node], selector: Mapping[str, str]
) -> Iterator[Group]:
    for one in groups:
        mine = tuple(node.meta.name for node in nodes if group_names.belongs(one.name, node))
        if mine or group_names.is_named_by(one.name, selector):
            name = one.name.rpartition("/")[2] if "://" in one.name else one.name
            waits = ", and waits after a scale-up that failed" if one.backs_off else ""
            yield Group(
                Scaler.CLUSTER_AUTOSCALER,
                one.name,
                name,
                f"node group {name}",
                f"cluster-autoscaler {_between(name, one.least, one.most, one.target)}{waits}",
                mine,
                size=one.target,
                least=one.least,
                shrinks=one.least < one.most,
                grows=one.least < one.most,
                full=one.target >= one.most,
            )


def _of_karpenter(
    node_pools: Sequence[NodePool], nodes: Sequence[Node], selector: Mapping[str, str]
) -> Iterator[Group]:
    for one in node_pools:
        mine = [node for node in nodes if node.meta.labels.get(NODE_POOL) == one.meta.name]
        if mine or offers(one, selector):
            yield of_node_pool(one, tuple(node.meta.name for node in mine))


def _of_cluster_api(found: Sequence[MachineDeployment], nodes: Sequence[Node]) -> Iterator[Group]:
    for one in found:
        key = f"MachineDeployment/{one.meta.path}"
        mine = tuple(node.meta.name for node in nodes if group_names.belongs(key, node))
        if not mine:
            continue
        name = f"MachineDeployment {one.meta.path}"
        if one.least is None or one.most is None:
            words = (
                f"Cluster API keeps {name} at {one.replicas}: no sizes for an autoscaler are on it"
            )
            yield Group(Scaler.CLUSTER_API, key, one.meta.path, name, words, mine, one.replicas)
            continue
        scales = one.least < one.most
        yield Group(
            Scaler.CLUSTER_API,
            key,
            one.meta.path,
            name,
            f"by its annotations the autoscaler {_between(name, one.least, one.most, one.replicas)}",
            mine,
            size=one.replicas,
            least=one.least,
            shrinks=scales,
            grows=scales,
            full=one.replicas >= one.most,
        )


def _of_openshift(found: Sequence[MachineAutoscaler], nodes: Sequence[Node]) -> Iterator[Group]:
    for one in found:
        key = f"MachineSet/{one.meta.namespace}/{one.target}"
        mine = tuple(node.meta.name for node in nodes if group_names.belongs(key, node))
        if mine:
            name = f"MachineAutoscaler {one.meta.path}"
            yield Group(
                Scaler.OPENSHIFT,
                key,
                one.meta.path,
                name,
                f"{name} {_between(f'MachineSet {one.target}', one.least, one.most, len(mine))}",
                mine,
                size=len(mine),
                least=one.least,
                shrinks=one.least < one.most,
                grows=one.least < one.most,
                full=len(mine) >= one.most,
            )


def _of_gke(nodes: Sequence[Node]) -> Iterator[Group]:
    """Node pools that GKE makes by itself, known by the names that it gives; their sizes it tells nobody."""
    pools: dict[str, list[str]] = {}
    for one in nodes:
        pool = one.meta.labels.get(group_names.GKE, "")
        if pool.startswith(_NAP) or (pool and one.meta.name.startswith(_AUTOPILOT)):
            pools.setdefault(pool, []).append(one.meta.name)
    for pool, names in pools.items():
        yield Group(
            Scaler.GKE,
            f"GKE/{pool}",
            pool,
            f"node pool {pool}",
            f"GKE makes node pool {pool} by itself, and takes its nodes away (Autopilot or node auto-provisioning)",
            tuple(names),
            size=len(names),
            shrinks=True,
            grows=True,
        )


def _without(nodes: Sequence[Node], groups: Sequence[Group]) -> list[Node]:
    known = {name for one in groups for name in one.nodes}
    return [one for one in nodes if one.meta.name not in known]


def _between(name: str, least: int, most: int, size: int) -> str:
    if least >= most:
        return f"keeps {name} at {most}"
    return f"scales {name} between {least} and {most}, now {size}"


def _is_fresh(status: AutoscalerStatus, now: datetime) -> bool:
    """Its time is cut to steps, so that it may be younger by one."""
    return status.written is not None and now - status.written <= STALE + STEP


def _is_outside(node: Node, told: Sequence[ScaledGroup]) -> bool:
    """Whether the autoscaler that would scale a node says which groups it has, and this node is in none."""
    if is_karpenters(node):
        return False  # its NodePool is not there, and whatever becomes of it is not said
    if group_names.MACHINE in node.meta.annotations:
        return True  # a MachineSet that no MachineAutoscaler names
    return bool(told) and all(group_names.belongs(one.name, node) is False for one in told)


def _silence(status: AutoscalerStatus) -> str:
    name = f"ConfigMap {status.meta.path}"
    if status.written is None:
        return f"{name} says no time"
    if not status.groups:
        return f"{name} names no group"
    return f"{name} is not written since {status.written:%Y-%m-%d %H:%M} UTC, so it is not believed"


def _elsewhere(snapshot: ClusterSnapshot, believed: frozenset[str]) -> Iterator[str]:
    """One sentence, however many there are: whoever writes them must not fill a report."""
    found: tuple[AutoscalerStatus, ...] = snapshot.items(Need.CLUSTER_AUTOSCALER)
    names = sorted(one.meta.namespace for one in found if one.meta.namespace not in believed)
    if names:
        more = f" (and {len(names) - 1} more)" if len(names) > 1 else ""
        said = ",".join(sorted({*(believed - AUTOSCALERS), names[0]}))
        yield (
            f"a status in namespace {names[0]}{more} is not believed, because whoever may write there may have written it; "
            f"if cluster-autoscaler runs there, whoever runs the operator says so: AUTOSCALER_NAMESPACES={said} "
            "in its environment"
        )


def _unmatched(told: Sequence[ScaledGroup]) -> str:
    names = sorted(one.name.rpartition("/")[2] for one in told)
    shown = ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
    return f"whether they are of a group of cluster-autoscaler ({shown}) is not seen on them"
