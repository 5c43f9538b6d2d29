"""Nodes that kwok plays: real API objects without a machine behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness.waiting import until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.api import Object
    from harness.kube import Kube

KUBELET = "harness.test/kubelet"
CAPACITY = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}


def add(
    kube: Kube,
    pool: str,
    count: int,
    *,
    labels: Mapping[str, str],
    taints: Sequence[str],
    capacity: Mapping[str, str],
) -> list[str]:
    """Add nodes `pool-0`, `pool-1`, … (the next free numbers) and wait until Pods may run there."""
    there = {node["metadata"]["name"] for node in kube.list("Node")}
    free = (name for number in range(10**6) if (name := f"{pool}-{number}") not in there)
    names = [next(free) for _ in range(count)]
    version = kube.get("/version")["gitVersion"]
    for name in names:
        kube.create(_node(name, version, labels, taints, {**CAPACITY, **capacity}))
    for name in names:
        until(lambda name=name: _usable(kube.get("Node", name)), what=f"node {name} to be ready")  # type: ignore[misc]
    return names


def remove(kube: Kube, name: str) -> None:
    """Delete the node; the cluster's own garbage collection removes its Pods."""
    node = kube.get("Node", name)
    kube.delete(node)
    kube.wait_gone(node)


def fail(kube: Kube, name: str) -> None:
    """Silence the node's kubelet, and say in its place what the cluster says after a while."""
    node = kube.get("Node", name)
    kube.patch(node, {"metadata": {"labels": {KUBELET: "silent"}}})
    # The node controller sets this when heartbeats stay away; tests need not wait for that.
    condition = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
    }
    kube.patch(node, {"status": {"conditions": [condition]}}, subresource="status", how="strategic")
    kube.wait_until(node, lambda seen: "node.kubernetes.io/unreachable" in _taints(seen))


def heal(kube: Kube, name: str) -> None:
    """Let the kubelet speak again and wait until the node is usable."""
    kube.patch(kube.get("Node", name), {"metadata": {"labels": {KUBELET: "running"}}})
    until(lambda: _usable(kube.get("Node", name)), what=f"node {name} to be ready again")


def _node(
    name: str,
    version: str,
    labels: Mapping[str, str],
    taints: Sequence[str],
    capacity: Mapping[str, str],
) -> Object:
    standard = {
        "kubernetes.io/hostname": name,
        "kubernetes.io/os": "linux",
        "kubernetes.io/arch": "amd64",
        KUBELET: "running",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**standard, **labels}},
        "spec": {"taints": [_taint(text) for text in taints]},
        "status": {
            "capacity": dict(capacity),
            "allocatable": dict(capacity),
            "nodeInfo": _node_info(version),
        },
    }


def _node_info(version: str) -> dict[str, str]:
    unknown = ("bootID", "machineID", "systemUUID", "kernelVersion", "osImage", "kubeProxyVersion")
    return {
        **dict.fromkeys(unknown, ""),
        "architecture": "amd64",
        "operatingSystem": "linux",
        "containerRuntimeVersion": "kwok://none",
        "kubeletVersion": version,
    }


def _taint(text: str) -> dict[str, str]:
    key_and_value, _, effect = text.rpartition(":")
    if not key_and_value or not effect:
        raise ValueError(f"a taint is written key=value:Effect, not {text!r}")
    key, _, value = key_and_value.partition("=")
    return {"key": key, "effect": effect, **({"value": value} if value else {})}


def _usable(node: Object) -> bool:
    ready = any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in node["status"].get("conditions", [])
    )
    return ready and not any(key.startswith("node.kubernetes.io/") for key in _taints(node))


def _taints(node: Object) -> list[str]:
    return [taint["key"] for taint in node["spec"].get("taints", [])]
