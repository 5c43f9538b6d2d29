"""Adopted: what Helm and Terraform own is never written to, while new Pods land on their pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support import coder_manifests, workspace_manifests
from support.deployments import adopted, condition, wait_condition
from support.policies import service

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from support.installation import OperatorProcess

pytestmark = pytest.mark.cluster

THEIRS = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "PersistentVolumeClaim",
)
OURS = "coder-cva-operator"


def flat(manifests: list[Any]) -> Iterator[dict[str, Any]]:
    for one in manifests:
        if isinstance(one, list):
            yield from flat(one)
        else:
            yield one


def apply_all(kube: Kube, manifests: list[Any], manager: str) -> None:
    for one in flat(manifests):
        kube.apply(one, manager=manager)


def content(kube: Kube, namespace: str) -> dict[tuple[str, str], Any]:
    """Spec, metadata and generation of everything that Helm and Terraform own."""
    found = {}
    for kind in THEIRS:
        for one in kube.list(kind, namespace):
            meta = one["metadata"]
            if meta.get("labels", {}).get("app.kubernetes.io/managed-by") == OURS:
                continue
            writers = {entry["manager"] for entry in meta.pop("managedFields", [])}
            kept = {k: v for k, v in meta.items() if k not in ("resourceVersion", "annotations")}
            body = {k: v for k, v in one.items() if k not in ("status", "metadata")}
            found[kind, meta["name"]] = (kept, body, OURS in writers)
    return found


@pytest.fixture
def company(kube: Kube, operator: OperatorProcess, namespace: str) -> str:
    """A namespace in which Helm installed Coder and Terraform made workspaces, on no pool at all."""
    apply_all(kube, coder_manifests.chart_coderd(namespace, replicas=2), "helm")
    apply_all(
        kube,
        [
            workspace_manifests.workspace_deployment("alpha", namespace),
            workspace_manifests.devcontainer_deployment("beta", namespace),
            workspace_manifests.workspace_pod("gamma", namespace),
        ],
        "Terraform",
    )
    kube.wait_for(lambda: _is_settled(kube, namespace), what="claims bound, Deployments available")
    return namespace


def _is_settled(kube: Kube, namespace: str) -> bool:
    claims = kube.list("PersistentVolumeClaim", namespace)
    bound = all(one["status"].get("phase") == "Bound" for one in claims)
    deployments = kube.list("Deployment", namespace)
    return bound and all(
        one["status"].get("availableReplicas") == one["spec"]["replicas"] for one in deployments
    )


def restarted_where_they_belong(kube: Kube, namespace: str) -> bool:
    """Restarts controlled Pods that are not on their pool; True once none is left.

    More than one restart may be needed: the API server acts by a new policy some moments after it
    was created.
    """
    pods = [one for one in kube.list("pods", namespace) if one["metadata"].get("ownerReferences")]
    astray = [one for one in pods if not _is_at_home(one)]
    for pod in astray:
        kube.delete(pod, grace_seconds=0)
    return len(pods) == 4 and not astray


def _is_at_home(pod: dict[str, Any]) -> bool:
    pool = {"coder": "cp-", "coder-workspace": "ws-"}[
        pod["metadata"]["labels"]["app.kubernetes.io/name"]
    ]
    return str(pod["spec"].get("nodeName", "")).startswith(pool)


def test_nothing_of_theirs_is_written_and_new_pods_land_on_their_pools(
    kube: Kube, company: str
) -> None:
    """After many reconciles every object of theirs is as it was; restarted Pods are on their pools."""
    before = content(kube, company)
    resource = kube.apply(adopted(company))
    wait_condition(kube, resource, "Ready", "True")

    for minute in range(5):
        patch = {"metadata": {"annotations": {"example.com/touched": str(minute)}}}
        kube.patch(kube.get("CoderDeployment", "coder", company), patch)

    kube.wait_for(
        lambda: restarted_where_they_belong(kube, company),
        timeout=90,
        what="coderd on cp, workspaces of Deployments on ws",
    )
    assert content(kube, company) == before


def test_findings_say_what_to_change_where_it_belongs(kube: Kube, company: str) -> None:
    """The chart's 4Gi is below every tier: the finding prints Helm values, and the operator writes none."""
    resource = kube.apply(adopted(company))
    resource = wait_condition(kube, resource, "ControlPlaneConformant", "False")

    findings = [one for one in resource["status"]["findings"] if one["rule"] == "CVA-CTL-002"]
    assert len(findings) == 1
    assert findings[0]["resource"] == f"Deployment {company}/coder"
    assert "memory: 8Gi" in findings[0]["remedy"]
    assert "Helm" in findings[0]["remedy"]
    assert condition(resource, "Conformant")["status"] == "False"


def test_what_restricts_is_audited_first(kube: Kube, company: str) -> None:
    """No workspace of an adopted Coder is isolated before the user says so; then it is, and back again."""
    resource = kube.apply(adopted(company))
    wait_condition(kube, resource, "Ready", "True")
    ours = {one["metadata"]["name"] for one in kube.list("NetworkPolicy", company)}
    assert ours == {"coder-coderd"}

    enforced = adopted(company)
    enforced["spec"]["enforcement"] = {"rules": {"CVA-NET-005": "Enforce"}}
    kube.apply(enforced)
    kube.wait_for(
        lambda: kube.find("NetworkPolicy", "coder-workspaces", company), what="isolation enforced"
    )

    kube.apply(adopted(company))
    kube.wait_for(
        lambda: not kube.find("NetworkPolicy", "coder-workspaces", company), what="isolation gone"
    )


def test_an_exception_lives_as_long_as_what_is_in_use(kube: Kube, company: str) -> None:
    """A Service that leads to a workspace keeps its port open; when it goes, so does our policy for it."""
    enforced = adopted(company)
    enforced["spec"]["enforcement"] = {"rules": {"CVA-NET-005": "Enforce"}}
    kube.apply(enforced)
    chosen = {"com.coder.workspace.id": workspace_manifests.workspace_id("alpha")}
    app = kube.apply(service("app", chosen, 3000, company))

    def openings() -> list[dict[str, Any]]:
        found = kube.list("NetworkPolicy", company)
        return [one for one in found if "cva.coder.com/in-use" in one["metadata"]["annotations"]]

    # It comes open for everything, and gets its own rules when the others are there.
    kube.wait_for(
        lambda: any(one["spec"]["ingress"] != [{}] for one in openings()), what="the exception"
    )
    (made,) = openings()
    assert made["spec"]["podSelector"] == {"matchLabels": chosen}
    assert made["spec"]["ingress"] == [{"ports": [{"port": 3000, "protocol": "TCP"}]}]

    kube.delete(app)
    kube.wait_for(lambda: not openings(), what="the exception to go")
    assert kube.find("NetworkPolicy", "coder-workspaces", company)
