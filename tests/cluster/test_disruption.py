from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired.disruption import build_disruption_budget
from harness.api import ApiError
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Iterator

    from coder_cva.desired.plan import Part
    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

LABELS = "app.kubernetes.io/name=coder"


@pytest.fixture(scope="module")
def kube(unattended: Provider) -> Kube:
    return unattended.kube


@pytest.fixture
def resource(kube: Kube) -> dict[str, Any]:
    """An adopted Coder of three replicas, which run."""
    namespace = kube.namespace("coder")
    for one in chart_coderd(namespace, replicas=3, database=False):
        kube.create(one)
    kube.wait_for(lambda: len(replicas(kube, namespace)) == 3, what="three replicas")
    return kube.create(adopted(namespace))


def replicas(kube: Kube, namespace: str) -> list[dict[str, Any]]:
    return kube.list("pods", namespace, labels=LABELS, fields="status.phase=Running")


def seen(kube: Kube, resource: dict[str, Any]) -> Part:
    """What the builder makes of the cluster as it is."""
    namespace = resource["metadata"]["namespace"]
    kinds = ("pods", "deployments", "replicasets", "poddisruptionbudgets")
    found = [one for kind in kinds for one in kube.list(kind, namespace)]
    return build_disruption_budget(b.world(resource, found, kube.list("nodes")))


def evict(kube: Kube, pod: dict[str, Any]) -> int:
    """Asks for an eviction as a drain does; the HTTP status of the answer."""
    name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
    body = {
        "apiVersion": "policy/v1",
        "kind": "Eviction",
        "metadata": {"name": name, "namespace": namespace},
    }
    try:
        kube.api.request("POST", f"/api/v1/namespaces/{namespace}/pods/{name}/eviction", body)
    except ApiError as error:
        return error.status
    return 201


@contextmanager
def no_room(kube: Kube) -> Iterator[None]:
    """No Pod finds a node while the block runs."""
    nodes = kube.list("Node")
    for one in nodes:
        kube.patch(one, {"spec": {"unschedulable": True}})
    try:
        yield
    finally:
        for one in nodes:
            kube.patch(one, {"spec": {"unschedulable": None}})


def test_a_drain_takes_one_replica_at_a_time(kube: Kube, resource: dict[str, Any]) -> None:
    """The first eviction is granted, the second has to wait until the replica is back."""
    (rendered,) = seen(kube, resource).objects
    budget = kube.apply(rendered)
    kube.wait_until(budget, lambda it: it.get("status", {}).get("disruptionsAllowed") == 1)
    first, second, _ = replicas(kube, resource["metadata"]["namespace"])
    with no_room(kube):  # else the replica may be back before the second is asked for
        assert evict(kube, first) == 201
        assert evict(kube, second) == 429
    kube.wait_until(budget, lambda it: it["status"]["disruptionsAllowed"] == 1)
    assert evict(kube, second) == 201


def test_beside_another_budget_ours_goes_and_drains_work(
    kube: Kube, resource: dict[str, Any]
) -> None:
    """Two budgets make every eviction fail; once ours is withdrawn theirs alone decides."""
    namespace = resource["metadata"]["namespace"]
    (rendered,) = seen(kube, resource).objects
    ours = kube.apply(rendered)
    theirs = {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "theirs", "namespace": namespace},
        "spec": {"maxUnavailable": 1, "selector": rendered["spec"]["selector"]},
    }
    made = kube.create(theirs)
    kube.wait_until(made, lambda it: it.get("status", {}).get("disruptionsAllowed") == 1)
    assert evict(kube, replicas(kube, namespace)[0]) == 500
    part = seen(kube, resource)
    assert part.objects == ()
    assert part.withheld[0].reason == "AnotherBudget"
    kube.delete(ours)
    assert evict(kube, replicas(kube, namespace)[0]) == 201
