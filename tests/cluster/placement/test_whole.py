"""Placement as a whole: real Deployments, other policies, large Pods, the end of the resource."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest

from support import builders as b
from support.admission import (
    AGENT,
    PREFERRED,
    WEBHOOKS,
    Armed,
    arm,
    pod,
    preferred,
    required,
    terms,
)
from support.deployments import managed
from support.placing import (
    BY_NAME,
    NODES,
    WS,
    ZONE_A,
    coderd,
    meddling_binding,
    meddling_policy,
    nodes_of,
    running,
    workspace,
)
from support.workspace_manifests import (
    devcontainer_deployment,
    soft_anti_affinity,
    workspace_deployment,
)

if TYPE_CHECKING:
    from harness.kube import Kube

pytestmark = pytest.mark.cluster


def test_workspaces_land_on_their_pool_and_coderd_on_its_own(fresh: Armed) -> None:
    """Real Deployments, the real scheduler: nothing of theirs changed, their Pods in the right place."""
    kube, namespace = fresh.kube, fresh.namespace
    dev = namespace
    made = [
        kube.create(one)
        for one in (
            *workspace_deployment("one", dev),
            *devcontainer_deployment("two", dev),
        )
    ]
    assert nodes_of(kube, namespace, 2) == {"ws"}
    coder = coderd(kube, namespace, replicas=2)
    pods = kube.wait_for(
        lambda: running(kube, namespace, "app.kubernetes.io/name=coder", 2), what="coderd"
    )
    assert {one["spec"]["nodeName"].rpartition("-")[0] for one in pods} == {"cp"}
    for one in (*made, coder):
        if one["kind"] == "Deployment":
            now = kube.refresh(one)
            assert now["spec"] == one["spec"]
            assert now["metadata"]["generation"] == 1


def test_a_distance_that_selects_nobody_is_completed(armed: Armed) -> None:
    """The document's own snippet selects a label that no workspace has; the template's is enough."""
    own = soft_anti_affinity()
    assert (
        workspace(armed, labels=BY_NAME, affinity=own)["affinity"]["podAntiAffinity"]
        == (own["podAntiAffinity"])
    )
    dead = soft_anti_affinity()
    term = dead["podAntiAffinity"][PREFERRED][0]["podAffinityTerm"]
    term["labelSelector"]["matchExpressions"][0]["key"] = "app.kubernetes.io/instance"
    made = workspace(armed, labels=BY_NAME, affinity=dead)["affinity"]["podAntiAffinity"]
    assert made[PREFERRED] == [
        *dead["podAntiAffinity"][PREFERRED],
        *own["podAntiAffinity"][PREFERRED],
    ]


@pytest.mark.parametrize(
    ("over", "is_added"),
    [
        ({}, False),
        ({"namespaces": []}, False),
        ({"namespaces": ["elsewhere"]}, True),
        ({"namespaceSelector": {"matchLabels": {"team": "elsewhere"}}}, True),
        ({"topologyKey": "topology.kubernetes.io/zone"}, True),
    ],
)
def test_a_distance_from_others_than_its_neighbours_is_completed(
    armed: Armed, over: dict[str, Any], is_added: bool
) -> None:
    """In another namespace, or between zones, it lets workspaces crowd one node: as CVA-NODE-006 judges it."""
    own = soft_anti_affinity()
    (term,) = own["podAntiAffinity"][PREFERRED]
    term["podAffinityTerm"].update(over)

    spec = workspace(armed, labels=BY_NAME, affinity=own)

    assert len(spec["affinity"]["podAntiAffinity"][PREFERRED]) == 1 + is_added


def test_the_distance_selects_a_label_that_the_pod_has(armed: Armed) -> None:
    """By Coder's own label where there is no name; not at all where nothing is shared."""
    made = workspace(armed, labels={"com.coder.resource": "true"})
    (term,) = made["affinity"]["podAntiAffinity"][PREFERRED]
    selector = term["podAffinityTerm"]["labelSelector"]["matchExpressions"]
    assert selector == [{"key": "com.coder.resource", "operator": "In", "values": ["true"]}]
    assert "podAntiAffinity" not in workspace(armed)["affinity"]


def test_a_change_by_another_policy_afterwards_changes_nothing_twice(armed: Armed) -> None:
    """The API server runs the policy again when another one has changed the Pod since."""
    kube = armed.kube
    if kube in WEBHOOKS:
        pytest.skip("this API server serves no policy that could; a webhook does in the next test")
    meddling = [meddling_policy(), meddling_binding(armed.namespace)]
    for one in meddling:
        kube.create(one)
    made = pod(armed.namespace, labels=BY_NAME)
    kube.wait_for(
        lambda: kube.create(made, dry_run=True)["spec"].get("priorityClassName"),
        timeout=60,
        what="the other policy",
    )
    spec = armed.admitted(made)
    assert required(spec) == [{"matchExpressions": [WS]}]
    assert len(spec["affinity"]["podAntiAffinity"][PREFERRED]) == 1
    for one in meddling:
        kube.delete(one)


