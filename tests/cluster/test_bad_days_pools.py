"""Node pools that match nothing, that vanish while coderd restarts, and that come back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.deployments import ready_coder, wait_condition

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from harness.provider import Provider
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

POOL = "example.com/pool"
CODERD = "app.kubernetes.io/name=coder"


@pytest.fixture
def pool(cluster: Provider, namespace: str) -> Iterator[list[str]]:
    """Two nodes that only this test's Coder asks for; what is left of them goes at the end."""
    names = make_pool(cluster, namespace)
    yield names
    for name in names:
        if cluster.kube.find("Node", name):
            cluster.remove_node(name)


def make_pool(cluster: Provider, namespace: str) -> list[str]:
    """Two nodes with the label of this namespace's pool."""
    room = {"cpu": "16", "memory": "64Gi"}
    return cluster.nodes(f"{namespace}-cp", 2, labels={POOL: namespace}, capacity=room)


def nodes_of(kube: Kube, namespace: str) -> set[str]:
    """Where coderd's replicas run, those on their way out aside."""
    pods = kube.list("pods", namespace, labels=CODERD)
    alive = [one for one in pods if not one["metadata"].get("deletionTimestamp")]
    return {one["spec"].get("nodeName", "") for one in alive}


def guard(resource: Object) -> str:
    """How firmly coderd is bound to its pool."""
    mode: str = resource["status"]["placement"]["controlPlane"]["mode"]
    return mode


def on(namespace: str) -> dict[str, Any]:
    """The part of a spec that asks for this namespace's pool."""
    return {"nodePool": {"selector": {POOL: namespace}}}


def stranded(kube: Kube, namespace: str) -> list[Object]:
    """Replicas for which the scheduler finds no node."""
    return [
        one
        for one in kube.list("pods", namespace, labels=CODERD)
        if any(it.get("reason") == "Unschedulable" for it in one["status"].get("conditions", []))
    ]


def test_a_pool_that_matches_nothing_stops_nothing(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """coderd comes up where there is room, the pool is preferred only, and the verdicts say what is wrong."""
    resource = ready_coder(kube, namespace, **on(namespace))

    assert guard(resource) == "Preferred"
    assert "no node has the pool's labels" in resource["status"]["placement"]["guards"]
    empty = [one for one in resource["status"]["findings"] if one["rule"] == "CVA-NODE-001"]
    assert [one["resource"] for one in empty] == ["Pool controlPlane"]
    assert f"kubectl label node NODE {POOL}={namespace}" in empty[0]["remedy"]


def test_coderd_moves_when_its_pool_is_gone_and_comes_back_with_it(
    kube: Kube, operator: OperatorProcess, cluster: Provider, namespace: str, pool: list[str]
) -> None:
    """Restarted without its pool coderd comes up elsewhere; restarted with a new one, it is on it again."""
    resource = ready_coder(kube, namespace, **on(namespace))
    assert nodes_of(kube, namespace) == set(pool)

    for name in pool:
        cluster.remove_node(name)

    wait_condition(kube, resource, "Ready", "True")
    kube.wait_until(resource, lambda one: guard(one) == "Preferred")
    kube.wait_until(
        kube.get("Deployment", "coder", namespace),
        lambda one: one["status"].get("readyReplicas") == 3,
    )
    assert nodes_of(kube, namespace).isdisjoint(pool)
    pool[:] = make_pool(cluster, namespace)
    kube.wait_until(resource, lambda one: guard(one) == "Required")
    for pod in kube.list("pods", namespace, labels=CODERD):
        kube.delete(pod, grace_seconds=0)
    kube.wait_for(lambda: nodes_of(kube, namespace) == set(pool), what="coderd on its pool")
    wait_condition(kube, resource, "Ready", "True")


def test_a_restart_during_the_loss_is_not_stranded(
    kube: Kube, operator: OperatorProcess, cluster: Provider, namespace: str, pool: list[str]
) -> None:
    """Replicas that were bound to the pool in the moment in which it went are evicted, and come up elsewhere."""
    resource = ready_coder(kube, namespace, **on(namespace))
    # Whoever decides about the new Pods has not seen the cordon yet.
    operator.freeze()
    try:
        for name in pool:
            kube.patch(kube.get("Node", name), {"spec": {"unschedulable": True}})
        for pod in kube.list("pods", namespace, labels=CODERD):
            kube.delete(pod, grace_seconds=0)
        kube.wait_for(lambda: len(stranded(kube, namespace)) == 3, what="replicas without a node")
    finally:
        operator.thaw()

    kube.wait_until(
        kube.get("Deployment", "coder", namespace),
        lambda one: one["status"].get("readyReplicas") == 3,
    )
    wait_condition(kube, resource, "Ready", "True")
    assert nodes_of(kube, namespace).isdisjoint(pool)
    told = kube.list("events.events.k8s.io", namespace)
    assert any(one["reason"] == "Evicted" for one in told)
