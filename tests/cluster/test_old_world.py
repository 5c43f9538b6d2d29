"""On an older minor that serves no MutatingAdmissionPolicy nothing breaks, and the status says what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import workspace_manifests
from support.deployments import database_secret, managed, wait_condition
from support.installation import OperatorProcess, install

if TYPE_CHECKING:
    from pathlib import Path

    from harness.provider import Provider

pytestmark = pytest.mark.cluster


def test_placement_is_told_as_not_enforced(old_cluster: Provider, tmp_path: Path) -> None:
    """coderd is made and Ready, by preference on its pool; why workspaces are not placed stands in the status."""
    kube = old_cluster.kube
    install(kube)
    old_cluster.nodes("cp", 3, labels={"coder.com/node-group": "control-plane"})
    old_cluster.nodes("ws", 1, labels={"coder.com/node-group": "workspaces"})
    operator = OperatorProcess(old_cluster, tmp_path)
    operator.start()
    try:
        namespace = kube.namespace("coder")
        kube.create(database_secret(namespace))
        for one in workspace_manifests.workspace_deployment("alpha", namespace):
            kube.apply(one, manager="Terraform")
        resource = wait_condition(kube, kube.apply(managed(namespace)), "Ready", "True")

        placement = resource["status"]["placement"]
        assert placement["engine"] == "None"
        assert "MutatingAdmissionPolicy" in placement["engineReason"]
        assert placement["workspaces"]["mode"] == "Off"
        reasons = {one["subject"]: one["reason"] for one in resource["status"]["withheld"]}
        assert reasons["MutatingAdmissionPolicy"] == "NotServed"
        nodes = {
            pod["spec"]["nodeName"]
            for pod in kube.list("pods", namespace, labels="app.kubernetes.io/name=coder")
        }
        assert {name.split("-")[0] for name in nodes} == {"cp"}
        assert kube.list("ValidatingAdmissionPolicyBinding", "") != []

        kube.delete(resource)
        kube.wait_for(
            lambda: not kube.list("ValidatingAdmissionPolicy", ""),
            what="the last CoderDeployment gone, and the policies with it",
        )
    finally:
        operator.stop()
