from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.placement import MOST_STRANDED
from support import builders as b
from support.admission import Armed, arm, pod, preferred, required
from support.coder_manifests import POOL
from support.deployments import managed, ready_coder
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

WS = {"key": POOL, "operator": "In", "values": ["workspaces"]}
BOUND = [{"matchExpressions": [WS]}]
ZONE = "topology.kubernetes.io/zone"
FAR = "zone-of-old-homes"
NODES = [b.node("cp-0", b.CONTROL_PLANE), b.node("ws-0", b.WORKSPACES, zone="a")]


@pytest.fixture(scope="module")
def alone(either_world: Provider) -> Kube:
    return either_world.kube


@pytest.fixture
def far_node(alone: Kube) -> Iterator[str]:
    """A node outside the pool, the only one in its zone."""
    node = alone.get("Node", "stray-0")
    alone.patch(node, {"metadata": {"labels": {ZONE: FAR}}})
    yield "stray-0"
    alone.patch(node, {"metadata": {"labels": {ZONE: None}}})


def test_a_workspace_whose_home_is_in_another_zone_starts_there(alone: Kube, far_node: str) -> None:
    """The volume holds the Pod in a zone that the pool is not in: it runs, and outside the pool."""
    namespace = alone.namespace("coder")
    far_claim, far = workspace_deployment("far", namespace)
    volume = _home_of_old(alone, far_claim)
    armed = arm(alone, managed(namespace), NODES, volume)
    for one in (far_claim, far, *workspace_deployment("near", namespace)):
        alone.create(one)
    assert _node_of(alone, namespace, "far") == far_node
    assert _node_of(alone, namespace, "near").startswith("ws-")
    armed.disarm()


def test_without_the_guard_it_would_wait_for_ever(alone: Kube, far_node: str) -> None:
    """The same home, unknown to the operator: the scheduler finds no node of both zone and pool."""
    namespace = alone.namespace("coder")
    claim, workspace = workspace_deployment("far", namespace)
    _home_of_old(alone, claim)
    armed = arm(alone, managed(namespace), NODES)
    for one in (claim, workspace):
        alone.create(one)
    waiting = alone.wait_for(
        lambda: [one for one in alone.list("pods", namespace) if _unschedulable(one)],
        what="the scheduler's word",
    )
    assert len(waiting) == 1, f"and {far_node} was there"
    armed.disarm()


def test_only_pods_that_mount_such_a_claim_merely_prefer_the_pool(alone: Kube) -> None:
    """By the claim's name and the Pod's namespace; the user's own Required is not softened."""
    namespace = alone.namespace("coder")
    armed = arm(alone, managed(namespace), NODES, b.persistent_volume("x", f"{namespace}/old", FAR))
    assert required(_mounting(armed, "new")) == BOUND
    assert required(_mounting(armed, "new", "old")) == []
    (wish,) = preferred(_mounting(armed, "old"))
    assert wish["preference"] == BOUND[0]
    armed.say(workspaces={"strandedClaims": ["elsewhere/old"]})
    alone.wait_for(lambda: _is_bound(armed, "old"), timeout=60, what="the other claim")
    armed.say(workspaces={"strandedClaims": [f"{namespace}/old"]})
    alone.wait_for(lambda: not _is_bound(armed, "old"), timeout=60, what="the claim again")
    armed.say(workspaces={"decided": True})
    alone.wait_for(lambda: _is_bound(armed, "old"), timeout=60, what="the user's word")
    armed.disarm()


def test_the_most_claims_on_a_pod_of_many_volumes_stay_within_the_budget(alone: Kube) -> None:
    """A full list of the longest names, none of them the Pod's, and fifty claims to look up."""
    namespace = alone.namespace("coder")
    claims = [f"{number:0253}" for number in range(MOST_STRANDED)]
    volumes = [b.persistent_volume(f"pv-{one[-3:]}", f"{namespace}/{one}", FAR) for one in claims]
    armed = arm(alone, managed(namespace), NODES, volumes)
    said = alone.refresh(armed.parameter)["spec"]["workspaces"]["strandedClaims"]
    assert len(said) == MOST_STRANDED
    assert required(_mounting(armed, *(f"{number:0252}" for number in range(50)))) == BOUND
    assert required(_mounting(armed, claims[-1])) == []
    armed.disarm()


def test_the_operator_sees_the_volume_and_the_node_that_reaches_it(
    kube: Kube, operator: OperatorProcess, cluster: Provider, namespace: str
) -> None:
    """With the rights as shipped: the claim is named when its volume is there, until the pool has its zone."""
    selector = {POOL: namespace}
    cluster.nodes(f"{namespace}-near", 1, labels={**selector, ZONE: "near"})
    resource = ready_coder(kube, namespace)
    pool = {"nodePool": {"selector": selector}}
    resource = kube.patch(resource, {"spec": {"workspaces": pool}})
    kube.wait_until(resource, lambda one: _told(one) == ("Required", []))
    kube.create(b.persistent_volume(f"old-{namespace}", f"{namespace}/old", namespace))
    kube.wait_until(resource, lambda one: _told(one) == ("Required", [f"{namespace}/old"]))
    cluster.nodes(f"{namespace}-far", 1, labels={**selector, ZONE: namespace})
    kube.wait_until(resource, lambda one: _told(one) == ("Required", []))


def _told(resource: dict[str, Any]) -> tuple[str, list[str]]:
    said = resource["status"]["placement"]["workspaces"]
    return said["mode"], said.get("strandedClaims", [])


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
    return armed.admitted(_workspace(armed, *claims))


def _is_bound(armed: Armed, claim: str) -> bool:
    """Whether it would be bound to the pool; asked once, for while a change of the status comes through."""
    return required({"affinity": armed.affinity_of(_workspace(armed, claim))}) == BOUND


def _workspace(armed: Armed, *claims: str) -> dict[str, Any]:
    volumes = [
        {"name": f"v-{number}", "persistentVolumeClaim": {"claimName": claim}}
        for number, claim in enumerate(claims)
    ]
    return pod(armed.namespace, volumes=volumes)


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
