"""Required, Preferred and Off on the real scheduler; who is recognised, and who is never touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support import builders as b
from support.admission import (
    AGENT,
    Armed,
    arm,
    pod,
    preferred,
    required,
)
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed
from support.placing import (
    BY_NAME,
    CP,
    NODES,
    WS,
    nodes_of,
    unschedulable,
    workspace,
)
from support.workspace_manifests import (
    envbox_pod,
    virtual_machine_pod,
    workspace_deployment,
)

if TYPE_CHECKING:
    from harness.kube import Kube

pytestmark = pytest.mark.cluster


def test_a_preferred_pool_keeps_nobody_from_starting(fresh: Armed) -> None:
    """The guard has flipped: a new workspace prefers the pool, and starts although it is gone."""
    nowhere = {**WS, "values": ["nowhere"]}
    fresh.say(workspaces={"mode": "Preferred", "requirements": [nowhere]})
    wanted = [{"weight": 100, "preference": {"matchExpressions": [nowhere]}}]
    fresh.kube.wait_for(
        lambda: preferred(workspace(fresh)) == wanted, timeout=60, what="the flip of the guard"
    )
    for one in workspace_deployment("dev", fresh.namespace):
        fresh.kube.create(one)
    assert nodes_of(fresh.kube, fresh.namespace, 1)


def test_a_required_pool_holds(fresh: Armed) -> None:
    """The user's own Required: without a node of the pool the workspace waits, and runs nowhere else."""
    nowhere = {**WS, "values": ["nowhere"]}
    fresh.say(workspaces={"requirements": [nowhere]})
    kube, namespace = fresh.kube, fresh.namespace
    kube.wait_for(
        lambda: required(workspace(fresh)) == [{"matchExpressions": [nowhere]}],
        what="the placement",
    )
    for one in workspace_deployment("dev", namespace):
        kube.create(one)
    pending = kube.wait_for(
        lambda: [one for one in kube.list("pods", namespace) if unschedulable(one)],
        what="the scheduler's word",
    )
    assert len(pending) == 1


def test_off_places_nobody(fresh: Armed) -> None:
    """With the mode Off a Pod is as its template made it."""
    fresh.say(workspaces={"mode": "Off", "antiAffinity": False})
    fresh.kube.wait_for(
        lambda: not fresh.affinity_of(pod(fresh.namespace)), timeout=60, what="mode Off"
    )
    assert "affinity" not in workspace(fresh, labels=BY_NAME)


def test_recognised_by_name_alone(armed: Armed) -> None:
    """Devcontainer Pods carry one label; one whose token comes from a Secret is known by it."""
    assert required(workspace(armed, labels=BY_NAME, agent=False)) == [{"matchExpressions": [WS]}]
    by_app = {"app": "coder-workspace"}
    assert required(workspace(armed, labels=by_app, agent=False)) == [{"matchExpressions": [WS]}]
    by_coder = {"com.coder.workspace.id": "1"}
    assert required(workspace(armed, labels=by_coder, agent=False)) == [{"matchExpressions": [WS]}]


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"app": "web"},
        {"com.coder.resource": "false"},
        {"app.kubernetes.io/name": "coder-provisioner"},
        {"app.kubernetes.io/name": "coder-ai-gateway", "com.coder.resource": "true"},
        {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "proxy"},
    ],
)
def test_other_pods_are_let_through_untouched(armed: Armed, labels: dict[str, str]) -> None:
    """Neighbours, provisioners, proxies, the AI gateway: none of them is a workspace or coderd."""
    assert "affinity" not in workspace(armed, labels=labels, agent=False)


def test_an_agents_token_in_an_init_container_is_a_proof_too(armed: Armed) -> None:
    """Templates start agents wherever they like."""
    init = [{"name": "init", "image": "x", "env": [AGENT]}]
    assert required(workspace(armed, agent=False, initContainers=init))


def test_bare_pods_have_their_own_switch(kube: Kube) -> None:
    """An envbox Pod is left alone by default, and placed once barePods is enforced."""
    resource = managed(kube.namespace("coder"))
    audited = arm(kube, resource, NODES)
    assert "affinity" not in workspace(audited, owned=False)
    audited.disarm()
    enforced = managed(kube.namespace("coder"))
    enforced["spec"]["workspaces"]["barePods"] = "Enforce"
    armed = arm(kube, enforced, NODES)
    box = envbox_pod("box", armed.namespace)[-1]
    assert required(armed.admitted(box)) == [{"matchExpressions": [WS]}]
    armed.disarm()


