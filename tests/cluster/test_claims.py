"""Who holds what: a coderd of somebody else's, two CoderDeployments in one place, system namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.coder_manifests import chart_coderd
from support.deployments import (
    apply_younger,
    condition,
    database_secret,
    managed,
    ready_coder,
    region,
    wait_condition,
)
from support.installation import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"


def written(kube: Kube, namespace: str) -> list[str]:
    """What the operator has made in a namespace."""
    kinds = (
        "deployments.apps",
        "services",
        "serviceaccounts",
        "rolebindings",
        "networkpolicies",
        "poddisruptionbudgets",
    )
    return [
        f"{one['kind']} {one['metadata']['name']}"
        for kind in kinds
        for one in kube.list(kind, namespace, labels=OURS)
    ]


def stalled(kube: Kube, resource: Object, reason: str) -> Object:
    """The resource once it stands still for this reason."""
    found = wait_condition(kube, resource, "Stalled", "True", reason=reason)
    assert condition(found, "Ready")["status"] == "False"
    return found


def test_beside_a_foreign_coderd_nothing_is_written(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Where Helm's coderd stands nothing of ours appears; both remedies are told; it heals when theirs goes."""
    theirs = [kube.create(one) for one in chart_coderd(namespace, release="theirs", name="theirs")]
    kube.create(database_secret(namespace))
    resource = kube.apply(managed(namespace))

    told = stalled(kube, resource, "ForeignCoderd")

    message = condition(told, "Ready")["message"]
    assert "management: Adopted" in message
    assert f"kubectl -n {namespace} delete deployment theirs" in message
    operator.look_again(kube, resource)
    assert written(kube, namespace) == []
    for one in theirs:
        kube.delete(one)
    wait_condition(kube, resource, "Ready", "True")


