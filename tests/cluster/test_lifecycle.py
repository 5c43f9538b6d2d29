"""A CoderDeployment goes, comes back, or outlives its operator: what is left, and what is taken up again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import database_secret, managed, ready_coder, wait_condition
from support.stage import own_stage

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

# One cluster of their own, whose operator these tests stop and kill.
pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
INSIDE = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "RoleBinding",
    "PodDisruptionBudget",
    "NetworkPolicy",
)
FIRST_WRITES = (
    ("NetworkPolicy", "coder-coderd"),
    ("ServiceAccount", "coder"),
    ("Service", "coder"),
    ("RoleBinding", "coder"),
)
"""Objects of the first pass, after each of which the operator is killed once."""
OUTSIDE = (
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster with everything but the operator's process."""
    with own_stage(request, tmp_path_factory.mktemp("lifecycle")) as it:
        yield it


@pytest.fixture
def kube(stage: Stage) -> Kube:
    """The client of that cluster."""
    return stage.kube


@pytest.fixture
def operator(stage: Stage) -> Iterator[OperatorProcess]:
    """A running operator; whatever a test does to it, the next one has its own."""
    process = stage.operator()
    process.start()
    yield process
    for one in stage.kube.list("CoderDeployment"):
        stage.kube.delete(one)
        stage.kube.wait_gone(one)
    process.kill()
    stage.forget_leader()


@pytest.fixture
def namespace(kube: Kube) -> str:
    """A namespace of the test's own."""
    return kube.namespace("life")


def inside(kube: Kube, namespace: str, *kinds: str) -> list[Object]:
    """What is ours in a namespace."""
    return [one for kind in kinds or INSIDE for one in kube.list(kind, namespace, labels=OURS)]


def outside(kube: Kube, uid: str = "") -> list[Object]:
    """What is ours beside all namespaces, of one CoderDeployment or of all."""
    selector = f"cva.coder.com/owner-uid={uid}" if uid else OURS
    return [one for kind in OUTSIDE for one in kube.list(kind, labels=selector)]


def uid(resource: Object) -> str:
    """Its identity."""
    text: str = resource["metadata"]["uid"]
    return text


