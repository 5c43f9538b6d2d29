"""Who scales coderd, or lets its Pods be evicted, in; findings out (CVA-CTL-001, CVA-NODE-002).

Source: Coder, "Scale Coder" and "Scaling utility": losing one of four replicas drops about a quarter of
the connections, so coderd is not scaled by load. Horizontal autoscalers are told of by CVA-CTL-001, whose
replicas they take away; all other scalers by CVA-NODE-002, and none of them by both.
"""

from collections.abc import Iterator
from shlex import quote
from typing import Any, Final, TypeAlias

from coder_cva.desired.coderd_pod import STAY
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding
from coder_cva.rules.subjects import CODERD
from coder_cva.snapshot.managers import manager_of
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Autoscaler, Deployment, Meta
from coder_cva.snapshot.records_scalers import ScaledObject, VerticalAutoscaler
from coder_cva.snapshot.world import World

HORIZONTAL: Final = CODERD | {Need.AUTOSCALERS}
"""What ``horizontal`` reads."""
NEEDS: Final = HORIZONTAL | {Need.SCALED_OBJECTS, Need.VERTICAL_AUTOSCALERS}
"""What ``findings`` reads."""

_RULE: Final = "CVA-NODE-002"
_LOSS: Final = "losing one of four replicas drops a quarter of the connections"
_REPLACING: Final = frozenset({"", "Auto", "Recreate", "InPlaceOrRecreate"})
"""Modes in which a VerticalPodAutoscaler evicts Pods to size them anew; the others leave them running."""
_EVICTABLE: Final = "cluster-autoscaler.kubernetes.io/safe-to-evict"
_KEDA: Final = "ScaledObject"

_Scaler: TypeAlias = Autoscaler | ScaledObject | VerticalAutoscaler


def findings(world: World) -> list[Finding]:
    """CVA-NODE-002: KEDA's and vertical scalers on coderd, and what invites others to evict its Pods."""
    if world.coderd is None:
        return []
    live = world.coderd.deployment
    return [
        *_by_keda(world, live),
        *(_sized(one) for one in _vertical(world, live)),
        *_invitations(world, live),
    ]


def horizontal(world: World) -> list[Finding]:
    """CVA-CTL-001: the HorizontalPodAutoscalers that take replicas of coderd away."""
    if world.coderd is None:
        return []
    return [_scaled(one) for one in _horizontal(world, world.coderd.deployment)]


def _horizontal(world: World, live: Deployment) -> list[Autoscaler]:
    """Those on coderd that can change its replicas: as many at least as at most are always the same number."""
    return [
        one
        for one in world.snapshot.items(Need.AUTOSCALERS)
        if _is_on(one, live) and one.min_replicas != one.max_replicas
    ]


def _scaled(scaler: Autoscaler) -> Finding:
    """What made it would make it again: KEDA keeps a HorizontalPodAutoscaler for each ScaledObject."""
    kind, name = "HorizontalPodAutoscaler", scaler.meta.name
    if scaler.meta.owner is not None:
        kind, name = scaler.meta.owner.kind, scaler.meta.owner.name
    return Finding(
        "CVA-CTL-001",
        f"HorizontalPodAutoscaler {scaler.meta.path}",
        "spec.scaleTargetRef",
        f"no autoscaler on coderd: {_LOSS}",
        f"Deployment {scaler.target[1]}, {scaler.min_replicas} to {scaler.max_replicas} replicas",
        _delete(kind, name, scaler.meta),
    )


def _by_keda(world: World, live: Deployment) -> Iterator[Finding]:
    """ScaledObjects that can change coderd's replicas and have no autoscaler of which that is told already.

    To none, and to ``idleReplicaCount``, KEDA scales by itself, past the autoscaler that it keeps.
    """
    told = {
        one.meta.owner.name
        for one in _horizontal(world, live)
        if one.meta.owner is not None and one.meta.owner.kind == _KEDA
    }
    for one in world.snapshot.items(Need.SCALED_OBJECTS):
        if _is_on(one, live) and not one.paused and one.meta.name not in told:
            least = one.min_replicas if one.idle_replicas is None else one.idle_replicas
            if least != one.max_replicas or one.min_replicas != one.max_replicas:
                yield _finding(
                    f"{_KEDA} {one.meta.path}",
                    "spec.scaleTargetRef",
                    f"no autoscaler on coderd: {_LOSS}",
                    f"Deployment {live.meta.name}, {least} to {one.max_replicas} replicas",
                    _delete(_KEDA, one.meta.name, one.meta),
                )


def _vertical(world: World, live: Deployment) -> Iterator[VerticalAutoscaler]:
    for one in world.snapshot.items(Need.VERTICAL_AUTOSCALERS):
        if _is_on(one, live) and one.mode in _REPLACING and not one.idle:
            yield one


def _sized(scaler: VerticalAutoscaler) -> Finding:
    meta = scaler.meta
    patch = '{"spec":{"updatePolicy":{"updateMode":"Off"}}}'
    return _finding(
        f"VerticalPodAutoscaler {meta.path}",
        "spec.updatePolicy.updateMode",
        f"Off, which only recommends: each replica that is evicted to size it anew drops its connections, and {_LOSS}",
        f"{scaler.mode or 'not said, which replaces Pods'}, on Deployment {scaler.target[1]}",
        f"kubectl -n {meta.namespace} patch verticalpodautoscaler {meta.name} --type=merge -p '{patch}'"
        + _kept(meta, ", and say the same in what {} applies"),
    )


def _invitations(world: World, live: Deployment) -> Iterator[Finding]:
    """Its Pods say themselves that the cluster autoscaler may take their node away."""
    said = live.template_meta.annotations.get(_EVICTABLE)
    if said != "true":
        return
    wanted: dict[str, Any] = {_EVICTABLE: STAY[_EVICTABLE]}
    yield _finding(
        f"Deployment {live.meta.path}",
        f"spec.template.metadata.annotations[{_EVICTABLE}]",
        '"false": no scale-down drops a replica',
        '"true", which lets the cluster autoscaler evict it',
        remedies.coderd(
            world,
            {"coder": {"podAnnotations": wanted}},
            {"controlPlane": {"podAnnotations": wanted}},
        ),
    )


def _is_on(scaler: _Scaler, live: Deployment) -> bool:
    here = scaler.meta.namespace == live.meta.namespace
    return here and scaler.target == ("Deployment", live.meta.name)


def _delete(kind: str, name: str, meta: Meta) -> str:
    # An owner's kind and name are whatever somebody wrote there.
    delete = f"kubectl -n {meta.namespace} delete {quote(kind.lower())} {quote(name)}"
    return delete + _kept(meta, ", and take it out of what {} applies")


def _kept(meta: Meta, said: str) -> str:
    manager = manager_of(meta)
    return said.format(manager) if manager else ""


def _finding(resource: str, field: str, expected: str, observed: str, remedy: str) -> Finding:
    return Finding(_RULE, resource, field, expected, observed, remedy)
