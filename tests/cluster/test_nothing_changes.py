"""The default installation beside a Coder that runs: a measured nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support import builders, safety
from support.coder_manifests import chart_coderd, workspace_binding
from support.deployments import adopted, wait_condition
from support.stage import own_stage
from support.standing import measured
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    workspace_deployment,
    workspace_pod,
)

if TYPE_CHECKING:
    from pathlib import Path

    from harness.kube import Kube

pytestmark = pytest.mark.cluster

THEIRS = ("Deployment", "Pod", "Service", "ServiceAccount", "RoleBinding", "NetworkPolicy", "Node")
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"


def somebodys(kube: Kube) -> dict[str, Any]:
    """Everything that is not the operator's, without its status and without who wrote it when."""
    return {
        f"{kind} {one['metadata'].get('namespace', '')}/{one['metadata']['name']}": (
            one["metadata"]["uid"],
            one["metadata"].get("labels"),
            one["metadata"].get("annotations"),
            one.get("spec"),
        )
        for kind in THEIRS
        for one in kube.list(kind)
        if one["metadata"].get("namespace") != "coder-cva-system"
        and one["metadata"].get("labels", {}).get("app.kubernetes.io/managed-by")
        != OURS.partition("=")[2]
    }


def test_installed_with_what_is_the_default(
    request: pytest.FixtureRequest, tmp_path: Path, record_property: Any
) -> None:
    """No connection is lost, no Pod replaced or restarted, no Deployment rolled, no object of others written."""
    with own_stage(request, tmp_path) as stage:
        kube = stage.kube
        home, team = kube.namespace("coder"), kube.namespace("workspaces")
        there: list[Any] = [
            chart_coderd(home, replicas=2, database=False),
            workspace_binding(team, of=home),
        ]
        for space in (home, team):
            there += [
                workspace_deployment("alpha", space),
                devcontainer_deployment("beta", space),
                workspace_pod("gamma", space),
                envbox_pod("delta", space),
                safety.in_use(space),
                builders.deployment("neighbour", space),
            ]
        for one in builders.flat(there):
            kube.create(one)
        running = 2 + 2 * 5
        kube.wait_for(
            lambda: len(measured(kube, home, team).restarts) == running, what="all Pods to run"
        )
        before, theirs = measured(kube, home, team), somebodys(kube)

        operator = stage.operator()
        operator.start()
        resource = wait_condition(kube, kube.apply(adopted(home)), "Ready", "True")
        kube.wait_until(
            resource, lambda one: one["status"]["workspaces"]["namespaces"] == [home, team]
        )
        kube.wait_for(
            lambda: kube.list("NetworkPolicy", home, labels=OURS), what="a policy of ours"
        )
        operator.look_again(kube, resource)

        after = measured(kube, home, team)
        print(before.told(after))
        record_property("connections", len(before.connections))
        assert before.lost(after) == []
        assert before.disturbed(after) == []
        assert somebodys(kube) == theirs
        assert len(before.connections) > 100