def test_deleted_with_the_operator_up_nothing_is_left(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Everything of ours goes, in the namespace and beside it; the Secret and claims stay."""
    resource = ready_coder(kube, namespace)
    assert inside(kube, namespace)
    assert outside(kube, uid(resource))

    kube.delete(resource)

    kube.wait_gone(resource)
    kube.wait_for(lambda: not inside(kube, namespace), what="an empty namespace")
    kube.wait_for(lambda: not outside(kube), what="no policies and bindings")
    assert kube.find("Secret", "coder-db-url", namespace)


def test_deleted_with_the_operator_down_nothing_is_left(
    kube: Kube, stage: Stage, operator: OperatorProcess, namespace: str
) -> None:
    """The namespace empties without the operator; what is beside it goes when the operator is back."""
    resource = ready_coder(kube, namespace)
    operator.kill()

    kube.delete(resource)

    kube.wait_for(lambda: not inside(kube, namespace), what="an empty namespace")
    assert outside(kube, uid(resource))
    stage.forget_leader()
    operator.start()
    kube.wait_for(lambda: not outside(kube), what="no policies and bindings")


@pytest.mark.parametrize("is_up", [True, False], ids=["operator up", "operator down"])
def test_applied_again_it_is_another_one(
    kube: Kube, stage: Stage, operator: OperatorProcess, namespace: str, is_up: bool
) -> None:
    """With its new UID a CoderDeployment gets objects of its own; nothing of the old one is left."""
    old = ready_coder(kube, namespace)
    if not is_up:
        operator.kill()
        stage.forget_leader()
    kube.delete(old)
    new = kube.apply(managed(namespace))
    if not is_up:
        operator.start()

    def are_all_new() -> bool:
        found = inside(kube, namespace)
        owners = {one["metadata"]["labels"]["cva.coder.com/owner-uid"] for one in found}
        return {one["kind"] for one in found} == set(INSIDE) and owners == {uid(new)}

    kube.wait_for(are_all_new, what="objects of the new one only")
    wait_condition(kube, new, "Ready", "True")
    kube.wait_for(lambda: not outside(kube, uid(old)), what="no bindings of the old one")
    assert outside(kube, uid(new))


def test_orphaned_coderd_runs_on_and_is_taken_up_again(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """With deletionPolicy Orphan no replica is lost, neither when the resource goes nor when it comes back."""
    kube.create(database_secret(namespace))
    manifest = managed(namespace)
    manifest["spec"]["deletionPolicy"] = "Orphan"
    old = wait_condition(kube, kube.apply(manifest), "Ready", "True")
    before = {uid(one) for one in kube.list("pods", namespace)}

    kube.delete(old)

    kube.wait_for(lambda: not outside(kube), what="no policies and bindings")
    kinds = {one["kind"] for one in inside(kube, namespace)}
    assert kinds >= {"Deployment", "Service", "ServiceAccount", "RoleBinding"}
    new = wait_condition(kube, kube.apply(manifest), "Ready", "True")
    assert {uid(one) for one in kube.list("pods", namespace)} == before
    kube.delete(new)
    kube.wait_gone(new)


@pytest.mark.parametrize("cascade", ["Foreground", "Orphan"])
def test_kubectls_own_ways_to_delete_are_respected(
    kube: Kube, operator: OperatorProcess, namespace: str, cascade: str
) -> None:
    """In the foreground nothing comes back while it goes; orphaned by kubectl everything here stays."""
    resource = ready_coder(kube, namespace)
    before = {uid(one) for one in inside(kube, namespace)}

    kube.api.request(
        "DELETE",
        f"/apis/cva.coder.com/v1alpha1/namespaces/{namespace}/coderdeployments/coder",
        {"propagationPolicy": cascade},
    )

    kube.wait_gone(resource)
    kube.wait_for(lambda: not outside(kube), what="no policies and bindings")
    if cascade == "Foreground":
        kube.wait_for(lambda: not inside(kube, namespace), what="an empty namespace")
        return
    assert {uid(one) for one in inside(kube, namespace)} == before
    again = wait_condition(kube, kube.apply(managed(namespace)), "Ready", "True")
    kube.wait_for(
        lambda: all(
            [ref["uid"] for ref in one["metadata"].get("ownerReferences", [])] == [uid(again)]
            for one in inside(kube, namespace)
        ),
        what="everything owned again",
    )
    assert {uid(one) for one in inside(kube, namespace)} == before


def test_a_policy_that_changes_later_decides(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """From Delete to Orphan the objects lose their owner, and back they get it; coderd is not restarted."""
    resource = ready_coder(kube, namespace)
    before = {uid(one) for one in kube.list("pods", namespace)}
    deployment = kube.get("Deployment", "coder", namespace)

    resource = kube.patch(resource, {"spec": {"deletionPolicy": "Orphan"}})

    kube.wait_until(deployment, lambda one: not one["metadata"].get("ownerReferences"))
    wait_condition(kube, resource, "Ready", "True")
    kube.patch(resource, {"spec": {"deletionPolicy": "Delete"}})
    kube.wait_until(deployment, lambda one: one["metadata"].get("ownerReferences"))
    assert "cva.coder.com/survives" not in kube.refresh(deployment)["metadata"]["labels"]
    assert {uid(one) for one in kube.list("pods", namespace)} == before


def test_the_namespace_deleted_with_the_operator_down(
    kube: Kube, stage: Stage, operator: OperatorProcess, namespace: str
) -> None:
    """The namespace ends at once, nothing of ours holds it; the operator sweeps the rest when it is back."""
    resource = ready_coder(kube, namespace)
    operator.kill()

    ending = kube.get("Namespace", namespace)
    kube.delete(ending)

    kube.wait_gone(ending)
    stage.forget_leader()
    operator.start()
    kube.wait_for(lambda: not outside(kube, uid(resource)), what="no bindings of it")


def test_killed_between_two_writes_it_ends_where_it_would_have(
    kube: Kube, stage: Stage, operator: OperatorProcess
) -> None:
    """Killed as soon as one of its objects is there, the next process finishes the work, nothing twice."""
    made = []
    there = []
    for kind, name in FIRST_WRITES:
        namespace = kube.namespace("killed")
        kube.create(database_secret(namespace))
        resource = kube.apply(managed(namespace))
        made.append((namespace, resource))
        # Without a pause: the next write is milliseconds away.
        assert any(kube.find(kind, name, namespace) for _ in range(100_000)), f"no {kind} came"
        operator.freeze()
        there.append({one["kind"] for one in inside(kube, namespace)})
        operator.kill()
        stage.forget_leader()
        operator.start()

    for namespace, resource in made:
        wait_condition(kube, resource, "Ready", "True")
        assert len(kube.list("replicasets", namespace)) == 1
        found = [(one["kind"], one["metadata"]["name"]) for one in inside(kube, namespace)]
        assert len(found) == len(set(found))
        assert {kind for kind, _ in found} == set(INSIDE)
        kube.delete(resource)
    assert any(kinds < set(INSIDE) for kinds in there), "no kill fell between two writes"
