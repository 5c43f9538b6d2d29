"""The claims that Kubernetes makes for generic ephemeral volumes, whose Pod owns them."""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]


def ephemeral_claims(pod: Manifest) -> list[Manifest]:
    """The claims of a live Pod's generic ephemeral volumes, bound."""
    volumes = [one for one in pod["spec"].get("volumes", []) if "ephemeral" in one]
    return [_claim(pod["metadata"], one["name"], one["ephemeral"]) for one in volumes]


def _claim(metadata: Manifest, volume: str, source: Manifest) -> Manifest:
    owner = {"apiVersion": "v1", "kind": "Pod", "controller": True}
    name = f"{metadata['name']}-{volume}"
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": name,
            "namespace": metadata["namespace"],
            "ownerReferences": [{**owner, "name": metadata["name"], "uid": metadata["uid"]}],
        },
        "spec": {**source["volumeClaimTemplate"]["spec"], "volumeName": f"pv-{name}"},
        "status": {"phase": "Bound"},
    }
