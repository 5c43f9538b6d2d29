"""Small objects that tests create, and what they look for in them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from harness.api import Object

STATE = "harness.test/state"
"""A Pod's annotation that asks kwok for trouble: see manifests/stages/pods.yaml."""

IMAGE = "registry.test/main:1"


def pod(name: str, namespace: str, *, state: str | None = None, **spec: Any) -> Object:
    """A Pod of one container; `state` as the annotation above."""
    annotations = {STATE: state} if state else {}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"containers": [{"name": "main", "image": IMAGE}], **spec},
    }


def deployment(name: str, namespace: str, *, replicas: int = 3, **spec: Any) -> Object:
    """A Deployment of such Pods, labelled `app: <name>`."""
    labels = {"app": name}
    template = pod(name, namespace, **spec)["spec"]
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": template},
        },
    }


def claim(name: str, namespace: str, storage_class: str) -> Object:
    """A claim of one gibibyte."""
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }


def condition(seen: Object, kind: str) -> str:
    """The status of one condition, or an empty text."""
    conditions = seen.get("status", {}).get("conditions", [])
    return next((one["status"] for one in conditions if one["type"] == kind), "")


def is_ready(seen: Object) -> bool:
    """Whether a Pod or a Node is ready."""
    return condition(seen, "Ready") == "True"


def is_available(seen: Object) -> bool:
    """Whether every replica of a Deployment is available."""
    return bool(seen["status"].get("availableReplicas", 0) == seen["spec"]["replicas"])


def is_bound(seen: Object) -> bool:
    """Whether a claim has its volume."""
    return bool(seen["status"].get("phase") == "Bound")
