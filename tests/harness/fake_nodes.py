"""Nodes that kwok plays: real API objects without a machine behind them."""

from __future__ import annotations

import ipaddress
import itertools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from harness.kwok import KUBELET
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from harness.api import Object
    from harness.kube import Kube

ADDRESSES = ipaddress.ip_network("172.20.0.0/16")
CAPACITY = {"cpu": "8", "memory": "32Gi", "pods": "110", "ephemeral-storage": "100Gi"}


class FakeNodes(ABC):
    """The nodes of a provider beside whose control plane a kwok of the harness runs."""

    node_address = "InternalIP"
    """The type under which a node's address is given out."""

    @property
    @abstractmethod
    def kube(self) -> Kube:
        """A client that acts as the administrator."""

    def nodes(
        self,
        pool: str,
        count: int = 1,
        *,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[str] = (),
        capacity: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Add nodes `pool-0`, `pool-1`, … (the next free numbers); wait until Pods may run there.

        A taint is written as kubectl does: `key=value:NoSchedule`.
        """
        there = self.kube.list("Node")
        names = _free_names(pool, count, there)
        addresses = _free_addresses(there)
        version = self.kube.get("/version")["gitVersion"]
        resources = {**CAPACITY, **(capacity or {})}
        for name in names:
            node = _node(name, labels or {}, taints)
            address = {"type": self.node_address, "address": next(addresses)}
            node["status"] = _status(name, address, version, resources)
            self.kube.create(node)
        for name in names:
            wait_until_usable(self.kube, name)
        return names

    def remove_node(self, name: str) -> None:
        """Take a node out of the cluster, as an autoscaler does."""
        remove(self.kube, name)

    def fail_node(self, name: str) -> None:
        """Let a node's kubelet fall silent and the cluster notice it."""
        self.kube.patch(self.kube.get("Node", name), _kubelet("silent"))
        report_failure(self.kube, name)

    def heal_node(self, name: str) -> None:
        """Bring a failed node back."""
        self.kube.patch(self.kube.get("Node", name), _kubelet("running"))
        wait_until_usable(self.kube, name)


def remove(kube: Kube, name: str) -> None:
    """Delete the node, and its Pods with it: garbage collection would take a minute."""
    node = kube.get("Node", name)
    kube.delete(node)
    kube.wait_gone(node)
    for pod in kube.list("pods", fields=f"spec.nodeName={name}"):
        kube.delete(pod, grace_seconds=0)


def report_failure(kube: Kube, name: str) -> None:
    """Say of a node whose kubelet is silent what the cluster would say after a while."""
    node = kube.get("Node", name)
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


def wait_until_usable(kube: Kube, name: str) -> None:
    """Return when the node is ready and nothing of the cluster's own keeps Pods away."""
    wait_for(lambda: _usable(kube.get("Node", name)), what=f"node {name} to be ready")


def is_fake(node: Object) -> bool:
    """Whether kwok plays the node's kubelet, or did before that one failed."""
    return KUBELET in node["metadata"].get("labels", {})


def _kubelet(state: str) -> Object:
    return {"metadata": {"labels": {KUBELET: state}}}


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


def _status(
    name: str, address: Mapping[str, str], version: str, capacity: Mapping[str, str]
) -> Object:
    """What a kubelet says when it registers; kwok adds the conditions."""
    return {
        "capacity": dict(capacity),
        "allocatable": dict(capacity),
        "nodeInfo": _node_info(version),
        "addresses": [dict(address), {"type": "Hostname", "address": name}],
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
