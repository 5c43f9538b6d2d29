"""CoderDeployments for tests, in plain data."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from coder_cva.status.invariants import broken

if TYPE_CHECKING:
    from harness.kube import Kube

DATABASE_SECRET = "coder-db-url"


def managed(namespace: str, name: str = "coder", **control_plane: Any) -> dict[str, Any]:
    """A managed Coder of the smallest tier, for few users, licensed for high availability."""
    return {
        "apiVersion": "cva.coder.com/v1alpha1",
        "kind": "CoderDeployment",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "architecture": {"tier": "1k", "users": 80},
            "controlPlane": {
                "management": "Managed",
                "version": "2.30.0",
                "highAvailabilityLicensed": True,
                "nodePool": {"selector": {"coder.com/node-group": "control-plane"}},
                **control_plane,
            },
            "workspaces": {"nodePool": {"selector": {"coder.com/node-group": "workspaces"}}},
            "database": {"urlSecretRef": {"name": DATABASE_SECRET, "key": "url"}},
        },
    }


def adopted(namespace: str, name: str = "coder") -> dict[str, Any]:
    """A Coder that somebody else installed."""
    made = managed(namespace, name)
    made["spec"]["controlPlane"] = {
        "management": "Adopted",
        "nodePool": {"selector": {"coder.com/node-group": "control-plane"}},
    }
    del made["spec"]["database"]
    return made


def region(namespace: str, name: str = "coder", *workspaces: str) -> dict[str, Any]:
    """A region without coderd, whose workspaces are in these namespaces; in those that consent where none is named."""
    made = adopted(namespace, name)
    made["spec"]["controlPlane"] = {"management": "None"}
    if workspaces:
        made["spec"]["workspaces"]["namespaces"] = {"names": list(workspaces)}
    return made


def database_secret(namespace: str) -> dict[str, Any]:
    """The Secret that a managed Coder's spec names."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": DATABASE_SECRET, "namespace": namespace},
        "stringData": {"url": "postgres://coder:secret@db.example.com/coder?sslmode=verify-full"},
    }


def condition(resource: dict[str, Any], kind: str) -> dict[str, Any]:
    """A condition of a resource; an empty mapping where it has none of that type."""
    conditions = resource.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {})


def wait_condition(
    kube: Kube,
    resource: dict[str, Any],
    kind: str,
    status: str,
    *,
    reason: str = "",
    timeout: float = 180,
) -> dict[str, Any]:
    """The resource once the condition has this status (and reason) for its newest generation.

    Whatever is waited for, the status that tells it has to obey the laws of our conditions.
    """

    def holds(it: dict[str, Any]) -> bool:
        found = condition(it, kind)
        return (
            found.get("status") == status
            and found.get("observedGeneration") == it["metadata"]["generation"]
            and (not reason or found.get("reason") == reason)
        )

    found = kube.wait_until(resource, holds, timeout=timeout)
    assert broken(found["status"], found["metadata"]["generation"]) == ()
    return found


def ready_coder(
    kube: Kube, namespace: str, name: str = "coder", **control_plane: Any
) -> dict[str, Any]:
    """A managed Coder in this namespace, applied with its Secret, once it is Ready."""
    kube.apply(database_secret(namespace))
    return wait_condition(
        kube, kube.apply(managed(namespace, name, **control_plane)), "Ready", "True"
    )


def apply_younger(kube: Kube, manifest: dict[str, Any], older: dict[str, Any]) -> dict[str, Any]:
    """Applies it in a later second than the other one: the API server's clock counts seconds."""
    age = older["metadata"]["creationTimestamp"]
    probe = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "probe", "namespace": manifest["metadata"]["namespace"]},
    }
    kube.wait_for(
        lambda: kube.create(probe, dry_run=True)["metadata"]["creationTimestamp"] > age,
        what="the next second",
    )
    return kube.apply(manifest)