def test_a_foreign_coderd_that_appears_later_stops_us(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Beside a coderd of ours that runs, a second one is told at once, and ours keeps running untouched."""
    resource = ready_coder(kube, namespace)
    before = kube.get("Deployment", "coder", namespace)

    for one in chart_coderd(namespace, release="theirs", name="theirs"):
        kube.create(one)

    stalled(kube, resource, "ForeignCoderd")
    after = kube.get("Deployment", "coder", namespace)
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    assert len(written(kube, namespace)) > 4


def test_of_two_in_a_namespace_the_older_holds(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """The younger CoderDeployment is Stalled, names the older, writes nothing, and takes over when it goes."""
    older = ready_coder(kube, namespace, "older")
    younger = kube.apply(managed(namespace, "younger"))

    told = stalled(kube, younger, "ClaimedByOlder")

    assert f"{namespace}/older" in condition(told, "Ready")["message"]
    assert kube.find("Deployment", "younger", namespace) is None
    wait_condition(kube, older, "Ready", "True")
    theirs = kube.get("Deployment", "older", namespace)
    kube.delete(older)
    wait_condition(kube, younger, "Ready", "True")
    kube.wait_gone(theirs)


def acts_on(kube: Kube, resource: Object, namespace: str) -> list[str]:
    """What was made for a CoderDeployment over the Pods of a namespace: its bindings and policies."""
    made = f"cva.coder.com/owner-uid={resource['metadata']['uid']}"
    bindings = [
        one
        for kind in ("MutatingAdmissionPolicyBinding", "ValidatingAdmissionPolicyBinding")
        for one in kube.list(kind, labels=made)
        if namespace in str(one["spec"]["matchResources"]["namespaceSelector"])
    ]
    policies = kube.list("networkpolicies", namespace, labels=made)
    return [f"{one['kind']} {one['metadata']['name']}" for one in (*bindings, *policies)]


@pytest.mark.parametrize(
    ("older", "younger"),
    [(managed, region), (region, managed), (region, region)],
    ids=["a region beside a coderd", "a coderd beside a region", "two regions"],
)
def test_in_a_namespace_one_acts_on_its_workspaces(
    kube: Kube,
    operator: OperatorProcess,
    namespace: str,
    older: Callable[[str, str], Object],
    younger: Callable[[str, str], Object],
) -> None:
    """Whatever the two are: over the same Pods there is one placement; who is elsewhere stands in nobody's way."""
    kube.create(database_secret(namespace))
    first = wait_condition(kube, kube.apply(older(namespace, "older")), "Ready", "True")
    second = apply_younger(kube, younger(namespace, "younger"), first)

    told = stalled(kube, second, "ClaimedByOlder")

    assert f"{namespace}/older is older" in condition(told, "Ready")["message"]
    operator.look_again(kube, second)
    assert acts_on(kube, second, namespace) == []
    assert acts_on(kube, first, namespace)
    assert kube.find("Deployment", "younger", namespace) is None
    wait_condition(kube, first, "Ready", "True")
    elsewhere = kube.patch(
        second, {"spec": {"workspaces": {"namespaces": {"names": ["elsewhere"]}}}}
    )
    wait_condition(kube, elsewhere, "Ready", "True")


def test_a_coderd_that_runs_is_not_doubled_by_an_edit(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """An older region that becomes Managed stands by beside a younger one's coderd, and takes over when that goes."""
    kube.create(database_secret(namespace))
    older = kube.apply(region(namespace, "older", "elsewhere"))
    younger = apply_younger(kube, managed(namespace, "younger"), older)
    wait_condition(kube, younger, "Ready", "True")
    theirs = kube.get("Deployment", "younger", namespace)

    older = kube.apply(managed(namespace, "older"))

    message = condition(stalled(kube, older, "ForeignCoderd"), "Ready")["message"]
    assert "move this one to a namespace of its own" in message
    assert f"kubectl -n {namespace} delete coderdeployment younger" in message
    operator.look_again(kube, older)
    operator.look_again(kube, younger)
    assert kube.find("Deployment", "older", namespace) is None
    assert kube.refresh(theirs)["metadata"]["uid"] == theirs["metadata"]["uid"]
    wait_condition(kube, younger, "Ready", "True")
    kube.delete(younger)
    wait_condition(kube, older, "Ready", "True")
    kube.wait_gone(theirs)


def test_beside_an_orphaned_coderd_of_another_name_none_is_made(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """It is on the same database: it is told with its remedies, and applied again under its name it is taken up."""
    kube.create(database_secret(namespace))
    manifest = managed(namespace)
    manifest["spec"]["deletionPolicy"] = "Orphan"
    old = wait_condition(kube, kube.apply(manifest), "Ready", "True")
    kube.delete(old)
    kube.wait_gone(old)
    left = kube.get("Deployment", "coder", namespace)
    pods = {one["metadata"]["uid"] for one in kube.list("pods", namespace)}

    other = kube.apply(managed(namespace, "coder2"))

    message = condition(stalled(kube, other, "ForeignCoderd"), "Ready")["message"]
    assert f"Adopted, or apply {namespace}/coder again" in message
    assert f"kubectl -n {namespace} delete deployment coder" in message
    operator.look_again(kube, other)
    assert [one["metadata"]["name"] for one in kube.list("Deployment", namespace)] == ["coder"]
    again = wait_condition(kube, apply_younger(kube, manifest, other), "Ready", "True")
    assert kube.refresh(left)["metadata"]["uid"] == left["metadata"]["uid"]
    assert {one["metadata"]["uid"] for one in kube.list("pods", namespace)} == pods
    stalled(kube, other, "ForeignCoderd")
    kube.patch(again, {"spec": {"deletionPolicy": "Delete"}})
    wait_condition(kube, kube.refresh(again), "Ready", "True")


@pytest.mark.parametrize("system", ["kube-system", NAMESPACE])
def test_in_a_system_namespace_nothing_is_written(
    kube: Kube, operator: OperatorProcess, system: str
) -> None:
    """A CoderDeployment in a namespace of the cluster's or the operator's own is refused by its status."""
    resource = kube.apply(managed(system, "misplaced"))
    try:
        stalled(kube, resource, "SystemNamespace")
        operator.look_again(kube, resource)
        assert written(kube, system) == []
    finally:
        kube.delete(resource)


def test_suspended_nothing_is_written_until_it_goes_on(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """While spec.suspend is true an edit stays; when it is false again the edit is repaired."""
    resource = ready_coder(kube, namespace)
    resource = kube.patch(resource, {"spec": {"suspend": True}})
    wait_condition(kube, resource, "Ready", "False", reason="Suspended")
    deployment = kube.get("Deployment", "coder", namespace)

    kube.patch(deployment, {"spec": {"replicas": 2}})
    service = kube.get("Service", "coder", namespace)
    kube.delete(service)
    operator.look_again(kube, resource)

    assert kube.refresh(deployment)["spec"]["replicas"] == 2
    assert kube.find("Service", "coder", namespace) is None
    resource = kube.patch(resource, {"spec": {"suspend": False}})
    wait_condition(kube, resource, "Ready", "True")
    assert kube.refresh(deployment)["spec"]["replicas"] == 3
    assert kube.find("Service", "coder", namespace)


def test_applied_suspended_it_starts_nothing(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """A CoderDeployment that is created suspended makes nothing at all, and says why."""
    manifest = managed(namespace)
    manifest["spec"]["suspend"] = True
    resource = kube.apply(manifest)

    told = wait_condition(kube, resource, "Ready", "False", reason="Suspended")

    operator.look_again(kube, resource)
    assert written(kube, namespace) == []
    assert "Reconciling" not in {one["type"] for one in told["status"]["conditions"]}
