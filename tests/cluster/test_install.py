"""The shipped manifests install as the README says, under restricted Pod Security."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from harness import binaries
from support.installation import NAMESPACE, ROOT, SERVICE_ACCOUNT

if TYPE_CHECKING:
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster


def test_kustomize_installs_everything(cluster: Provider, kube: Kube, pools: None) -> None:
    """One command makes CRD, rights and two replicas whose Pods the namespace's Pod Security admits."""
    kubectl = binaries.kubectl()
    command = [kubectl, "--kubeconfig", cluster.kubeconfig, "apply", "--server-side"]
    done = subprocess.run(
        [*map(str, command), "--force-conflicts", "-k", str(ROOT / "deploy/base")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "Warning" not in done.stderr

    deployment = kube.get("Deployment", "coder-cva-operator", NAMESPACE)
    try:
        kube.wait_until(
            deployment, lambda it: it.get("status", {}).get("availableReplicas") == 2, timeout=60
        )
        pods = kube.list("pods", NAMESPACE, labels="app.kubernetes.io/name=coder-cva-operator")
        assert {one["spec"]["serviceAccountName"] for one in pods} == {SERVICE_ACCOUNT}
    finally:
        kube.delete(deployment)


@pytest.mark.parametrize(
    ("verb", "resource"),
    [
        ("get", "secrets"),
        ("create", "roles.rbac.authorization.k8s.io"),
        ("create", "clusterrolebindings.rbac.authorization.k8s.io"),
        ("delete", "persistentvolumeclaims"),
        ("patch", "pods"),
        ("delete", "pods"),
        ("patch", "nodes"),
        ("delete", "namespaces"),
        ("update", "coderdeployments.cva.coder.com"),
    ],
)
def test_the_operator_may_not(kube: Kube, installed: None, verb: str, resource: str) -> None:
    """What the promises rule out, the rights rule out too."""
    plural, _, group = resource.partition(".")
    review = kube.create(
        {
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SubjectAccessReview",
            "metadata": {},
            "spec": {
                "user": f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}",
                "resourceAttributes": {
                    "verb": verb,
                    "resource": plural,
                    "group": group,
                    "namespace": "default",
                },
            },
        }
    )

    assert review["status"]["allowed"] is False
