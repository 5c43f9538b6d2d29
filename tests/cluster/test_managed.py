"""Managed: a CoderDeployment becomes a coderd on the static pool, and is kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import database_secret, managed, wait_condition

if TYPE_CHECKING:
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster


def test_becomes_ready_on_the_static_pool(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Applied with its Secret, the deployment is Ready and every replica is on the pool."""
    kube.create(database_secret(namespace))
    resource = kube.apply(managed(namespace))

    wait_condition(kube, resource, "Ready", "True")

    deployment = kube.get("Deployment", "coder", namespace)
    assert deployment["status"]["readyReplicas"] == 3
    pods = kube.list("pods", namespace, labels="app.kubernetes.io/name=coder")
    assert {pod["spec"]["nodeName"].rpartition("-")[0] for pod in pods} == {"cp"}
    for kind in ("Service", "ServiceAccount", "RoleBinding"):
        assert kube.find(kind, "coder", namespace), kind
