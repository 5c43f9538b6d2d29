"""What the tests of placement share: the pools' nodes, their requirements, a workspace's admission."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import builders as b
from support.admission import Armed, pod, required, terms
from support.coder_manifests import POOL, chart_coderd

if TYPE_CHECKING:
    from harness.kube import Kube

WS = {"key": POOL, "operator": "In", "values": ["workspaces"]}
CP = {"key": POOL, "operator": "In", "values": ["control-plane"]}
ZONE_A = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}
ZONE_B = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["b"]}
NODES = [
    b.node("cp-0", b.CONTROL_PLANE),
    b.node("ws-0", b.WORKSPACES, zone="a", labels={"kubernetes.io/arch": "amd64"}),
    b.node("ws-1", b.WORKSPACES, zone="b", labels={"kubernetes.io/arch": "amd64"}),
]
BY_NAME = {"app.kubernetes.io/name": "coder-workspace"}


def workspace(armed: Armed, **parts: Any) -> dict[str, Any]:
    """The spec with which a workspace's Pod is admitted."""
    return armed.admitted(pod(armed.namespace, **parts))


def nodes_of(kube: Kube, namespace: str, count: int) -> set[str]:
    """The pools of the nodes on which a namespace's Pods run, by the nodes' names."""
    pods = kube.wait_for(
        lambda: (
            [
                one
                for one in kube.list("pods", namespace)
                if one["status"].get("phase") == "Running"
            ][:count:]
            if len(kube.list("pods", namespace, fields="status.phase=Running")) >= count
            else []
        ),
        what=f"{count} Pods to run",
    )
    return {one["spec"]["nodeName"].rpartition("-")[0] for one in pods}


def required_of(*expressions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return required({"affinity": terms(*expressions)})


def coderd(kube: Kube, namespace: str, replicas: int) -> dict[str, Any]:
    for one in chart_coderd(namespace, replicas=replicas, database=False):
        made = kube.create(one)
    return made


def running(kube: Kube, namespace: str, labels: str, count: int) -> list[dict[str, Any]]:
    pods = kube.list("pods", namespace, labels=labels, fields="status.phase=Running")
    return pods if len(pods) == count else []


def unschedulable(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one.get("reason") == "Unschedulable" for one in conditions)


def meddling_policy() -> dict[str, Any]:
    expression = (
        "has(object.spec.priorityClassName) ? [] : [JSONPatch{op: 'add', "
        "path: '/spec/priorityClassName', value: 'system-cluster-critical'},"
        " JSONPatch{op: 'add', path: '/spec/priority', value: 2000000000}]"
    )
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "zz-meddling"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
        },
    }


def meddling_binding(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "zz-meddling"},
        "spec": {
            "policyName": "zz-meddling",
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
            },
        },
    }