def test_a_change_by_another_webhook_afterwards_changes_nothing_twice(
    kube: Kube, armed: Armed
) -> None:
    """Somebody's webhook whose name comes later; the API server asks ours again."""
    if kube not in WEBHOOKS:
        pytest.skip("no webhook is served to this API server")
    resource = managed(kube.namespace("coder"))
    resource["spec"]["workspaces"]["nodePool"]["selector"] = {"pool": "others"}
    other = arm(kube, resource, b.node("x", labels={"pool": "others"}))
    meddling = copy.deepcopy(
        next(one for one in other.rendered if one["kind"] == "MutatingWebhookConfiguration")
    )
    meddling["metadata"] = {"name": "zz-meddling"}
    selector = meddling["webhooks"][0]["namespaceSelector"]
    selector["matchExpressions"][0]["values"] = [armed.namespace]
    kube.create(meddling)
    made = pod(armed.namespace, labels=BY_NAME)
    kube.wait_for(
        lambda: preferred(kube.create(made, dry_run=True)["spec"]),
        timeout=60,
        what="the other webhook",
    )
    spec = armed.admitted(made)
    assert required(spec) == [{"matchExpressions": [WS]}]
    assert len(spec["affinity"]["podAntiAffinity"][PREFERRED]) == 1
    kube.delete(kube.get("MutatingWebhookConfiguration", "zz-meddling"))
    other.disarm()


def test_a_pod_of_twenty_containers_stays_within_the_budget(armed: Armed) -> None:
    """The time that the API server grants suffices for the largest Pods that templates make."""
    env = [{"name": f"VARIABLE_{number}", "value": "x" * 100} for number in range(300)]
    containers = [{"name": f"c{number}", "image": "x", "env": env} for number in range(20)]
    containers[-1] = {**containers[-1], "env": [*env, AGENT]}
    labels = {f"example.com/label-{number}": "x" for number in range(50)}
    spec = workspace(armed, labels=labels, containers=containers)
    assert required(spec) == [{"matchExpressions": [WS]}]


def test_a_pool_of_eight_labels_and_a_pod_of_many_terms_stay_within_the_budget(kube: Kube) -> None:
    """The largest pool that a spec may describe, on a Pod with twenty terms of its own."""
    resource = managed(kube.namespace("coder"))
    selector = {f"example.com/label-{number}": "x" for number in range(8)}
    tolerations = [{"key": f"taint-{number}", "operator": "Exists"} for number in range(16)]
    resource["spec"]["workspaces"]["nodePool"] = {
        "selector": selector,
        "tolerations": tolerations,
        "placement": "Required",
    }
    armed = arm(kube, resource)
    many = [[{**ZONE_A, "values": [str(number)]}] for number in range(20)]
    spec = workspace(armed, affinity=terms(*many))
    assert all(len(one["matchExpressions"]) == 9 for one in required(spec))
    assert len(required(spec)) == 20
    assert len(spec["tolerations"]) == 18
    armed.disarm()


def test_deleting_the_deployment_disarms(kube: Kube) -> None:
    """With the operator gone and its policies left behind, Pods are as their templates made them."""
    armed = arm(kube, managed(kube.namespace("coder")), NODES)
    kube.delete(armed.resource)
    kube.wait_for(lambda: not armed.affinity_of(pod(armed.namespace)), what="the disarming")
    armed.disarm()


def test_what_is_written_is_what_is_rendered(kube: Kube) -> None:
    """Policies and bindings applied again are no write: the API server fills in nothing of ours."""
    resource = managed(kube.namespace("coder"))
    resource["spec"]["workspaces"]["storage"] = {"storageClassName": "fast", "minSize": "1Gi"}
    fast = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast"},
        "provisioner": "disk.harness.test",
    }
    armed = arm(kube, resource, NODES, fast)
    # The placement and the class of claims are one configuration where a webhook has to do it.
    assert len(armed.rendered) == (5 if kube in WEBHOOKS else 8)
    for one in armed.rendered:
        if one["kind"] == "ValidatingAdmissionPolicy":
            # The API server's controller checks its types, and writes its findings into the status.
            checked = kube.wait_until(one, lambda it: "typeChecking" in it.get("status", {}))
            assert checked["status"]["typeChecking"] == {}
        once, twice = (kube.apply(one, manager="operator")["metadata"] for _ in range(2))
        assert once["resourceVersion"] == twice["resourceVersion"], one["metadata"]["name"]
        assert once["generation"] == 1
    armed.disarm()


def test_without_its_parameter_nothing_happens(fresh: Armed) -> None:
    """A CoderDeployment that no operator has looked at yet changes no Pod, nor does one that is deleted."""
    fresh.kube.delete(fresh.parameter)
    fresh.kube.wait_for(
        lambda: not fresh.affinity_of(pod(fresh.namespace)), what="the placement to go"
    )
    assert "affinity" not in workspace(fresh, labels=BY_NAME)
