"""protectNodes on a real API server: what is written on nodes, with which right, and that it all goes again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
import yaml

from harness.api import ApiError
from harness.kube import Kube
from support.deployments import managed, ready_coder
from support.installation import NAMESPACE, ROOT, SERVICE_ACCOUNT
from support.stage import own_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = pytest.mark.cluster

DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
MARK = "cva.coder.com/protected"
POOL = "example.com/pool"


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster with an operator that may annotate nodes for everybody, by the shipped overlay."""
    with own_stage(request, tmp_path_factory.mktemp("protected")) as it:
        for one in overlay():
            it.kube.apply(one, manager="installer")
        yield it


@pytest.fixture
def operator(stage: Stage) -> Iterator[OperatorProcess]:
    """The operator of one test."""
    process = stage.operator(ALLOW_NODE_ANNOTATIONS="*")
    process.start()
    yield process
    for resource in stage.kube.list("CoderDeployment"):
        stage.kube.delete(resource)
    process.kill()
    stage.forget_leader()


@pytest.fixture
def kube(stage: Stage) -> Kube:
    """The administrator's client."""
    return stage.kube


@pytest.fixture
def namespace(kube: Kube) -> str:
    """A namespace for one test."""
    return kube.namespace("protected")


@pytest.fixture
def node(stage: Stage, namespace: str) -> str:
    """The one node of this test's pool."""
    room = {"cpu": "32", "memory": "128Gi"}
    (name,) = stage.cluster.nodes(f"{namespace}-cp", 1, labels={POOL: namespace}, capacity=room)
    return name


