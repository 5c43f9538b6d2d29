"""On an older minor that serves no MutatingAdmissionPolicy the operator's webhook places Pods, where it can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import workspace_manifests
from support.admission import required
from support.deployments import database_secret, managed, wait_condition
from support.installation import NAMESPACE, OperatorProcess, forget_leader, install
from support.placement import started_by_replica_set
from support.placing import CP, WS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.api import Object
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"


@pytest.fixture(scope="module")
def kube(old_cluster: Provider) -> Kube:
    """An older control plane with both pools, and everything that is shipped."""
    kube = old_cluster.kube
    install(kube)
    old_cluster.nodes("cp", 3, labels={"coder.com/node-group": "control-plane"})
    old_cluster.nodes("ws", 2, labels={"coder.com/node-group": "workspaces"})
    return kube


@pytest.fixture
def made(kube: Kube) -> Iterator[list[Object]]:
    """CoderDeployments that are to go at the end."""
    resources: list[Object] = []
    yield resources
    for one in resources:
        kube.delete(one)


def test_where_the_webhook_cannot_be_called_placement_is_told_as_not_enforced(
    kube: Kube, old_cluster: Provider, tmp_path: Path, made: list[Object]
) -> None:
    """coderd is made and Ready, by preference on its pool; why workspaces are not placed stands in the status."""
    operator = OperatorProcess(old_cluster, tmp_path)
    operator.start()
    try:
        namespace = kube.namespace("coder")
        kube.create(database_secret(namespace))
        for one in workspace_manifests.workspace_deployment("alpha", namespace):
            kube.apply(one, manager="Terraform")
        made.append(kube.apply(managed(namespace)))
        resource = wait_condition(kube, made[0], "Ready", "True")

        placement = resource["status"]["placement"]
        assert placement["engine"] == "None"
        assert "MutatingAdmissionPolicy" in placement["engineReason"]
        assert "WEBHOOK_URL" in placement["engineReason"]
        assert placement["workspaces"]["mode"] == "Off"
        reasons = {one["subject"]: one["reason"] for one in resource["status"]["withheld"]}
        assert reasons["MutatingAdmissionPolicy"] == "NotServed"
        nodes = {
            pod["spec"]["nodeName"]
            for pod in kube.list("pods", namespace, labels="app.kubernetes.io/name=coder")
        }
        assert {name.split("-")[0] for name in nodes} == {"cp"}
        assert kube.list("ValidatingAdmissionPolicyBinding", "") != []
        assert kube.list("MutatingWebhookConfiguration", "", labels=OURS) == []

        kube.delete(resource)
        kube.wait_for(
            lambda: not kube.list("ValidatingAdmissionPolicy", ""),
            what="the last CoderDeployment gone, and the policies with it",
        )
    finally:
        operator.stop()


def test_the_webhook_places_as_the_policies_do(
    kube: Kube, old_cluster: Provider, tmp_path: Path, made: list[Object]
) -> None:
    """A real operator under the shipped rights: coderd and workspaces land on their pools; deleted, all is swept."""
    operator = OperatorProcess(old_cluster, tmp_path, webhook=True)
    operator.start()
    try:
        namespace = kube.namespace("coder")
        kube.create(database_secret(namespace))
        made.append(kube.apply(managed(namespace)))
        resource = wait_condition(kube, made[0], "Ready", "True")

        placement = resource["status"]["placement"]
        assert placement["engine"] == "Webhook"
        assert "serves no MutatingAdmissionPolicy" in placement["engineReason"]
        assert not [
            one for one in resource["status"].get("withheld", ()) if one["reason"] == "NotServed"
        ]
        for pod in kube.list("pods", namespace, labels="app.kubernetes.io/name=coder"):
            assert required(pod["spec"]) == [{"matchExpressions": [CP]}]
        workspace = workspace_manifests.workspace_deployment("alpha", namespace)[-1]
        placed = kube.create(started_by_replica_set(workspace), dry_run=True)
        assert required(placed["spec"]) == [{"matchExpressions": [WS]}]

        (configuration,) = kube.list("MutatingWebhookConfiguration", "", labels=OURS)
        (webhook,) = configuration["webhooks"]
        assert webhook["failurePolicy"] == "Ignore"
        assert webhook["timeoutSeconds"] == 2
        never = webhook["namespaceSelector"]["matchExpressions"][1]
        assert {"kube-system", NAMESPACE} <= set(never["values"])
        assert "ca.key" in kube.get("Secret", "coder-cva-webhook", NAMESPACE)["data"]

        kube.delete(resource)
        kube.wait_for(
            lambda: not kube.list("MutatingWebhookConfiguration", "", labels=OURS),
            what="the CoderDeployment gone, and its webhook with it",
        )
    finally:
        operator.stop()


def test_with_the_operator_dead_workspaces_start_all_the_same(
    kube: Kube, old_cluster: Provider, tmp_path: Path, made: list[Object]
) -> None:
    """Nobody answers: the Pod is admitted as it is. The operator, back, says that it is not on its pool."""
    operator = OperatorProcess(old_cluster, tmp_path, webhook=True)
    operator.start()
    try:
        namespace = kube.namespace("coder")
        kube.create(database_secret(namespace))
        made.append(kube.apply(managed(namespace)))
        wait_condition(kube, made[0], "Ready", "True")
        operator.kill()
        # A stray node takes what nobody places, while all others are closed.
        old_cluster.nodes("stray", 1)
        others = [one for one in kube.list("nodes") if one["metadata"]["name"] != "stray-0"]
        for one in others:
            kube.patch(one, {"spec": {"unschedulable": True}})
        for one in workspace_manifests.workspace_deployment("alpha", namespace):
            kube.create(one)
        labels = "app.kubernetes.io/name=coder-workspace"
        (pod,) = kube.wait_for(
            lambda: kube.list("pods", namespace, labels=labels, fields="status.phase=Running"),
            what="the workspace to run without the operator",
        )
        assert "nodeAffinity" not in pod["spec"].get("affinity", {})
        for one in others:
            kube.patch(one, {"spec": {"unschedulable": None}})
        forget_leader(kube)
        operator.start()
        kube.wait_for(
            lambda: "CVA-NODE-005" in _failed(kube.refresh(made[0])),
            timeout=60,
            what="the finding that the workspace was not placed",
        )
    finally:
        operator.stop()


def _failed(resource: Object) -> set[str]:
    return {one["rule"] for one in resource["status"].get("findings", ())}
