"""How long coderd is without a node after the last one of its pool is lost, with and without an operator."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.figures import Figures, percentile
from coder_cva.api.v1alpha1.coder_placement import PARAMETER
from harness.errors import HarnessError
from support.deployments import managed, wait_condition

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.ground import Ground

CODERD = "app.kubernetes.io/name=coder"
LABEL = "bench.example.com/pool"
POLL_SECONDS = 0.005
LIMIT_SECONDS = 90.0


@dataclass(frozen=True)
class Victim:
    """A coderd that runs on one node, which nobody else has."""

    resource: dict[str, Any]
    node: str

    @property
    def namespace(self) -> str:
        """Where it runs."""
        namespace: str = self.resource["metadata"]["namespace"]
        return namespace


@dataclass(frozen=True)
class Loss:
    """Seconds from the loss until admission went by it, and until a Pod of coderd had a node."""

    known: float
    scheduled: float


def measure(ground: Ground, prefix: str = "guard") -> Figures:
    """Pools that are removed, cordoned or fall silent in turn, each under a coderd of its own."""
    ways = itertools.islice(itertools.cycle((_remove, _cordon, _fail)), ground.extent.losses)
    losses = [_once(ground, way) for way in ways]
    return {
        f"{prefix}_known_ms_max": max(one.known for one in losses) * 1000,
        f"{prefix}_scheduled_ms_median": percentile([one.scheduled for one in losses], 50) * 1000,
        f"{prefix}_scheduled_ms_max": max(one.scheduled for one in losses) * 1000,
    }


def measure_dead(ground: Ground) -> Figures:
    """The operator is killed, then the pool goes; from the start of the next one coderd's Pods are freed."""
    victim = _prepare(ground)
    ground.operator.kill()
    before = _uids(ground, victim)
    _remove(ground, victim)
    _end_pods(ground, victim)
    ground.kube.wait_for(lambda: len(_stuck(ground, victim)) == 3, what="Pods without a node")
    began = time.monotonic()
    ground.operator.start(wait_ready=False)
    freed = _until(lambda: _has_node(ground, victim, before), began)
    _clear(ground, victim)
    return {"guard_dead_restart_seconds": freed}


def _once(ground: Ground, lose: Callable[[Ground, Victim], None]) -> Loss:
    victim = _prepare(ground)
    before = _uids(ground, victim)
    lose(ground, victim)
    began = time.monotonic()
    # Whoever takes the node takes its Pods at once, so that those that follow meet the old word.
    _end_pods(ground, victim)
    known = scheduled = 0.0
    while not (known and scheduled):
        passed = time.monotonic() - began
        if passed > LIMIT_SECONDS:
            raise HarnessError(f"coderd found no node within {LIMIT_SECONDS:g} s")
        if not known and _word(ground, victim) == "Preferred":
            known = time.monotonic() - began
        if not scheduled and _has_node(ground, victim, before):
            scheduled = time.monotonic() - began
        time.sleep(POLL_SECONDS)
    _clear(ground, victim)
    return Loss(known, scheduled)


def _prepare(ground: Ground) -> Victim:
    namespace = ground.place("guard")
    room = {"cpu": "64", "memory": "256Gi"}
    (node,) = ground.cluster.nodes(f"{namespace}-cp", 1, labels={LABEL: namespace}, capacity=room)
    wanted = managed(namespace, nodePool={"selector": {LABEL: namespace}})
    resource = ground.kube.apply(wanted, manager="bench")
    ready = wait_condition(ground.kube, resource, "Ready", "True", timeout=120)
    victim = Victim(ready, node)
    if _word(ground, victim) != "Required":
        raise HarnessError(f"the pool of {namespace} is not required")
    return victim


def _remove(ground: Ground, victim: Victim) -> None:
    ground.kube.delete(ground.kube.get("Node", victim.node))


def _cordon(ground: Ground, victim: Victim) -> None:
    ground.kube.patch(ground.kube.get("Node", victim.node), {"spec": {"unschedulable": True}})


def _fail(ground: Ground, victim: Victim) -> None:
    ground.cluster.fail_node(victim.node)


def _end_pods(ground: Ground, victim: Victim) -> None:
    for pod in _pods(ground, victim):
        ground.kube.delete(pod, grace_seconds=0)


def _clear(ground: Ground, victim: Victim) -> None:
    ground.kube.delete(victim.resource)
    ground.kube.wait_gone(victim.resource)
    found = ground.kube.find("Node", victim.node)
    if found:
        ground.kube.delete(found)


def _pods(ground: Ground, victim: Victim) -> list[dict[str, Any]]:
    return ground.kube.list("pods", victim.namespace, labels=CODERD)


def _uids(ground: Ground, victim: Victim) -> set[str]:
    return {one["metadata"]["uid"] for one in _pods(ground, victim)}


def _stuck(ground: Ground, victim: Victim) -> list[dict[str, Any]]:
    return [
        one
        for one in _pods(ground, victim)
        if any(it.get("reason") == "Unschedulable" for it in one["status"].get("conditions", []))
    ]


def _has_node(ground: Ground, victim: Victim, before: set[str]) -> bool:
    return any(
        one["spec"].get("nodeName") and one["metadata"]["uid"] not in before
        for one in _pods(ground, victim)
    )


def _word(ground: Ground, victim: Victim) -> str:
    live = ground.kube.refresh({**victim.resource, **PARAMETER})
    mode: str = live["spec"]["controlPlane"]["mode"]
    return mode


def _until(is_so: Callable[[], bool], began: float) -> float:
    while time.monotonic() - began < LIMIT_SECONDS:
        if is_so():
            return time.monotonic() - began
        time.sleep(POLL_SECONDS)
    raise HarnessError(f"coderd found no node within {LIMIT_SECONDS:g} s")
