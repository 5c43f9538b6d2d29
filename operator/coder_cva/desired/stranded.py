"""Replicas of coderd that were bound to their pool at admission, a moment before it could not take them.

Clause: CVA-NODE-003. A Pod's affinity never changes after its creation, so such a replica would wait
for the pool for ever; only another Pod, which admission then merely prefers to place there, can run
elsewhere. These Pods never ran, so nobody loses a connection.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.status import REPLICA_SET_LIMIT
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.plan import Eviction, Withheld
from coder_cva.snapshot import records
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Ref, dig

PREFERRED: Final = "Preferred"
ROUNDS: Final = 3
"""How often each replica of a ReplicaSet may be freed while the pool is merely preferred. A second time is
needed where a Pod was admitted by what admission read a moment ago; more is somebody else's doing."""


def evictions(world: World, where: Mapping[str, Any]) -> tuple[Eviction, ...]:
    """The Pods to let go; ``where`` is what admission reads from now on.

    None while the pool is required: then the Pod waits for what the user wants it to wait for.
    """
    return tuple(
        Eviction(
            Ref("v1", "Pod", pod.meta.namespace, pod.meta.name),
            pod.meta.uid,
            f"Pod {pod.meta.path} was bound to the control plane's pool when it was created, and the "
            "pool cannot take it: it makes way for one that may run elsewhere",
        )
        for pod in _waiting(world, where)
        if not _is_given_up(world, pod)
    )


def given_up(world: World, where: Mapping[str, Any]) -> tuple[Withheld, ...]:
    """The ReplicaSets whose new Pods are bound to the pool again and again: freeing them frees nobody."""
    sets = {_replica_set(pod) for pod in _waiting(world, where) if _is_given_up(world, pod)}
    return tuple(
        Withheld(
            f"ReplicaSet {world.deployment.namespace}/{name}",
            "BoundBySomebodyElse",
            f"{_counts(world)[name]} Pods of it were freed from the control plane's pool, which cannot take "
            "them, and the Pods that followed require it again, although our admission policies merely "
            "prefer it: something else adds the requirement, and no more Pods are evicted. Look: kubectl "
            "get mutatingwebhookconfigurations,mutatingadmissionpolicies",
        )
        for name in sorted(sets)
    )


def tally(world: World, where: Mapping[str, Any], changes: Iterable[Change]) -> dict[str, int]:
    """How many Pods of each ReplicaSet were freed, for the status: begun anew when the pool takes Pods.

    Counted where it is read again, so that a new process of the operator goes on from there.
    """
    if dig(where, "controlPlane", "mode") != PREFERRED:
        return {}
    freed = {one.ref.name for one in changes if one.action is Action.EVICTED}
    now = Counter(_replica_set(pod) for pod in world.coderd_pods if pod.meta.name in freed)
    total = Counter(_counts(world)) + now
    there = [name for name in sorted(total) if name in now or _is_there(world, name)]
    return {name: total[name] for name in there[:REPLICA_SET_LIMIT]}


def _waiting(world: World, where: Mapping[str, Any]) -> tuple[records.Pod, ...]:
    """The Pods that wait for a pool to which admission has bound them."""
    unread = Need.NODES in world.snapshot.missing()
    if unread or dig(where, "controlPlane", "mode") != PREFERRED or world.coderd is None:
        return ()
    template = world.coderd.deployment.shape
    asked = [one["key"] for one in where["controlPlane"].get("requirements", ())]
    return tuple(
        pod
        for pod in world.coderd_pods
        if pod.unschedulable
        and _replica_set(pod)
        and not pod.meta.deleting
        and _is_bound(pod.shape, template, asked)
    )


def _is_given_up(world: World, pod: records.Pod) -> bool:
    replicas = world.coderd.deployment.replicas if world.coderd else 0
    return _counts(world).get(_replica_set(pod), 0) >= ROUNDS * max(replicas, 1)


def _counts(world: World) -> Mapping[str, int]:
    found: Mapping[str, int] = dig(world.previous, "evictions", default={})
    return found


def _replica_set(pod: records.Pod) -> str:
    """The ReplicaSet that makes another Pod in its place, "" where there is none."""
    owner = pod.meta.owner
    return owner.name if owner is not None and owner.kind == "ReplicaSet" else ""


def _is_there(world: World, name: str) -> bool:
    here = (world.deployment.namespace, name)
    sets = world.snapshot.items(Need.REPLICA_SETS)
    unread = Need.REPLICA_SETS in world.snapshot.missing()
    return unread or any((one.meta.namespace, one.meta.name) == here for one in sets)


def _is_bound(pod: records.PodShape, template: records.PodShape, asked: list[str]) -> bool:
    """Whether the Pod requires the pool's labels and its template does not: that came at admission."""
    return bool(asked) and set(asked) <= _required(pod) and not set(asked) <= _required(template)


def _required(shape: records.PodShape) -> set[str]:
    """The label keys that every way to a node demands; terms are alternatives."""
    terms = dig(
        shape.scheduling.affinity,
        "nodeAffinity",
        "requiredDuringSchedulingIgnoredDuringExecution",
        "nodeSelectorTerms",
        default=[],
    )
    demanded = [
        {dig(one, "key", default="") for one in dig(term, "matchExpressions", default=[])}
        for term in terms
    ]
    return set.intersection(*demanded) if demanded else set()
