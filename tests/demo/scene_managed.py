"""Scene one: a Coder that the operator makes and keeps."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

from demo import ground
from demo.kubectl import ROOT
from demo.stage import Restoration
from harness.errors import HarnessError
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from demo.stage import Stage

MANIFEST = "tests/demo/manifests/managed.yaml"
NAMESPACE = "coder"
OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
WORKSPACE = "app.kubernetes.io/name=coder-workspace"


def play(stage: Stage) -> None:
    """Apply a managed Coder, take something away from it, start a workspace."""
    _make(stage)
    _repair(stage)
    _start_workspace(stage)


def _make(stage: Stage) -> None:
    narrator, kubectl = stage.narrator, stage.kubectl
    narrator.scene(
        "Scene one: a Coder that the operator makes (Managed)",
        "One manifest says how many users there are and which nodes are for what; replicas, sizes, "
        "placement, rights, network policies and the disruption budget follow from the "
        "architecture. `kubectl wait` is all that a pipeline needs.",
    )
    narrator.excerpt(_without_secret((ROOT / MANIFEST).read_text()))
    kubectl.show("create", "namespace", NAMESPACE)
    kubectl.show("apply", "--server-side", "-f", MANIFEST)
    began = time.monotonic()
    kubectl.show("wait", "--for=condition=Ready", "cdep/coder", "-n", NAMESPACE, "--timeout=60s")
    narrator.result(f"Ready {time.monotonic() - began:.1f} s after it was applied")
    kinds = "deployments,services,serviceaccounts,rolebindings,poddisruptionbudgets,networkpolicies"
    kubectl.show("get", kinds, "-n", NAMESPACE, "-l", OURS, "-o", "name")
    stage.pods(NAMESPACE)


def _repair(stage: Stage) -> None:
    narrator = stage.narrator
    narrator.scene(
        "Something of the operator's is deleted",
        "Each object that the operator makes is watched, so what disappears comes back without "
        "anybody's doing. The time is taken by asking the API server every 5 ms.",
    )
    policies = stage.kube.list("NetworkPolicy", NAMESPACE, labels=OURS)
    if not policies:
        raise HarnessError(f"there is no NetworkPolicy of the operator's in namespace {NAMESPACE}")
    name = policies[0]["metadata"]["name"]
    with Restoration(stage.kube, policies[0]) as restoration:
        stage.kubectl.show("delete", "networkpolicy", name, "-n", NAMESPACE)
    if restoration.milliseconds is None:
        raise HarnessError(f"NetworkPolicy {name} did not come back within half a minute")
    stage.kubectl.show("get", "networkpolicy", name, "-n", NAMESPACE)
    narrator.result(f"it was back after {restoration.milliseconds:.0f} ms, as another object")


def _start_workspace(stage: Stage) -> None:
    narrator, kube = stage.narrator, stage.kube
    narrator.scene(
        "A workspace starts",
        "Coder's own Kubernetes template says nothing about nodes, so its Pods could run anywhere "
        "that lets them. The API server adds the pool's affinity and tolerations while it admits "
        "the Pod; the Deployment, which Terraform owns, stays as it is.",
    )
    stage.wait_placed(NAMESPACE)
    claim, deployment = workspace_deployment("first", NAMESPACE, user="alice")
    for manifest in (claim, deployment):
        kube.apply(manifest, manager="Terraform")
    kube.wait_until(deployment, lambda it: it["status"].get("availableReplicas"), timeout=30)
    stage.pods(NAMESPACE, "-l", WORKSPACE)
    (pod,) = kube.list("Pod", NAMESPACE, labels=WORKSPACE)
    if not pod["spec"]["nodeName"].startswith(ground.WORKSPACES):
        raise HarnessError(f"the workspace is on {pod['spec']['nodeName']}, not on its pool")
    narrator.table(("IN THE POD, NOT IN THE DEPLOYMENT", "VALUE"), _added(deployment, pod))


def _added(deployment: dict[str, Any], pod: dict[str, Any]) -> list[tuple[str, str]]:
    """What admission put into the Pod, in words; empty where it put nothing."""
    template = deployment["spec"]["template"]["spec"]
    rows = []
    if "nodeAffinity" not in template.get("affinity", {}):
        affinity = pod["spec"].get("affinity", {}).get("nodeAffinity", {})
        for how, terms in sorted(affinity.items()):
            rows.append((f"nodeAffinity, {how.split('During')[0]}", _expressions(terms)))
    asked = [one for one in pod["spec"].get("tolerations", []) if "tolerationSeconds" not in one]
    rows += [("toleration", f"{one.get('key')} {one.get('operator', 'Equal')}") for one in asked]
    return rows


def _expressions(terms: Any) -> str:
    """The match expressions of required or preferred node affinity, as text."""
    listed: Sequence[Any] = terms["nodeSelectorTerms"] if isinstance(terms, dict) else terms
    expressions = [
        one for term in listed for one in term.get("preference", term)["matchExpressions"]
    ]
    return "; ".join(
        f"{one['key']} {one['operator']} {', '.join(one.get('values', []))}" for one in expressions
    )


def _without_secret(manifest: str) -> list[str]:
    """The CoderDeployment of the file, which is what a reader came for."""
    return manifest.rpartition("---\n")[2].splitlines()