def test_virtual_machines_have_their_own_switch(kube: Kube) -> None:
    """A launcher of KubeVirt is left alone by default; enforced, what it moves into is never bound."""
    resource = managed(kube.namespace("coder"))
    audited = arm(kube, resource, NODES)
    assert "affinity" not in audited.admitted(virtual_machine_pod("vm", audited.namespace))
    audited.disarm()
    enforced = managed(kube.namespace("coder"))
    enforced["spec"]["workspaces"]["virtualMachines"] = "Enforce"
    enforced["spec"]["workspaces"]["nodePool"]["placement"] = "Required"
    armed = arm(kube, enforced, NODES)
    settled = armed.admitted(virtual_machine_pod("vm", armed.namespace))
    assert required(settled) == [{"matchExpressions": [WS]}]
    machine = virtual_machine_pod("vm", armed.namespace, migrating=True)
    moving = armed.admitted(machine)
    assert required(moving) == []
    assert preferred(moving) == [{"weight": 100, "preference": {"matchExpressions": [WS]}}]
    key = "requiredDuringSchedulingIgnoredDuringExecution"
    apart = machine["spec"]["affinity"]["podAntiAffinity"][key]
    assert moving["affinity"]["podAntiAffinity"][key] == apart
    armed.disarm()


@pytest.mark.parametrize("kind", ["DaemonSet", "Node"])
def test_pods_that_belong_to_one_node_are_never_placed(armed: Armed, kind: str) -> None:
    """A pool would leave Pods of a DaemonSet, or a kubelet's own, Pending on all other nodes."""
    made = pod(armed.namespace, labels=BY_NAME)
    made["metadata"]["ownerReferences"][0]["kind"] = kind
    assert "affinity" not in armed.admitted(made)


def test_the_image_of_a_static_pod_is_never_touched(armed: Armed) -> None:
    """The kubelet's own Pod, whose image in the API may not differ from its file."""
    made = pod(armed.namespace, labels=BY_NAME, nodeName="stray-0")
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    del made["metadata"]["ownerReferences"]
    assert "affinity" not in armed.admitted(made)


def test_coderd_is_known_by_its_own_labels_and_namespace(kube: Kube) -> None:
    """An adopted release of another name is placed; the same labels elsewhere mean nothing."""
    home = kube.namespace("coder")
    dev = kube.namespace("dev", labels={})
    consent = {"cva.coder.com/deployment": f"{home}/coder"}
    coderd = chart_coderd(home, release="prod")
    armed = arm(kube, adopted(home), NODES, coderd, b.namespace(dev, annotations=consent))
    labels = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "prod"}
    made = armed.admitted(pod(home, labels=labels, agent=False))
    assert required(made) == [{"matchExpressions": [CP]}]
    assert "podAntiAffinity" not in made["affinity"]
    assert "affinity" not in armed.admitted(pod(dev, labels=labels, agent=False))
    assert required(armed.admitted(pod(dev))) == [{"matchExpressions": [WS]}]
    armed.disarm()


def test_workspaces_beside_coderd_are_left_alone_where_they_are_not_wanted(kube: Kube) -> None:
    """spec.workspaces.namespaces names another one: coderd is placed, workspaces beside it are not."""
    home, dev = kube.namespace("coder"), kube.namespace("dev")
    resource = managed(home)
    resource["spec"]["workspaces"]["namespaces"] = {"names": [dev]}
    consent = {"cva.coder.com/deployment": f"{home}/coder"}
    armed = arm(
        kube,
        resource,
        NODES,
        b.namespace(dev, annotations=consent),
        until=lambda: kube.create(pod(dev), dry_run=True)["spec"].get("affinity"),
    )
    labels = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}
    assert required(armed.admitted(pod(home, labels=labels, agent=False)))
    assert "affinity" not in armed.admitted(pod(home, labels=BY_NAME))
    armed.disarm()


def test_other_namespaces_are_untouched(armed: Armed, namespace_of_others: str) -> None:
    """A workspace where no consent was given is nobody's business."""
    assert "affinity" not in armed.admitted(pod(namespace_of_others, labels=BY_NAME))


@pytest.fixture
def namespace_of_others(kube: Kube) -> str:
    return kube.namespace("others")


def test_two_deployments_do_not_get_into_each_others_way(kube: Kube, armed: Armed) -> None:
    """Each namespace is placed by its own parameter."""
    other = managed(kube.namespace("coder"))
    other["spec"]["workspaces"]["nodePool"]["selector"] = {"pool": "others"}
    second = arm(kube, other, b.node("x", labels={"pool": "others"}))
    theirs = {"key": "pool", "operator": "In", "values": ["others"]}
    assert required(workspace(second)) == [{"matchExpressions": [theirs]}]
    assert required(workspace(armed)) == [{"matchExpressions": [WS]}]
    second.disarm()
