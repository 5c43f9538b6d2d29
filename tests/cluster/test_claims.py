"""Who holds what: a coderd of somebody else's, two CoderDeployments in one place, system namespaces."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.coder_manifests import chart_coderd
from support.deployments import (
    condition,
    database_secret,
    managed,
    ready_coder,
    wait_condition,
)
from support.installation import NAMESPACE

if TYPE_CHECKING:
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
