"""How long an object of the operator's stays away after somebody has deleted it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from bench.figures import Figures, percentile
from harness.errors import HarnessError

if TYPE_CHECKING:
    from bench.ground import Ground

KINDS = ("NetworkPolicy", "PodDisruptionBudget", "Service", "ServiceAccount", "RoleBinding")
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
POLL_SECONDS = 0.005
LIMIT_SECONDS = 60.0


def measure(ground: Ground, coder: dict[str, Any]) -> Figures:
    """Each of the operator's objects in a Coder's namespace in turn; asked for every 5 ms.

    What somebody deletes again and again is brought back ever more seldom, until the CoderDeployment is
    edited: so each round begins with an edit that has no effect.
    """
    namespace = coder["metadata"]["namespace"]
    targets = [one for kind in KINDS for one in ground.kube.list(kind, namespace, labels=OURS)]
    if not targets:
        raise HarnessError(f"there is nothing of the operator's in namespace {namespace}")
    samples: list[float] = []
    while len(samples) < ground.extent.restorations:
        _edit(ground, coder, len(samples))
        left = ground.extent.restorations - len(samples)
        samples += [_once(ground, target) for target in targets[:left]]
    return {
        "restore_ms_p50": percentile(samples, 50) * 1000,
        "restore_ms_p99": percentile(samples, 99) * 1000,
    }


def _edit(ground: Ground, coder: dict[str, Any], number: int) -> None:
    """An attestation that says nothing new, and the pass that has seen it."""
    clause = {"clause": "CVA-SUP-002", "until": "2099-01-31"}
    attested = [{**clause, "evidence": f"https://example.com/{number}"}]
    made = ground.kube.patch(coder, {"spec": {"attestations": attested}})
    ground.kube.wait_until(
        made,
        lambda it: it["status"].get("observedGeneration") == made["metadata"]["generation"],
        timeout=60,
    )


def _once(ground: Ground, target: dict[str, Any]) -> float:
    metadata = target["metadata"]
    place = (target["kind"], metadata["name"], metadata["namespace"])
    live = ground.kube.get(*place)
    began = time.monotonic()
    ground.kube.delete(live)
    while time.monotonic() - began < LIMIT_SECONDS:
        found = ground.kube.find(*place)
        if found and found["metadata"]["uid"] != live["metadata"]["uid"]:
            return time.monotonic() - began
        time.sleep(POLL_SECONDS)
    raise HarnessError(f"{' '.join(place)} did not come back within {LIMIT_SECONDS:g} s")
