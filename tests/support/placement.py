"""Pods as a ReplicaSet makes them of a workspace's template, and whether admission placed them."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def started_by_replica_set(deployment: Manifest) -> Manifest:
    """The Pod that the Deployment's ReplicaSet would create now; for dry runs, its owner is made up."""
    template, metadata = deployment["spec"]["template"], deployment["metadata"]
    owner = {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "name": f"{metadata['name']}-5d8f7c",
        "uid": "6a3d0d5e-3f6e-4a3e-9a51-0d0f5c1c9b11",
        "controller": True,
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **template["metadata"],
            "generateName": f"{metadata['name']}-5d8f7c-",
            "namespace": metadata["namespace"],
            "ownerReferences": [owner],
        },
        "spec": template["spec"],
    }


def is_placed(pod: Manifest) -> bool:
    """Whether a Pod has node affinity, which none of Coder's templates asks for."""
    return "nodeAffinity" in pod["spec"].get("affinity", {})