def overlay() -> list[Object]:
    """What an administrator applies."""
    text = (ROOT / "deploy" / "optional" / "protect-nodes.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load_all(text))


def notes(kube: Kube, node: str) -> dict[str, str]:
    """What of a node's annotations is about protection."""
    there = kube.get("Node", node)["metadata"].get("annotations") or {}
    return {key: value for key, value in there.items() if key in (DISABLED, MARK)}


def until(kube: Kube, node: str, wanted: dict[str, str]) -> None:
    """Waits for exactly these annotations."""
    kube.wait_for(lambda: notes(kube, node) == wanted, what=f"{wanted} on {node}")


OURS = {DISABLED: "true", MARK: DISABLED}


def switch(kube: Kube, resource: Object, **pool: Any) -> None:
    """Edits the pool in the spec."""
    kube.patch(resource, {"spec": {"controlPlane": {"nodePool": pool}}})


def pool(namespace: str) -> dict[str, Any]:
    """A pool whose nodes are protected."""
    return {"selector": {POOL: namespace}, "protectNodes": True}


def test_it_comes_and_goes_with_the_switch_the_label_and_the_resource(
    kube: Kube, operator: OperatorProcess, namespace: str, node: str
) -> None:
    """Nothing else of the node is ever ours."""
    resource = ready_coder(kube, namespace, nodePool=pool(namespace))
    until(kube, node, OURS)
    (entry,) = [
        one
        for one in kube.get("Node", node)["metadata"]["managedFields"]
        if one["manager"] == "coder-cva-operator"
    ]
    assert set(entry["fieldsV1"]) == {"f:metadata"}
    assert set(entry["fieldsV1"]["f:metadata"]["f:annotations"]) == {f"f:{DISABLED}", f"f:{MARK}"}

    switch(kube, resource, protectNodes=False)
    until(kube, node, {})
    assert "coder-cva-operator" not in {
        one["manager"] for one in kube.get("Node", node)["metadata"]["managedFields"]
    }
    switch(kube, resource, protectNodes=True)
    until(kube, node, OURS)
    kube.patch(kube.get("Node", node), {"metadata": {"labels": {POOL: "another"}}})
    until(kube, node, {})
    kube.patch(kube.get("Node", node), {"metadata": {"labels": {POOL: namespace}}})
    until(kube, node, OURS)
    kube.delete(resource)
    until(kube, node, {})


def test_it_goes_also_where_the_resource_went_while_the_operator_was_dead(
    stage: Stage, operator: OperatorProcess, namespace: str, node: str
) -> None:
    """Nodes have no owner that would take it along; the next operator does."""
    kube = stage.kube
    resource = ready_coder(kube, namespace, nodePool=pool(namespace))
    until(kube, node, OURS)
    operator.kill()
    kube.delete(resource)
    stage.forget_leader()
    operator.start()
    until(kube, node, {})


def test_two_that_share_nodes(
    kube: Kube, operator: OperatorProcess, namespace: str, node: str
) -> None:
    """It stays while one of them wants it."""
    first = ready_coder(kube, namespace, nodePool=pool(namespace))
    other = kube.namespace("protected")
    second = ready_coder(kube, other, nodePool=pool(namespace))
    until(kube, node, OURS)
    switch(kube, first, protectNodes=False)
    operator.look_again(kube, first)
    operator.look_again(kube, second)
    assert notes(kube, node) == OURS
    kube.delete(second)
    until(kube, node, {})


def test_the_word_of_others_stands(
    kube: Kube, operator: OperatorProcess, namespace: str, node: str
) -> None:
    """A value that somebody gave before, or in the place of ours, is left alone and told."""
    theirs = {"metadata": {"annotations": {DISABLED: "false"}}}
    kube.patch(kube.get("Node", node), theirs)
    resource = ready_coder(kube, namespace, nodePool=pool(namespace))
    told = kube.wait_until(resource, lambda one: held(one, "ForeignAnnotation"))
    assert node in held(told, "ForeignAnnotation")
    assert notes(kube, node) == {DISABLED: "false"}

    kube.patch(kube.get("Node", node), {"metadata": {"annotations": {DISABLED: None}}})
    until(kube, node, OURS)
    kube.patch(kube.get("Node", node), theirs)
    until(kube, node, {DISABLED: "false"})


def held(resource: Object, reason: str) -> str:
    """The message of what is held back for a reason; "" for nothing."""
    found = resource["status"].get("withheld") or ()
    return next((one["message"] for one in found if one["reason"] == reason), "")


def test_the_right_alone_and_the_word_alone_write_nothing(
    stage: Stage, namespace: str, node: str
) -> None:
    """It takes both; what is missing is told, and coderd is Ready all the same."""
    kube = stage.kube
    operator = stage.operator("untold", ALLOW_NODE_ANNOTATIONS="somewhere-else")
    operator.start()
    resource = ready_coder(kube, namespace, nodePool=pool(namespace))
    told = kube.wait_until(resource, lambda one: held(one, "NotPermitted"))
    names = f"ALLOW_NODE_ANNOTATIONS={','.join(sorted((namespace, 'somewhere-else')))}"
    assert names in held(told, "NotPermitted")
    operator.kill()
    stage.forget_leader()

    (binding,) = [one for one in overlay() if one["kind"] == "ClusterRoleBinding"]
    kube.delete(binding)
    try:
        operator = stage.operator("unentitled", ALLOW_NODE_ANNOTATIONS=namespace)
        operator.start()
        told = kube.wait_until(resource, lambda one: held(one, "Forbidden"))
        assert "kubectl apply -f deploy/optional/protect-nodes.yaml" in held(told, "Forbidden")
        assert notes(kube, node) == {}
    finally:
        kube.apply(binding, manager="installer")
        kube.delete(resource)
        operator.kill()
        stage.forget_leader()


def test_with_the_right_to_patch_nodes_nothing_but_three_annotations_can_be_changed(
    stage: Stage, node: str
) -> None:
    """Whoever holds the operator's token can neither label, nor taint, nor cordon."""
    config = stage.cluster.serviceaccount_kubeconfig(
        NAMESPACE, SERVICE_ACCOUNT, stage.folder / "as-the-operator.kubeconfig"
    )
    body = stage.kube.get("Node", node)
    client = Kube.of(config)
    # The API server looks for new policies about once a second.
    stage.kube.wait_for(lambda: _is_held(client, body), what="the policy to act")
    for change in (
        {"metadata": {"labels": {POOL: "mine"}}},
        {"metadata": {"annotations": {"example.com/other": "x"}}},
        {"metadata": {"finalizers": ["example.com/stuck"]}},
        {"spec": {"unschedulable": True}},
        {"spec": {"taints": [{"key": "a", "effect": "NoExecute"}]}},
    ):
        with pytest.raises(ApiError, match="three annotations of a node, and nothing else"):
            client.patch(body, change)
    client.patch(body, {"metadata": {"annotations": {DISABLED: "true"}}})
    client.patch(body, {"metadata": {"annotations": {DISABLED: None}}})


def _is_held(client: Kube, node: Object) -> bool:
    """Whether an annotation of somebody else's is refused."""
    try:
        client.patch(node, {"metadata": {"annotations": {"example.com/probe": None}}})
        client.patch(node, {"metadata": {"annotations": {"example.com/probe": "x"}}})
    except ApiError as error:
        return "three annotations of a node" in str(error)
    return False


def test_the_switch_is_off_by_default(kube: Kube) -> None:
    """The schema writes it down."""
    resource = managed(kube.namespace("protected"))
    made = kube.create(resource, dry_run=True)
    assert made["spec"]["controlPlane"]["nodePool"]["protectNodes"] is False
