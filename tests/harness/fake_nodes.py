"""Nodes that kwok plays: real API objects without a machine behind them."""

from __future__ import annotations

import ipaddress
import itertools
from typing import TYPE_CHECKING

from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.api import Object
    from harness.kube import Kube

KUBELET = "harness.test/kubelet"
ADDRESSES = ipaddress.ip_network("172.20.0.0/16")
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
    there = kube.list("Node")
    names = _free_names(pool, count, there)
    addresses = _free_addresses(there)
    version = kube.get("/version")["gitVersion"]
    for name in names:
        node = _node(name, labels, taints)
        node["status"] = _status(name, next(addresses), version, {**CAPACITY, **capacity})
        kube.create(node)
    for name in names:
        wait_for(lambda name=name: _usable(kube.get("Node", name)), what=f"node {name} to be ready")  # type: ignore[misc]
    return names


def remove(kube: Kube, name: str) -> None:
    """Delete the node, and its Pods with it: garbage collection would take a minute."""
    node = kube.get("Node", name)
    kube.delete(node)
    kube.wait_gone(node)
    for pod in kube.list("pods", fields=f"spec.nodeName={name}"):
        kube.delete(pod, grace_seconds=0)


def fail(kube: Kube, name: str) -> None:
    """Silence the node's kubelet, and say in its place what the cluster says after a while."""
    node = kube.get("Node", name)
    kube.patch(node, {"metadata": {"labels": {KUBELET: "silent"}}})
    # What the node controller does when heartbeats stay away; tests need not wait for that.
    condition = {
        "type": "Ready",
        "status": "Unknown",
        "reason": "NodeStatusUnknown",
        "message": "Kubelet stopped posting node status.",
    }
    kube.patch(node, {"status": {"conditions": [condition]}}, subresource="status", how="strategic")
    unready = {"status": {"conditions": [{"type": "Ready", "status": "False"}]}}
    for pod in kube.list("pods", fields=f"spec.nodeName={name},status.phase=Running"):
        kube.patch(pod, unready, subresource="status", how="strategic")
    kube.wait_until(node, lambda seen: "node.kubernetes.io/unreachable" in _taints(seen))


def heal(kube: Kube, name: str) -> None:
    """Let the kubelet speak again and wait until the node is usable."""
    kube.patch(kube.get("Node", name), {"metadata": {"labels": {KUBELET: "running"}}})
    wait_for(lambda: _usable(kube.get("Node", name)), what=f"node {name} to be ready again")


def _free_names(pool: str, count: int, there: list[Object]) -> list[str]:
    taken = {node["metadata"]["name"] for node in there}
    free = (name for number in itertools.count() if (name := f"{pool}-{number}") not in taken)
    return list(itertools.islice(free, count))


def _free_addresses(there: list[Object]) -> Iterator[str]:
    taken = {one["address"] for node in there for one in node["status"].get("addresses", [])}
    return (str(host) for host in ADDRESSES.hosts() if str(host) not in taken)


def _node(name: str, labels: Mapping[str, str], taints: Sequence[str]) -> Object:
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
        "spec": {"taints": [parse_taint(text) for text in taints]},
    }


def _status(name: str, address: str, version: str, capacity: Mapping[str, str]) -> Object:
    """What a kubelet says when it registers; kwok adds the conditions."""
    return {
        "capacity": dict(capacity),
        "allocatable": dict(capacity),
        "nodeInfo": _node_info(version),
        "addresses": [
            {"type": "InternalIP", "address": address},
            {"type": "Hostname", "address": name},
        ],
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


def parse_taint(text: str) -> dict[str, str]:
    """A taint as kubectl writes it, `key=value:Effect`, as the API has it."""
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
