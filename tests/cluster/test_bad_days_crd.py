"""The CRD: applied after the operator, taken away again, and one that lets nonsense through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import condition, managed, ready_coder, wait_condition
from support.installation import install, shipped_manifests
from support.stage import own_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster with the operator's rights, and without the CRD."""
    with own_stage(request, tmp_path_factory.mktemp("crd"), installed=False) as it:
        for manifest in shipped_manifests():
            if manifest["kind"] != "CustomResourceDefinition":
                it.kube.apply(manifest)
        yield it


@pytest.fixture(scope="module")
def operator(stage: Stage) -> OperatorProcess:
    """The operator, started before there is a CRD."""
    process = stage.operator()
    process.start()
    return process


@pytest.fixture
def kube(stage: Stage, operator: OperatorProcess) -> Kube:
    """The client of that cluster, on which the operator runs."""
    return stage.kube


@pytest.fixture
def crd(kube: Kube) -> Iterator[Object]:
    """The CRD as shipped, from now to the end of the test."""
    install(kube)
    made = kube.get("CustomResourceDefinition", "coderdeployments.cva.coder.com")
    yield made
    kube.delete(made)
    kube.wait_gone(made)


def test_the_operator_waits_for_its_crd(kube: Kube, operator: OperatorProcess, crd: Object) -> None:
    """Started first it is ready and alive, and takes up what comes as soon as the CRD is there."""
    assert operator.is_ready()
    namespace = kube.namespace("late")

    ready_coder(kube, namespace)


def test_a_crd_that_goes_and_comes_back_loses_nothing_else(
    kube: Kube, operator: OperatorProcess, crd: Object
) -> None:
    """With the CRD go all CoderDeployments; the process stays, and with the CRD back it goes on."""
    ready_coder(kube, kube.namespace("before"))
    kube.delete(crd)
    kube.wait_gone(crd)
    assert operator.get("/healthz")[0] == 200

    install(kube)

    ready_coder(kube, kube.namespace("after"))
    assert operator.get("/healthz")[0] == 200


def test_without_the_kind_that_admission_reads_it_says_what_to_apply(
    kube: Kube, operator: OperatorProcess, crd: Object
) -> None:
    """As after an update without the CRDs: coderd stays, Ready names the remedy, and with the CRD it is made good."""
    namespace = kube.namespace("half")
    coder = ready_coder(kube, namespace)
    before = {one["metadata"]["uid"] for one in kube.list("Pod", namespace)}
    gone = kube.get("CustomResourceDefinition", "coderplacements.cva.coder.com")
    kube.delete(gone)
    kube.wait_gone(gone)
    operator.look_again(kube, coder)

    told = wait_condition(kube, coder, "Ready", "False", reason="NotServed")

    assert "its CRD is missing, apply it" in condition(told, "Ready")["message"]
    assert {one["metadata"]["uid"] for one in kube.list("Pod", namespace)} == before
    install(kube)
    operator.look_again(kube, coder)
    wait_condition(kube, coder, "Ready", "True")
    assert kube.get("CoderPlacement", "coder", namespace)["spec"]["workspaces"]


def test_a_spec_that_is_not_understood_stalls_that_one_alone(
    kube: Kube, operator: OperatorProcess, crd: Object
) -> None:
    """What a foreign CRD let through is told with the field and the remedy; its coderd and others go on."""
    namespace, other = kube.namespace("sense"), kube.namespace("nonsense")
    ready_coder(kube, namespace)
    broken = ready_coder(kube, other)
    open_schema = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    path = "/spec/versions/0/schema/openAPIV3Schema/properties/spec"
    kube.patch(crd, [{"op": "replace", "path": path, "value": open_schema}], how="json")
    change = {"spec": {"architecture": {"tier": "a lot"}}}
    # The API server takes a moment to forget the old schema.
    kube.wait_for(lambda: kube.patch(broken, change), what="the nonsense to be let through")

    told = wait_condition(kube, broken, "Stalled", "True", reason="InvalidSpec")

    assert "spec.architecture.tier" in condition(told, "Ready")["message"]
    assert kube.get("Deployment", "coder", other)["status"]["readyReplicas"] == 3
    sound = kube.get("CoderDeployment", "coder", namespace)
    operator.look_again(kube, sound)
    wait_condition(kube, sound, "Ready", "True")
    kube.patch(broken, {"spec": managed(other)["spec"]})
    wait_condition(kube, broken, "Ready", "True")


def test_it_never_writes_the_resource_itself(
    kube: Kube, operator: OperatorProcess, crd: Object
) -> None:
    """Only its status: no finalizer, no annotation, no field of the spec carries the operator's name."""
    namespace = kube.namespace("clean")

    resource = ready_coder(kube, namespace)

    found = kube.refresh(resource)["metadata"]
    assert "finalizers" not in found
    assert not any("kopf" in key for key in found.get("annotations", {}))
    others = {
        one["manager"] for one in found["managedFields"] if one.get("subresource") != "status"
    }
    assert others == {"test"}
