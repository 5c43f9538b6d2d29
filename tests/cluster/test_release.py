"""A coderd that is no longer managed, or is to outlive its resource, is let go: not deleted, not restarted."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from support.deployments import (
    adopted,
    condition,
    database_secret,
    managed,
    ready_coder,
    wait_condition,
)

if TYPE_CHECKING:
    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

MANAGED_BY = "app.kubernetes.io/managed-by"
OURS = "coder-cva-operator"
PARTS = ("Deployment", "Service", "ServiceAccount", "RoleBinding")


def parts(kube: Kube, namespace: str) -> dict[str, Object]:
    """What coderd consists of, by kind."""
    return {kind: kube.get(kind, "coder", namespace) for kind in PARTS}


def identity(kube: Kube, namespace: str, team: str = "") -> dict[str, Any]:
    """What would differ had anything been deleted or restarted: UIDs, the address, the template's generation."""
    found = parts(kube, namespace)
    if team:
        found["RoleBinding there"] = kube.get("RoleBinding", f"{namespace}-coder", team)
    pods = kube.list("pods", namespace, labels="app.kubernetes.io/name=coder")
    return {
        **{kind: one["metadata"]["uid"] for kind, one in found.items()},
        "address": found["Service"]["spec"]["clusterIP"],
        "spec": found["Deployment"]["metadata"]["generation"],
        "replicas": {one["metadata"]["uid"] for one in pods},
    }


def owners(kube: Kube, namespace: str) -> dict[str, tuple[list[str], str]]:
    """By kind who owns a part, and who says that it manages it."""
    return {
        kind: (
            [ref["uid"] for ref in one["metadata"].get("ownerReferences", [])],
            one["metadata"].get("labels", {}).get(MANAGED_BY, ""),
        )
        for kind, one in parts(kube, namespace).items()
    }


def consenting(kube: Kube, namespace: str) -> str:
    """A namespace that consents to the CoderDeployment of this one."""
    team = kube.namespace("team")
    notes = {"cva.coder.com/deployment": f"{namespace}/coder"}
    kube.patch(kube.get("Namespace", team), {"metadata": {"annotations": notes}})
    return team


def unmanaged(namespace: str, management: str) -> Object:
    """The CoderDeployment, managed no longer."""
    made = adopted(namespace)
    if management == "None":
        made["spec"]["controlPlane"] = {"management": "None"}
    return made


@pytest.mark.parametrize("management", ["Adopted", "None"])
def test_managed_no_longer_and_managed_again(
    kube: Kube, operator: OperatorProcess, namespace: str, management: str
) -> None:
    """No part of coderd is replaced on the way there and back, and in between it is nobody's."""
    team = consenting(kube, namespace)
    env = [{"name": "CODER_VERBOSE", "value": "true"}]
    ready_coder(kube, namespace, env=env)
    kube.wait_for(lambda: kube.find("RoleBinding", f"{namespace}-coder", team), what="rights there")
    before = identity(kube, namespace, team)

    resource = wait_condition(kube, kube.apply(unmanaged(namespace, management)), "Ready", "True")

    assert identity(kube, namespace, team) == before
    assert owners(kube, namespace) == dict.fromkeys(PARTS, ([], ""))
    (told,) = (one for one in resource["status"]["withheld"] if one["reason"] == "Released")
    assert told["subject"] == f"Deployment {namespace}/coder"
    written = {
        kind: one["metadata"]["resourceVersion"] for kind, one in parts(kube, namespace).items()
    }
    operator.look_again(kube, resource)
    later = parts(kube, namespace)
    for kind in ("Service", "ServiceAccount", "RoleBinding"):
        assert later[kind]["metadata"]["resourceVersion"] == written[kind]

    back = wait_condition(
        kube, kube.apply(managed(namespace, env=env)), "Ready", "True", timeout=90
    )
    assert identity(kube, namespace, team) == before
    assert owners(kube, namespace) == dict.fromkeys(PARTS, ([back["metadata"]["uid"]], OURS))
    # What was ours before is ours again, field by field: what the spec no longer says goes.
    kube.wait_until(
        kube.patch(back, {"spec": {"controlPlane": {"env": None}}}),
        lambda one: (
            condition(one, "Ready").get("observedGeneration") == one["metadata"]["generation"]
        ),
    )
    kube.wait_until(
        kube.get("Deployment", "coder", namespace),
        lambda one: env[0] not in one["spec"]["template"]["spec"]["containers"][0]["env"],
    )


