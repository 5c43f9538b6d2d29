"""Thousands of workspaces, quickly: claims that are bound already, then Coder's Deployments.

Kubernetes binds claims one after the other, which for thousands takes longer than all measurements
together. So they are made while its controllers are away, in the state in which these leave them.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

from harness.errors import HarnessError
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.ground import Ground
    from harness.kube import Kube

Manifest = dict[str, Any]

CLIENTS = 8
LIMIT_SECONDS = 900
TOLD_SECONDS = 10
CONTROLLERS = "kube-controller-manager"
BOUND = {
    "pv.kubernetes.io/bind-completed": "yes",
    "pv.kubernetes.io/bound-by-controller": "yes",
}


def create(ground: Ground, namespace: str, say: Callable[[str], None]) -> None:
    """As many workspaces as the ground's extent says; returns when all of them run.

    Raises:
        HarnessError: they do not run in a quarter of an hour.
    """
    made = [
        workspace_deployment(
            f"w{number}", namespace, user=f"user{number}", storage_class="standard"
        )
        for number in range(ground.extent.workspaces)
    ]
    ground.cluster.stop(CONTROLLERS)
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda pair: _create_bound(ground.kube, pair[0]), made))
        say("their claims are bound; now their Deployments")
        ground.cluster.start(CONTROLLERS)
        list(clients.map(lambda pair: ground.kube.create(pair[1]), made))
    _wait_running(ground, namespace, say)


def _create_bound(kube: Kube, claim: Manifest) -> None:
    """A claim and its volume, each naming the other, both with the status of a bound one."""
    metadata, spec = claim["metadata"], claim["spec"]
    name = f"pv-{metadata['namespace']}-{metadata['name']}"
    live = kube.create(
        {
            **claim,
            "metadata": {**metadata, "annotations": BOUND},
            "spec": {**spec, "volumeName": name},
        }
    )
    volume = kube.create(_volume(name, live))
    size = {"storage": spec["resources"]["requests"]["storage"]}
    bound = {"phase": "Bound", "accessModes": spec["accessModes"], "capacity": size}
    kube.patch(live, {"status": bound}, subresource="status")
    kube.patch(volume, {"status": {"phase": "Bound"}}, subresource="status")


def _volume(name: str, claim: Manifest) -> Manifest:
    metadata, spec = claim["metadata"], claim["spec"]
    reference = {key: metadata[key] for key in ("namespace", "name", "uid")}
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolume",
        "metadata": {"name": name, "annotations": {"pv.kubernetes.io/bound-by-controller": "yes"}},
        "spec": {
            "capacity": {"storage": spec["resources"]["requests"]["storage"]},
            "accessModes": spec["accessModes"],
            "storageClassName": spec["storageClassName"],
            "claimRef": {"apiVersion": "v1", "kind": "PersistentVolumeClaim", **reference},
            "csi": {"driver": "disk.harness.test", "volumeHandle": name},
        },
    }


def _wait_running(ground: Ground, namespace: str, say: Callable[[str], None]) -> None:
    wanted = ground.extent.workspaces
    deadline = time.monotonic() + LIMIT_SECONDS
    told = 0.0
    while (running := _running(ground.kube, namespace)) < wanted:
        now = time.monotonic()
        if now > deadline:
            raise HarnessError(f"only {running} of {wanted} workspaces run")
        if now - told > TOLD_SECONDS:
            told = now
            say(f"{running} of {wanted} workspaces run")
        time.sleep(1)


def _running(kube: Kube, namespace: str) -> int:
    """How many Pods of workspaces run; the list of the others is short in the end."""
    page = kube.api.request("GET", f"/api/v1/namespaces/{namespace}/pods", query={"limit": "1"})
    there: int = len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
    coderd = len(kube.list("Pod", namespace, labels="app.kubernetes.io/name=coder"))
    waiting = kube.list("Pod", namespace, fields="status.phase!=Running")
    return there - coderd - len(waiting)
