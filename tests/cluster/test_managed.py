"""Managed: a CoderDeployment becomes a coderd on the static pool, says so, and then rests."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import condition, database_secret, managed, ready_coder, wait_condition

if TYPE_CHECKING:
    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
KINDS = (
    "deployments.apps",
    "services",
    "serviceaccounts",
    "rolebindings",
    "poddisruptionbudgets",
    "networkpolicies",
)


def versions(kube: Kube, namespace: str) -> dict[str, str]:
    """The resourceVersions of our own objects; status writes of other controllers aside."""
    return {
        f"{one['kind']}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
        for kind in KINDS
        for one in kube.list(kind, namespace, labels=OURS)
    }


def events(kube: Kube, resource: Object) -> list[tuple[str, str]]:
    """Type and reason of the Events about a resource."""
    found = kube.list("events.events.k8s.io", resource["metadata"]["namespace"])
    uid = resource["metadata"]["uid"]
    return [(one["type"], one["reason"]) for one in found if one["regarding"].get("uid") == uid]


def test_becomes_ready_on_the_static_pool(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Applied with its Secret, the deployment is Ready and every replica is on the pool."""
    ready_coder(kube, namespace)

    deployment = kube.get("Deployment", "coder", namespace)
    assert deployment["status"]["readyReplicas"] == 3
    pods = kube.list("pods", namespace, labels="app.kubernetes.io/name=coder")
    assert {pod["spec"]["nodeName"].rpartition("-")[0] for pod in pods} == {"cp"}
    assert len({pod["spec"]["nodeName"] for pod in pods}) == 3
    for kind in ("Service", "ServiceAccount", "RoleBinding"):
        assert kube.find(kind, "coder", namespace), kind


def test_without_a_licence_there_is_one_replica(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Replicas without a licence do not know each other, so there is one, and status says both figures."""
    ready_coder(kube, namespace, highAvailabilityLicensed=False)

    assert kube.get("Deployment", "coder", namespace)["spec"]["replicas"] == 1
    assert kube.find("PodDisruptionBudget", "coder-coderd", namespace) is None


def test_the_way_to_ready_is_no_trouble(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """A first creation that goes well leaves one Event about readiness, and it is no warning."""
    resource = ready_coder(kube, namespace)

    kube.wait_for(lambda: ("Normal", "Ready") in events(kube, resource), what="the Event")

    assert [one for one in events(kube, resource) if one[1] in ("Ready", "NotReady")] == [
        ("Normal", "Ready")
    ]


def test_a_status_is_there_before_the_first_object(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Nobody takes the resource for current before it is: not ready and under way from the first status."""
    kube.create(database_secret(namespace))
    resource = kube.apply(managed(namespace))

    early = kube.wait_until(resource, lambda one: condition(one, "Ready"))

    assert (condition(early, "Ready")["status"], condition(early, "Reconciling")["status"]) == (
        "False",
        "True",
    )
    wait_condition(kube, resource, "Ready", "True")


def test_what_is_settled_is_not_written_again(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Passes over a settled deployment write nothing: neither objects nor status."""
    resource = ready_coder(kube, namespace)
    resource = operator.look_again(kube, resource)
    before = versions(kube, namespace)

    for _ in range(2):
        after = operator.look_again(kube, resource)

    assert len(before) > 4
    assert versions(kube, namespace) == before
    assert after["status"] == resource["status"]


def test_a_further_spec_field_reaches_coderd(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """A change of the spec is rolled out, and Ready speaks of the new generation when it is."""
    resource = ready_coder(kube, namespace)
    env = [{"name": "CODER_VERBOSE", "value": "true"}]

    resource = kube.patch(resource, {"spec": {"controlPlane": {"env": env}}})

    ready = wait_condition(kube, resource, "Ready", "True")
    assert ready["status"]["observedGeneration"] == ready["metadata"]["generation"] == 2
    pods = kube.list("pods", namespace, labels="app.kubernetes.io/name=coder")
    alive = [one for one in pods if not one["metadata"].get("deletionTimestamp")]
    assert all(env[0] in one["spec"]["containers"][0]["env"] for one in alive)