def test_two_who_disagree_about_its_management_come_to_rest(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """The third time within the hour coderd is let go at once and not taken up at once: it runs on as nobody's."""
    ready_coder(kube, namespace)
    before = identity(kube, namespace)
    for _ in range(2):
        wait_condition(kube, kube.apply(adopted(namespace)), "Ready", "True")
        wait_condition(kube, kube.apply(managed(namespace)), "Ready", "True", timeout=90)
    wait_condition(kube, kube.apply(adopted(namespace)), "Ready", "True")

    told = kube.wait_until(
        kube.apply(managed(namespace)),
        lambda one: condition(one, "Ready").get("reason") == "Contested",
    )

    assert "it was let go and taken up again and again" in condition(told, "Ready")["message"]
    assert identity(kube, namespace) == before
    assert owners(kube, namespace) == dict.fromkeys(PARTS, ([], ""))


def test_an_adopted_resource_takes_nothing_along(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """Released, then its CoderDeployment deleted: coderd runs on, and one of that name takes it back."""
    ready_coder(kube, namespace)
    before = identity(kube, namespace)
    resource = wait_condition(kube, kube.apply(adopted(namespace)), "Ready", "True")

    kube.delete(resource)

    kube.wait_gone(resource)
    kube.wait_for(
        lambda: not kube.list("networkpolicies", namespace, labels=f"{MANAGED_BY}={OURS}"),
        what="the garbage collector to have been there",
    )
    assert identity(kube, namespace) == before
    again = wait_condition(kube, kube.apply(managed(namespace)), "Ready", "True")
    assert identity(kube, namespace) == before
    assert owners(kube, namespace) == dict.fromkeys(PARTS, ([again["metadata"]["uid"]], OURS))


def test_what_survived_its_resource_is_let_go_by_an_adopted_one(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """deletionPolicy Orphan, deleted, applied again as Adopted: nothing goes, and it is nobody's then."""
    kube.create(database_secret(namespace))
    manifest = managed(namespace)
    manifest["spec"]["deletionPolicy"] = "Orphan"
    resource = wait_condition(kube, kube.apply(manifest), "Ready", "True")
    before = identity(kube, namespace)
    kube.delete(resource)
    kube.wait_gone(resource)

    wait_condition(kube, kube.apply(adopted(namespace)), "Ready", "True")

    assert identity(kube, namespace) == before
    assert owners(kube, namespace) == dict.fromkeys(PARTS, ([], ""))


HELD_BACK: dict[str, Any] = {
    "Maintenance": {"maintenance": {"until": (datetime.now(UTC) + timedelta(hours=1)).isoformat()}},
    "DowngradeRefused": {"controlPlane": {"version": "2.29.0"}},
}


@pytest.mark.parametrize("reason", HELD_BACK)
def test_held_back_coderd_outlives_its_resource_as_orphan_says(
    kube: Kube, operator: OperatorProcess, namespace: str, reason: str
) -> None:
    """Orphan is said while the Deployment is not written, then the resource goes: coderd stays."""
    resource = ready_coder(kube, namespace)
    before = identity(kube, namespace)

    resource = kube.patch(resource, {"spec": {"deletionPolicy": "Orphan", **HELD_BACK[reason]}})

    deployment = kube.wait_until(
        kube.get("Deployment", "coder", namespace),
        lambda one: not one["metadata"].get("ownerReferences"),
    )
    assert deployment["metadata"]["generation"] == before["spec"]
    resource = operator.look_again(kube, resource)
    assert reason in {one["reason"] for one in resource["status"]["withheld"]}
    kube.delete(resource)
    kube.wait_gone(resource)
    kube.wait_for(
        lambda: not kube.list("networkpolicies", namespace, labels=f"{MANAGED_BY}={OURS}"),
        what="the garbage collector to have been there",
    )
    assert identity(kube, namespace) == before


def test_somebody_elses_account_is_not_run_under(
    kube: Kube, operator: OperatorProcess, namespace: str
) -> None:
    """A CoderDeployment of a ServiceAccount's name gets neither its rights nor a Pod under it."""
    account = kube.create(
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "argocd-application-controller", "namespace": namespace},
        }
    )
    kube.create(database_secret(namespace))

    resource = kube.apply(managed(namespace, "argocd-application-controller"))

    told = wait_condition(kube, resource, "Ready", "False", reason="ForeignIdentity")
    message = condition(told, "Ready")["message"]
    assert "under another name" in message
    assert f"kubectl -n {namespace} delete serviceaccount" in message
    operator.look_again(kube, resource)
    assert kube.list("deployments", namespace) == []
    assert kube.list("rolebindings", namespace) == []
    assert (
        kube.refresh(account)["metadata"]["resourceVersion"]
        == account["metadata"]["resourceVersion"]
    )
    kube.delete(account)
    wait_condition(kube, resource, "Ready", "True")
