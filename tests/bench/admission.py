"""What our admission policies add to the creation of a Pod."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.figures import Figures, percentile
from harness.errors import HarnessError
from support.placement import is_placed, started_by_replica_set
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from bench.ground import Ground

WARM_UP = 20


def measure(ground: Ground, namespace: str) -> Figures:
    """Dry runs of one client, in turn in a namespace that our policies serve and in one that they do not.

    Side by side, so that whatever else the machine does falls on both alike.
    """
    other = ground.kube.namespace("bench-unserved")
    served, unserved = (
        started_by_replica_set(workspace_deployment("bench", place)[1])
        for place in (namespace, other)
    )
    _check(ground, served, unserved)
    samples: dict[str, list[float]] = {"with": [], "without": []}
    for turn in range(WARM_UP + ground.extent.admissions):
        # Each goes first every other time: the second finds caches warm.
        pair = (("with", served), ("without", unserved))
        for which, pod in pair if turn % 2 else reversed(pair):
            took = _once(ground, pod)
            if turn >= WARM_UP:
                samples[which].append(took)
    medians = {which: percentile(taken, 50) * 1000 for which, taken in samples.items()}
    return {
        "admission_without_ms_median": medians["without"],
        "admission_without_ms_p95": percentile(samples["without"], 95) * 1000,
        "admission_with_ms_median": medians["with"],
        "admission_with_ms_p95": percentile(samples["with"], 95) * 1000,
        "admission_added_ms_median": medians["with"] - medians["without"],
    }


def _once(ground: Ground, pod: dict[str, Any]) -> float:
    began = time.perf_counter()
    ground.kube.create(pod, dry_run=True)
    return time.perf_counter() - began


def _check(ground: Ground, served: dict[str, Any], unserved: dict[str, Any]) -> None:
    """The policies act in one namespace and not in the other, or the figures would mean nothing."""
    ground.kube.wait_for(
        lambda: is_placed(ground.kube.create(served, dry_run=True)),
        timeout=30,
        what="the placement of workspaces at admission",
    )
    if is_placed(ground.kube.create(unserved, dry_run=True)):
        raise HarnessError("Pods are placed in a namespace that no CoderDeployment serves")
