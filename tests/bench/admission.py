"""What our admission policies add to the creation of a Pod."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.figures import Figures, percentile
from harness.errors import HarnessError
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from bench.ground import Ground

WARM_UP = 20


def measure(ground: Ground, namespace: str) -> Figures:
    """Dry runs of one client, in turn in a namespace that our policies serve and in one that they do not.

    Side by side, so that whatever else the machine does falls on both alike.
    """
    other = ground.kube.namespace("bench-unserved")
    served, unserved = (_workspace_pod(place) for place in (namespace, other))
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
        lambda: _is_placed(ground.kube.create(served, dry_run=True)),
        timeout=30,
        what="the placement of workspaces at admission",
    )
    if _is_placed(ground.kube.create(unserved, dry_run=True)):
        raise HarnessError("Pods are placed in a namespace that no CoderDeployment serves")


def _is_placed(pod: dict[str, Any]) -> bool:
    return "nodeAffinity" in pod["spec"].get("affinity", {})


def _workspace_pod(namespace: str) -> dict[str, Any]:
    """The Pod that a ReplicaSet would make of Coder's template."""
    _, deployment = workspace_deployment("bench", namespace)
    template = deployment["spec"]["template"]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": "bench-5d8f7c",
        "uid": "6a3d0d5e-3f6e-4a3e-9a51-0d0f5c1c9b11",
        "controller": True,
    }
    metadata = {
        **template["metadata"],
        "generateName": "bench-5d8f7c-",
        "namespace": namespace,
        "ownerReferences": [owner],
    }
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}
