"""The control plane's pool is lost while no operator runs: what becomes of coderd until the next one comes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.api.v1alpha1.coder_placement import PARAMETER
from support.admission import PREFERRED, REQUIRED
from support.deployments import ready_coder, wait_condition
from support.stage import own_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = pytest.mark.cluster

CODERD = "app.kubernetes.io/name=coder"
DISARM = "mutatingadmissionpolicybindings"


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster with an operator that each test kills."""
    with own_stage(request, tmp_path_factory.mktemp("unattended")) as it:
        yield it


@pytest.fixture
def operator(stage: Stage) -> Iterator[OperatorProcess]:
    """The operator of one test; nothing is left of it, nor of what it looked after."""
    process = stage.operator()
    process.start()
    yield process
    for resource in stage.kube.list("CoderDeployment"):
        stage.kube.delete(resource)
    process.kill()
    stage.forget_leader()


@pytest.fixture
def namespace(stage: Stage) -> str:
    """A namespace for one test."""
    return stage.kube.namespace("unattended")


def coder_on_its_pool(stage: Stage, namespace: str) -> tuple[Object, list[str]]:
    """A coderd that runs on a pool of this namespace's own, and the nodes of that."""
    room = {"cpu": "16", "memory": "64Gi"}
    labels = {"example.com/pool": namespace}
    nodes = stage.cluster.nodes(f"{namespace}-cp", 2, labels=labels, capacity=room)
    resource = ready_coder(stage.kube, namespace, nodePool={"selector": labels})
    assert resource["status"]["placement"]["controlPlane"]["mode"] == "Required"
    return resource, nodes


def pods(kube: Kube, namespace: str) -> list[Object]:
    """coderd's Pods."""
    return kube.list("pods", namespace, labels=CODERD)


def followers(kube: Kube, namespace: str, before: set[str]) -> list[Object]:
    """The Pods that follow those, once the scheduler has looked at all three."""

    def found() -> list[Object]:
        new = [one for one in pods(kube, namespace) if one["metadata"]["uid"] not in before]
        return new if len(new) == 3 and all(map(is_looked_at, new)) else []

    return kube.wait_for(found, what="the Pods that follow")


def uids(kube: Kube, namespace: str) -> set[str]:
    """Which Pods of coderd are there."""
    return {one["metadata"]["uid"] for one in pods(kube, namespace)}


def is_looked_at(pod: Object) -> bool:
    """Whether the scheduler has found a node, or none."""
    return any(one["type"] == "PodScheduled" for one in pod["status"].get("conditions", []))


def affinity(pod: Object) -> set[str]:
    """How firmly a Pod is bound to nodes."""
    return set(pod["spec"].get("affinity", {}).get("nodeAffinity", {}))


def stranded(
    stage: Stage, operator: OperatorProcess, namespace: str
) -> tuple[Object, list[Object]]:
    """A coderd whose whole pool goes while no operator runs, and the Pods that follow there."""
    resource, nodes = coder_on_its_pool(stage, namespace)
    before = uids(stage.kube, namespace)
    operator.kill()
    for name in nodes:
        stage.cluster.remove_node(name)
    return resource, followers(stage.kube, namespace, before)


def are_back(kube: Kube, namespace: str) -> None:
    """Waits for all replicas."""
    kube.wait_until(
        kube.get("Deployment", "coder", namespace),
        lambda one: one["status"].get("readyReplicas") == 3,
    )


def test_its_last_word_stands_until_the_next_operator_frees_whom_it_bound(
    stage: Stage, operator: OperatorProcess, namespace: str
) -> None:
    """Pods are bound to the pool that is gone and wait; the next operator lets them go, and coderd runs."""
    kube = stage.kube
    resource, stuck = stranded(stage, operator, namespace)

    assert [REQUIRED in affinity(one) for one in stuck] == [True] * 3
    assert not any(one["spec"].get("nodeName") for one in stuck)
    word = kube.refresh({**resource, **PARAMETER})["spec"]["controlPlane"]["mode"]
    assert word == "Required"

    stage.forget_leader()
    operator.start()
    are_back(kube, namespace)
    wait_condition(kube, resource, "Ready", "True")
    kube.wait_for(
        lambda: any(
            one["reason"] == "Evicted" for one in kube.list("events.events.k8s.io", namespace)
        ),
        what="the Event",
    )


def test_replicas_that_run_stay_and_those_that_restart_on_the_pool_come_back(
    stage: Stage, operator: OperatorProcess, namespace: str
) -> None:
    """Without an operator nothing but the loss of all of the pool is a problem."""
    kube = stage.kube
    _, nodes = coder_on_its_pool(stage, namespace)
    before = uids(kube, namespace)
    operator.kill()

    stage.cluster.remove_node(nodes[0])

    # The Deployment may not know yet that replicas are gone, so the Pods are asked.
    kube.wait_for(
        lambda: {one["spec"].get("nodeName") for one in pods(kube, namespace)} == {nodes[1]},
        timeout=60,
        what="all replicas on the other node",
    )
    are_back(kube, namespace)
    assert uids(kube, namespace) & before


def test_by_hand_it_takes_one_command_to_disarm_admission(
    stage: Stage, operator: OperatorProcess, namespace: str
) -> None:
    """With our bindings deleted, Pods that were stuck and are deleted are followed by free ones."""
    kube = stage.kube
    _, stuck = stranded(stage, operator, namespace)

    for binding in kube.list(DISARM, labels="app.kubernetes.io/managed-by=coder-cva-operator"):
        kube.delete(binding)
    # The API server looks for policies about once a second.
    kube.wait_for(lambda: is_free(kube, stuck[0]), what="admission without our bindings")
    for pod in stuck:
        kube.delete(pod, grace_seconds=0)

    are_back(kube, namespace)
    assert all(affinity(one) == {PREFERRED} for one in pods(kube, namespace))


def is_free(kube: Kube, pod: Object) -> bool:
    """Whether a Pod of the same template would be bound to nothing now."""
    metadata = pod["metadata"]
    fresh = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": "probe",
            "namespace": metadata["namespace"],
            "labels": metadata["labels"],
            "ownerReferences": metadata["ownerReferences"],
        },
        "spec": {"containers": [{"name": "coder", "image": "example.com/coder"}]},
    }
    return REQUIRED not in affinity(kube.create(fresh, dry_run=True))
