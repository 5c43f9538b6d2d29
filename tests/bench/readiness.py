"""How long a managed Coder takes from `kubectl apply` to Ready."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from bench.figures import Figures, percentile
from support.deployments import condition

if TYPE_CHECKING:
    from bench.ground import Ground


def measure(ground: Ground) -> Figures:
    """Several Coders one after the other, each in a namespace of its own."""
    samples = [_once(ground, number) for number in range(ground.extent.deployments)]
    return {
        "apply_to_ready_seconds_median": percentile(samples, 50),
        "apply_to_ready_seconds_max": max(samples),
    }


def _once(ground: Ground, number: int) -> float:
    namespace = ground.place(f"bench-ready-{number}")
    began = time.monotonic()
    resource = ground.apply_coder(namespace)
    ground.kube.wait_until(
        resource, lambda it: condition(it, "Ready").get("status") == "True", timeout=120
    )
    took = time.monotonic() - began
    ground.kube.delete(ground.kube.get("Namespace", namespace))
    ground.kube.wait_gone(resource, timeout=120)
    return took
