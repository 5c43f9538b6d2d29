"""What others put beside coderd: budgets over its Pods, policies that cut it off."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.deployments import ready_coder, wait_condition

if TYPE_CHECKING:
    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

PODS = {"matchLabels": {"app.kubernetes.io/name": "coder"}}
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"


def withheld(resource: Object) -> dict[str, str]:
    """What is held back: messages by reason."""
    found = resource["status"].get("withheld", [])
    return {one["reason"]: one["message"] for one in found}


def budget(namespace: str) -> Object:
    """Somebody's PodDisruptionBudget over coderd."""
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "theirs", "namespace": namespace},
        "spec": {"minAvailable": 1, "selector": PODS},
    }


def closed(namespace: str, **spec: object) -> Object:
    """Somebody's NetworkPolicy that lets nobody reach coderd."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "closed", "namespace": namespace},
        "spec": {"podSelector": PODS, "policyTypes": ["Ingress"], **spec},
    }


def test_beside_somebody_elses_budget_ours_is_withdrawn(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Two budgets would make every eviction fail: ours goes, is told, and comes back when theirs goes."""
    resource = ready_coder(kube, namespace)
    ours = kube.get("PodDisruptionBudget", "coder-coderd", namespace)

    theirs = kube.create(budget(namespace))

    kube.wait_gone(ours)
    told = kube.wait_until(resource, lambda one: "AnotherBudget" in withheld(one))
    assert f"{namespace}/theirs" in withheld(told)["AnotherBudget"]
    wait_condition(kube, resource, "Ready", "True")
    kube.delete(theirs)
    kube.wait_for(lambda: kube.find("PodDisruptionBudget", "coder-coderd", namespace))


def test_a_policy_that_cuts_coderd_off_is_a_finding_and_no_fight(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Theirs is not touched, ours does not pierce it, the verdict fails with what to allow; it heals with theirs."""
    resource = ready_coder(kube, namespace)
    kube.wait_for(lambda: kube.find("NetworkPolicy", "coder-coderd", namespace))

    theirs = kube.create(closed(namespace))

    told = kube.wait_until(
        resource, lambda one: one["status"]["verdicts"]["CVA-NET-004"].startswith("failed")
    )
    found = [one for one in told["status"]["findings"] if one["rule"] == "CVA-NET-004"]
    assert any(f"{namespace}/closed" in str(one) for one in found)
    assert all(one["remedy"] for one in found)
    operator.look_again(kube, resource)
    assert kube.refresh(theirs) == theirs
    assert kube.find("NetworkPolicy", "coder-coderd", namespace) is None
    wait_condition(kube, resource, "Conformant", "False")
    kube.delete(theirs)
    kube.wait_until(
        resource, lambda one: not one["status"]["verdicts"]["CVA-NET-004"].startswith("failed")
    )
    kube.wait_for(lambda: kube.find("NetworkPolicy", "coder-coderd", namespace))


def test_a_policy_that_is_there_before_coderd_is_respected(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Where somebody has isolated coderd's Pods beforehand nothing of ours opens them; coderd comes up."""
    theirs = kube.create(closed(namespace, ingress=[{"ports": [{"port": 8080}]}]))

    resource = ready_coder(kube, namespace)

    operator.look_again(kube, resource)
    assert kube.find("NetworkPolicy", "coder-coderd", namespace) is None
    assert kube.refresh(theirs)["spec"] == theirs["spec"]
