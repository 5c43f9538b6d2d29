"""The operator goes, in whichever order: what stays of it acts on nothing, and coderd runs on."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.snapshot.marks import PROTECTED
from coder_cva.snapshot.model import Served
from harness import environment, kubeconfigs
from harness.api import ApiError
from harness.fixtures import own_cluster
from harness.versions import NEWEST, OLDEST
from support import builders, safety
from support.admission import Armed, arm, pod
from support.deployments import adopted, ready_coder
from support.installation import ROOT, install
from support.stage import own_stage
from support.workspace_manifests import home_claim, workspace_deployment, workspace_labels

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

CRD = "coderdeployments.cva.coder.com"
PLACEMENTS = "coderplacements.cva.coder.com"
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
SERVED = {NEWEST: Served(("v1",), ("v1",)), OLDEST: Served((), ("v1",))}
WAYS = ("the CoderDeployment", "the CRDs")
ACTING = (
    "MutatingAdmissionPolicyBinding",
    "MutatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "NetworkPolicy",
    "PodDisruptionBudget",
)


@pytest.fixture(scope="module", params=[NEWEST, OLDEST], ids=["newest", "oldest"])
def bare(request: pytest.FixtureRequest) -> Iterator[tuple[Provider, Served]]:
    """A cluster of each world on which no operator has ever run."""
    with own_cluster(request, request.param) as cluster:
        yield cluster, SERVED[request.param]


def armed(kube: Kube, served: Served) -> Armed:
    """Policies that place, refuse host volumes and bound claims, as the operator leaves them when it dies."""
    manifest = adopted(kube.namespace("left"))
    storage = {"hostVolumes": "Deny", "minSize": "1Gi", "maxSize": "5Gi"}
    manifest["spec"]["workspaces"]["storage"] = storage
    ids = ("CVA-STO-002", "CVA-STO-004")
    manifest["spec"]["enforcement"] = {"rules": dict.fromkeys(ids, "Enforce")}
    space = manifest["metadata"]["namespace"]
    return arm(
        kube,
        manifest,
        builders.pools(),
        served=served,
        as_shipped=True,
        until=lambda: refused(kube, with_host_volume(space)) and refused(kube, claim(space, "9Gi")),
    )


def with_host_volume(space: str) -> dict[str, Any]:
    """A workspace that mounts a volume of its node."""
    return pod(space, volumes=[{"name": "host", "hostPath": {"path": "/var/run"}}])


def claim(space: str, size: str) -> dict[str, Any]:
    """A workspace's claim of that size."""
    made = home_claim("home", space, workspace_labels("dev", "alice"), None)
    made["spec"]["resources"]["requests"]["storage"] = size
    return made


def refused(kube: Kube, manifest: dict[str, Any]) -> bool:
    """Whether the API server would not take it."""
    try:
        kube.create(manifest, dry_run=True)
    except ApiError as error:
        return error.status in {403, 422}
    return False


@pytest.mark.parametrize("way", WAYS)
def test_with_the_operator_gone_policies_that_stay_act_on_nothing(
    bare: tuple[Provider, Served], way: str
) -> None:
    """Nobody sweeps; once what they read is gone nothing is placed, bounded or refused, and nothing fails."""
    cluster, served = bare
    kube = cluster.kube
    install(kube)
    it = armed(kube, served)
    elsewhere = kube.namespace("elsewhere")

    kinds = [kube.get("CustomResourceDefinition", one) for one in (CRD, PLACEMENTS)]
    for gone in [it.resource] if way == WAYS[0] else kinds:
        kube.delete(gone)
        kube.wait_gone(gone)

    kube.wait_for(lambda: not refused(kube, with_host_volume(it.namespace)), what="host volumes")
    kube.wait_for(lambda: not refused(kube, claim(it.namespace, "9Gi")), what="large claims")
    placed, plain = (
        kube.create(pod(space), dry_run=True)["spec"] for space in (it.namespace, elsewhere)
    )
    assert placed.get("affinity") == plain.get("affinity")
    assert len(placed["tolerations"]) == len(plain["tolerations"])
    stays = {kind for kind in ACTING if kind in _kinds(it) and kube.list(kind, labels=OURS)}
    assert stays == _kinds(it)
    for one in it.rendered:
        kube.delete(one)


def _kinds(it: Armed) -> set[str]:
    return {one["kind"] for one in it.rendered}


def test_make_uninstall(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Everything of the operator goes; no replica of coderd is lost, no connection is cut; twice is fine."""
    with own_stage(request, tmp_path) as stage:
        kube, operator = stage.kube, stage.operator()
        operator.start()
        space = kube.namespace("coder")
        for manifest in builders.flat([workspace_deployment("alpha", space), safety.in_use(space)]):
            kube.create(manifest)
        ready_coder(kube, space)
        kube.wait_for(
            lambda: len(kube.list("NetworkPolicy", space, labels=OURS)) > 4, what="all policies"
        )
        before = {one["metadata"]["uid"] for one in kube.list("Pod", space)}
        operator.stop()
        node = kube.list("Node")[0]
        key = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
        marked = {key: "true", PROTECTED: key, "somebody.example/else": "true"}
        kube.patch(node, {"metadata": {"annotations": marked}})

        told = uninstalled(stage.cluster)

        assert f"namespace {space} (RoleBinding coder)" in told
        for kind in ACTING:
            assert kube.list(kind, labels=OURS) == [], kind
        left = kube.get("Node", node["metadata"]["name"])["metadata"]["annotations"]
        assert marked.keys() & left.keys() == {"somebody.example/else"}
        assert [kube.find("CustomResourceDefinition", one) for one in (CRD, PLACEMENTS)] == [
            None
        ] * 2
        assert kube.find("ClusterRole", "coder-cva-operator") is None
        kube.wait_for(lambda: kube.find("Namespace", "coder-cva-system") is None)
        assert {one["metadata"]["uid"] for one in kube.list("Pod", space)} == before
        deployment = kube.get("Deployment", "coder", space)
        assert not deployment["metadata"].get("ownerReferences")
        assert deployment["status"]["readyReplicas"] == deployment["spec"]["replicas"]
        assert kube.get("ClusterRole", "coder-cva-workspace-perms")
        assert "coder-cva-workspace-perms stays" in uninstalled(stage.cluster)

        # Installed again, the operator takes up what it left.
        install(kube)
        operator.start()
        ready_coder(kube, space)
        assert {one["metadata"]["uid"] for one in kube.list("Pod", space)} == before


def uninstalled(cluster: Provider) -> str:
    """`python -m demo uninstall`, as `make uninstall` calls it, after its user has agreed."""
    done = subprocess.run(
        [sys.executable, "-m", "demo", "uninstall"],
        cwd=ROOT,
        env=environment.for_child(
            PYTHONPATH=str(ROOT / "tests"),
            KUBECONFIG=str(cluster.kubeconfig),
            CVA_YES=kubeconfigs.read(cluster.kubeconfig).context,
        ),
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
