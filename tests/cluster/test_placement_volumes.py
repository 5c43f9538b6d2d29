from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.placement import MOST_STRANDED
from support import builders as b
from support.admission import Armed, arm, pod, preferred, required
from support.coder_manifests import POOL
from support.deployments import managed
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

WS = {"key": POOL, "operator": "In", "values": ["workspaces"]}
BOUND = [{"matchExpressions": [WS]}]
ZONE = "topology.kubernetes.io/zone"
FAR = "zone-of-old-homes"
NODES = [b.node("cp-0", b.CONTROL_PLANE), b.node("ws-0", b.WORKSPACES, zone="a")]


@pytest.fixture(scope="module")
def kube(unattended: Provider) -> Kube:
    return unattended.kube


@pytest.fixture
def far_node(kube: Kube) -> Iterator[str]:
    """A node outside the pool, the only one in its zone."""
    node = kube.get("Node", "stray-0")
    kube.patch(node, {"metadata": {"labels": {ZONE: FAR}}})
    yield "stray-0"
    kube.patch(node, {"metadata": {"labels": {ZONE: None}}})


def test_a_workspace_whose_home_is_in_another_zone_starts_there(kube: Kube, far_node: str) -> None:
    """The volume holds the Pod in a zone that the pool is not in: it runs, and outside the pool."""
    namespace = kube.namespace("coder")
    far_claim, far = workspace_deployment("far", namespace)
    volume = _home_of_old(kube, far_claim)
    armed = arm(kube, managed(namespace), NODES, volume)
    for one in (far_claim, far, *workspace_deployment("near", namespace)):
        kube.create(one)
    assert _node_of(kube, namespace, "far") == far_node
    assert _node_of(kube, namespace, "near").startswith("ws-")
    armed.disarm()


def test_without_the_guard_it_would_wait_for_ever(kube: Kube, far_node: str) -> None:
    """The same home, unknown to the operator: the scheduler finds no node of both zone and pool."""
    namespace = kube.namespace("coder")
    claim, workspace = workspace_deployment("far", namespace)
    _home_of_old(kube, claim)
    armed = arm(kube, managed(namespace), NODES)
    for one in (claim, workspace):
        kube.create(one)
    waiting = kube.wait_for(
        lambda: [one for one in kube.list("pods", namespace) if _unschedulable(one)],
        what="the scheduler's word",
    )
    assert len(waiting) == 1, f"and {far_node} was there"
    armed.disarm()


def test_only_pods_that_mount_such_a_claim_merely_prefer_the_pool(kube: Kube) -> None:
    """By the claim's name and the Pod's namespace; the user's own Required is not softened."""
    namespace = kube.namespace("coder")
    armed = arm(kube, managed(namespace), NODES, b.persistent_volume("x", f"{namespace}/old", FAR))
    assert required(_mounting(armed, "new")) == BOUND
    assert required(_mounting(armed, "new", "old")) == []
    (wish,) = preferred(_mounting(armed, "old"))
    assert wish["preference"] == BOUND[0]
    armed.say(workspaces={"strandedClaims": ["elsewhere/old"]})
    kube.wait_for(lambda: required(_mounting(armed, "old")), timeout=5, what="the other claim")
    armed.say(workspaces={"strandedClaims": [f"{namespace}/old"]})
    kube.wait_for(lambda: not required(_mounting(armed, "old")), timeout=5, what="the claim again")
    resource = kube.refresh(armed.resource)
    pool = {"nodePool": {"placement": "Required"}}
    kube.patch(resource, {"spec": {"workspaces": pool}})
    kube.wait_for(lambda: required(_mounting(armed, "old")), timeout=5, what="the user's word")
    armed.disarm()


def test_the_most_claims_on_a_pod_of_many_volumes_stay_within_the_budget(kube: Kube) -> None:
    """A full list of the longest names, none of them the Pod's, and fifty claims to look up."""
    namespace = kube.namespace("coder")
    claims = [f"{number:0253}" for number in range(MOST_STRANDED)]
    volumes = [b.persistent_volume(f"pv-{one[-3:]}", f"{namespace}/{one}", FAR) for one in claims]
    armed = arm(kube, managed(namespace), NODES, volumes)
    said = kube.refresh(armed.resource)["status"]["placement"]["workspaces"]["strandedClaims"]
    assert len(said) == MOST_STRANDED
    assert required(_mounting(armed, *(f"{number:0252}" for number in range(50)))) == BOUND
    assert required(_mounting(armed, claims[-1])) == []
    armed.disarm()


def _home_of_old(kube: Kube, claim: dict[str, Any]) -> dict[str, Any]:
    """A volume in the far zone that waits for this claim, and the claim told to take it."""
    metadata = claim["metadata"]
    name = f"old-{metadata['namespace']}"
    claim["spec"] |= {"storageClassName": "", "volumeName": name}
    volume = b.persistent_volume(name, f"{metadata['namespace']}/{metadata['name']}", FAR)
    kube.create(volume)
    return volume


def _mounting(armed: Armed, *claims: str) -> dict[str, Any]:
    """The spec with which a workspace that mounts these claims is admitted."""
    volumes = [
        {"name": f"v-{number}", "persistentVolumeClaim": {"claimName": claim}}
        for number, claim in enumerate(claims)
    ]
    return armed.admitted(pod(armed.namespace, volumes=volumes))


def _node_of(kube: Kube, namespace: str, workspace: str) -> str:
    labels = f"com.coder.workspace.name={workspace}"
    (running,) = kube.wait_for(
        lambda: kube.list("pods", namespace, labels=labels, fields="status.phase=Running"),
        what=f"workspace {workspace} to run",
    )
    node: str = running["spec"]["nodeName"]
    return node


def _unschedulable(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one.get("reason") == "Unschedulable" for one in conditions)
