"""Replicas of coderd that were bound to their pool at admission, a moment before it could not take them.

Clause: CVA-NODE-003. A Pod's affinity never changes after its creation, so such a replica would wait
for the pool for ever; only another Pod, which admission then merely prefers to place there, can run
elsewhere. These Pods never ran, so nobody loses a connection.
"""

from collections.abc import Mapping
from typing import Any

from coder_cva.desired.plan import Eviction
from coder_cva.snapshot import records
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Ref, dig


def evictions(world: World, where: Mapping[str, Any]) -> tuple[Eviction, ...]:
    """The Pods to let go; ``where`` is what admission reads from now on.

    None while the pool is required: then the Pod waits for what the user wants it to wait for.
    """
    pool = where.get("controlPlane") or {}
    if pool.get("mode") != "Preferred" or world.coderd is None:
        return ()
    if Need.NODES in world.snapshot.missing():
        return ()
    template = world.coderd.deployment.shape
    asked = [one["key"] for one in pool.get("requirements", ())]
    return tuple(
        Eviction(
            Ref("v1", "Pod", pod.meta.namespace, pod.meta.name),
            pod.meta.uid,
            f"Pod {pod.meta.path} was bound to the control plane's pool when it was created, and the "
            "pool cannot take it: it makes way for one that may run elsewhere",
        )
        for pod in world.coderd_pods
        if pod.unschedulable and not pod.meta.deleting and _is_bound(pod.shape, template, asked)
    )


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
