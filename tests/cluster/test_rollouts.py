"""When coderd's Deployment may change: versions, maintenance, other people's scalers."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from support.deployments import condition, ready_coder, wait_condition

if TYPE_CHECKING:
    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster


def coderd(kube: Kube, namespace: str) -> Object:
    """coderd's Deployment."""
    return kube.get("Deployment", "coder", namespace)


def image(deployment: Object) -> str:
    """Its image."""
    text: str = deployment["spec"]["template"]["spec"]["containers"][0]["image"]
    return text


def moment(**ahead: float) -> str:
    """A moment that far ahead of now."""
    return (datetime.now(UTC) + timedelta(**ahead)).strftime("%Y-%m-%dT%H:%M:%SZ")


def test_a_change_of_version_stops_the_old_replicas_first(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """The new image and Recreate come in one generation; afterwards the strategy is rolling again."""
    resource = ready_coder(kube, namespace)
    seen: dict[int, tuple[str, str]] = {}

    resource = kube.patch(resource, {"spec": {"controlPlane": {"version": "2.31.0"}}})

    def is_rolling_again(one: Object) -> bool:
        strategy = one["spec"]["strategy"]["type"]
        seen[one["metadata"]["generation"]] = (image(one).rpartition(":")[2], strategy)
        return strategy == "RollingUpdate" and image(one).endswith(":v2.31.0")

    kube.wait_until(coderd(kube, namespace), is_rolling_again)
    wait_condition(kube, resource, "Ready", "True")
    assert ("v2.31.0", "Recreate") in seen.values()
    assert ("v2.30.0", "Recreate") not in seen.values()
    revisions = kube.list("replicasets", namespace)
    assert len(revisions) == 2


def test_a_lower_version_is_refused(kube: Kube, operator: OperatorProcess, namespace: str) -> None:
    """A downgrade is not applied; the condition names both versions; the way back heals."""
    resource = ready_coder(kube, namespace)

    resource = kube.patch(resource, {"spec": {"controlPlane": {"version": "2.29.4"}}})

    told = wait_condition(kube, resource, "Stalled", "True", reason="DowngradeRefused")
    message = condition(told, "Ready")["message"]
    assert "2.30.0" in message
    assert "2.29.4" in message
    assert image(coderd(kube, namespace)).endswith(":v2.30.0")
    resource = kube.patch(resource, {"spec": {"controlPlane": {"version": "2.30.1"}}})
    wait_condition(kube, resource, "Ready", "True")
    assert image(coderd(kube, namespace)).endswith(":v2.30.1")


def test_in_maintenance_a_scale_by_hand_stands(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Scaled to zero within the window coderd stays so; once the window has ended it comes back."""
    resource = ready_coder(kube, namespace)
    window = {"until": moment(hours=1)}
    resource = kube.patch(resource, {"spec": {"maintenance": window}})
    wait_condition(kube, resource, "Ready", "True")
    deployment = coderd(kube, namespace)

    kube.patch(deployment, {"spec": {"replicas": 0}}, subresource="scale")
    kube.wait_until(deployment, lambda one: not one["status"].get("replicas"))
    resource = operator.look_again(kube, resource)

    assert coderd(kube, namespace)["spec"]["replicas"] == 0
    assert any(one["reason"] == "Maintenance" for one in resource["status"]["withheld"])
    # The window ends by itself: nobody touches the resource again.
    kube.patch(resource, {"spec": {"maintenance": {"until": moment(seconds=6)}}})
    kube.wait_until(deployment, lambda one: one["spec"]["replicas"] == 3, timeout=60)


def test_in_maintenance_edits_and_a_deletion_by_hand_stand(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Another image with another command, then no Deployment at all: both last until the window ends."""
    resource = ready_coder(kube, namespace)
    resource = kube.patch(resource, {"spec": {"maintenance": {"until": moment(hours=1)}}})
    wait_condition(kube, resource, "Ready", "True")
    deployment = coderd(kube, namespace)
    container = {"name": "coder", "image": "example.com/debug:1", "command": ["debug"], "args": []}
    annotations = {"app.kubernetes.io/component": None}
    template = {"metadata": {"annotations": annotations}, "spec": {"containers": [container]}}

    edited = kube.patch(deployment, {"spec": {"template": template}})
    operator.look_again(kube, resource)

    assert coderd(kube, namespace)["spec"] == edited["spec"]
    kube.delete(deployment)
    kube.wait_gone(deployment)
    told = wait_condition(kube, resource, "Ready", "False", reason="Maintenance")
    for _ in range(2):
        told = operator.look_again(kube, told)
    assert kube.list("deployments", namespace) == []
    # The window ends by itself.
    kube.patch(resource, {"spec": {"maintenance": {"until": moment(seconds=6)}}})
    kube.wait_for(
        lambda: kube.find("Deployment", "coder", namespace), what="coderd again", timeout=60
    )
    assert image(coderd(kube, namespace)).endswith(":v2.30.0")


def test_only_a_later_maintenance_rolls_out_what_nobody_asked_for(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """A window that is over and stays in Git lets no later template through; the next one does when it ends."""
    resource = ready_coder(kube, namespace)
    resource = kube.patch(resource, {"spec": {"maintenance": {"until": moment(hours=-1)}}})
    wait_condition(kube, resource, "Ready", "True")
    deployment = coderd(kube, namespace)
    # As if an older operator had rendered it: the same decisions, another template.
    older = {"spec": {"template": {"spec": {"terminationGracePeriodSeconds": 30}}}}
    annotations = {"metadata": {"annotations": {"cva.coder.com/template": "older"}}}
    kube.patch(deployment, {**annotations, **older})

    waits = kube.wait_until(resource, lambda one: "pendingTemplate" in one["status"])
    waits = operator.look_again(kube, waits)

    assert "TemplateWaits" in {one["reason"] for one in waits["status"]["withheld"]}
    kept = coderd(kube, namespace)
    assert kept["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30
    assert kept["metadata"]["annotations"]["cva.coder.com/template"] == "older"
    kube.patch(resource, {"spec": {"maintenance": {"until": moment(seconds=6)}}})
    kube.wait_until(
        deployment,
        lambda one: one["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 60,
        timeout=60,
    )
    kube.wait_until(resource, lambda one: "pendingTemplate" not in one["status"])


def test_an_autoscaler_keeps_the_replicas(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Three until it first scales, its number from then on, and three again when it is gone."""
    resource = ready_coder(kube, namespace)
    before = coderd(kube, namespace)
    scaler = kube.create(
        {
            "apiVersion": "autoscaling/v2",
            "kind": "HorizontalPodAutoscaler",
            "metadata": {"name": "theirs", "namespace": namespace},
            "spec": {
                "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "coder"},
                "minReplicas": 1,
                "maxReplicas": 9,
                "metrics": [
                    {
                        "type": "Resource",
                        "resource": {
                            "name": "cpu",
                            "target": {"type": "Utilization", "averageUtilization": 80},
                        },
                    }
                ],
            },
        }
    )
    operator.look_again(kube, resource)
    deployment = coderd(kube, namespace)
    assert deployment["spec"] == before["spec"]
    assert deployment["metadata"]["generation"] == before["metadata"]["generation"]

    for wanted in (5, 4, 2, 5):
        kube.patch(deployment, {"spec": {"replicas": wanted}}, subresource="scale")
        resource = operator.look_again(kube, resource)
        assert coderd(kube, namespace)["spec"]["replicas"] == wanted
    resource = wait_condition(kube, resource, "Ready", "True")
    assert "FieldLeft" not in {one["rule"] for one in resource["status"].get("findings", [])}
    kube.delete(scaler)
    kube.wait_until(deployment, lambda one: one["spec"]["replicas"] == 3)


def test_a_size_that_fits_no_node_is_not_rolled_out(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Resources that no node of the pool could hold leave coderd as it runs, and are told."""
    resource = ready_coder(kube, namespace)
    before = coderd(kube, namespace)["spec"]

    resource = kube.patch(resource, {"spec": {"controlPlane": {"resources": {"memory": "900Gi"}}}})

    wait_condition(kube, resource, "Ready", "False", reason="FitsNoNode")
    assert coderd(kube, namespace)["spec"] == before
