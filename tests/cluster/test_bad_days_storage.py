"""A StorageClass that is named and not there."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import managed, wait_condition
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster


def withheld(resource: Object) -> dict[str, str]:
    """What is held back: messages by reason."""
    found = resource["status"].get("withheld", [])
    return {one["reason"]: one["message"] for one in found}


def test_a_missing_storage_class_is_told_and_waited_for(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Claims are left as they are, coderd is not held up, the remedy is told; made later, the class is handed out."""
    name = f"class-of-{namespace}"
    manifest = managed(namespace)
    manifest["spec"]["workspaces"]["storage"] = {"storageClassName": name}
    resource = kube.apply(manifest)

    told = wait_condition(kube, resource, "Ready", "True")

    assert "there is no StorageClass of that name (there is: immediate, standard" in withheld(told)["StorageClassMissing"]  # fmt: skip
    assert "storageClassName" not in told["status"]["placement"]["workspaces"]
    claim, *_ = workspace_deployment("dev", namespace)
    made = kube.create(claim)
    assert made["spec"].get("storageClassName") != name
    there = kube.create(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "StorageClass",
            "metadata": {"name": name},
            "provisioner": "example.com/csi",
            "volumeBindingMode": "WaitForFirstConsumer",
        }
    )
    kube.wait_until(
        resource,
        lambda one: one["status"]["placement"]["workspaces"].get("storageClassName") == name,
    )
    kube.wait_until(resource, lambda one: "StorageClassMissing" not in withheld(one))
    kube.delete(there)
    kube.wait_until(resource, lambda one: "StorageClassMissing" in withheld(one))
    wait_condition(kube, resource, "Ready", "True")
