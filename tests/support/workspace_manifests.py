"""Workspaces as Coder's Kubernetes templates make them.

Written by hand from what Coder publishes about examples/templates of coder/coder: the Deployment,
the older bare Pod, the devcontainer (labels on the Deployment only) and envbox (no labels at all).
Plain manifests: they can be applied to an API server, and worlds are made from them.
"""

from __future__ import annotations

import uuid
from typing import Any

Manifest = dict[str, Any]

TOKEN = "not-to-be-kept-4f1d"
"""The value of CODER_AGENT_TOKEN in every workspace of the tests; it may turn up nowhere."""


def workspace_id(name: str) -> str:
    """The id that Coder gives a workspace: here it follows from the name."""
    return str(uuid.uuid5(uuid.NAMESPACE_DNS, name))


def workspace_labels(name: str, user: str) -> dict[str, str]:
    """The labels of the template ``kubernetes``, on the Deployment, its selector and its Pods."""
    identity = workspace_id(name)
    return {
        "app.kubernetes.io/name": "coder-workspace",
        "app.kubernetes.io/instance": f"coder-workspace-{identity}",
        "app.kubernetes.io/part-of": "coder",
        "com.coder.resource": "true",
        "com.coder.workspace.id": identity,
        "com.coder.workspace.name": name,
        "com.coder.user.id": workspace_id(user),
        "com.coder.user.username": user,
    }


def workspace_deployment(
    name: str = "dev",
    namespace: str = "coder",
    *,
    user: str = "alice",
    pod: dict[str, Any] | None = None,
    storage_class: str | None = None,
    token: bool = True,
) -> list[Manifest]:
    """Claim and Deployment of the template ``kubernetes``; ``pod`` is laid over the Pod spec."""
    labels, identity = workspace_labels(name, user), workspace_id(name)
    spec = _spec(f"coder-{identity}-home", token=token)
    spec["affinity"] = soft_anti_affinity()
    deployment = _deployment(
        f"coder-{identity}", namespace, labels, labels, {**spec, **(pod or {})}
    )
    deployment["metadata"]["annotations"] = {"com.coder.user.email": f"{user}@example.com"}
    return [home_claim(f"coder-{identity}-home", namespace, labels, storage_class), deployment]


def devcontainer_deployment(
    name: str = "dev", namespace: str = "coder", *, user: str = "alice", token: bool = True
) -> list[Manifest]:
    """Claim and Deployment of ``kubernetes-devcontainer``: its Pods carry one label only."""
    labels, identity = workspace_labels(name, user), workspace_id(name)
    spec = _spec(f"coder-{identity}-workspaces", token=token)
    container = spec["containers"][0]
    container["image"] = "ghcr.io/coder/envbuilder:latest"
    container["command"] = None
    container["env"].append({"name": "CODER_AGENT_URL", "value": "http://coder.coder.svc"})
    del spec["securityContext"]
    only = {"app.kubernetes.io/name": "coder-workspace"}
    return [
        home_claim(f"coder-{identity}-workspaces", namespace, {**labels, "app.kubernetes.io/name": f"coder-{identity}"}),
        _deployment(f"coder-{identity}", namespace, labels, only, spec),
    ]  # fmt: skip


def workspace_pod(
    name: str = "dev",
    namespace: str = "coder",
    *,
    user: str = "alice",
    pod: dict[str, Any] | None = None,
    token: bool = True,
) -> list[Manifest]:
    """Claim and bare Pod of the older template ``kubernetes``: nothing controls the Pod."""
    labels, identity = workspace_labels(name, user), workspace_id(name)
    spec = {**_spec(f"coder-{identity}-home", token=token), **(pod or {})}
    return [
        home_claim(f"coder-{identity}-home", namespace, labels),
        _pod(f"coder-{user}-{name}", namespace, labels, spec),
    ]


def envbox_pod(
    name: str = "dev", namespace: str = "coder", *, user: str = "alice"
) -> list[Manifest]:
    """Claim and bare Pod of ``kubernetes-envbox``: privileged, volumes of the node, no labels."""
    claim = f"coder-{workspace_id(name)}-home"
    spec = _spec(claim)
    spec["restartPolicy"] = "Never"
    del spec["securityContext"]
    container = spec["containers"][0]
    container.update(
        image="ghcr.io/coder/envbox:latest", command=["/envbox", "docker"], securityContext={"privileged": True}
    )  # fmt: skip
    container["env"].append(
        {"name": "CODER_INNER_IMAGE", "value": "codercom/enterprise-base:ubuntu"}
    )
    container["volumeMounts"] += [
        {"name": "usr-src", "mountPath": "/usr/src"},
        {"name": "lib-modules", "mountPath": "/lib/modules"},
        {"name": "sysbox", "mountPath": "/var/lib/sysbox"},
    ]
    spec["volumes"] += [
        {"name": "usr-src", "hostPath": {"path": "/usr/src"}},
        {"name": "lib-modules", "hostPath": {"path": "/lib/modules"}},
        {"name": "sysbox", "emptyDir": {}},
    ]
    return [home_claim(claim, namespace, {}), _pod(f"coder-{user}-{name}", namespace, {}, spec)]


def virtual_machine_pod(
    name: str = "dev", namespace: str = "coder", *, user: str = "alice", migrating: bool = False
) -> Manifest:
    """The Pod in which KubeVirt runs a workspace's virtual machine; ``migrating``: the one it moves into.

    Written by hand from what KubeVirt publishes (virt-controller, services/template.go): labels are those of the
    VirtualMachine's template; the agent's token is in its cloud-init, and in no variable.
    """
    machine = f"coder-{workspace_id(name)}"
    labels = {
        **workspace_labels(name, user),
        "kubevirt.io": "virt-launcher",
        "vm.kubevirt.io/name": machine,
    }
    spec: dict[str, Any] = {
        "restartPolicy": "Never",
        "nodeSelector": {"kubevirt.io/schedulable": "true"},
        "containers": [
            {
                "name": "compute",
                "image": "quay.io/kubevirt/virt-launcher:v1.6.2",
                "command": ["/usr/bin/virt-launcher-monitor"],
                "resources": {
                    "requests": {"cpu": "200m", "memory": "2Gi"},
                    "limits": {"devices.kubevirt.io/kvm": "1"},
                },
            }
        ],
    }
    made = _pod(f"virt-launcher-{machine}-x7k2p", namespace, labels, spec)
    made["metadata"]["ownerReferences"] = [
        {
            "apiVersion": "kubevirt.io/v1",
            "kind": "VirtualMachineInstance",
            "name": machine,
            "uid": workspace_id(f"vmi {name}"),
            "controller": True,
        }
    ]
    if migrating:
        made["metadata"]["name"] = f"virt-launcher-{machine}-q4w9z"
        made["metadata"]["labels"]["kubevirt.io/migrationJobUID"] = workspace_id(f"move {name}")
        other = {
            "topologyKey": "kubernetes.io/hostname",
            "labelSelector": {"matchLabels": {"vm.kubevirt.io/name": machine}},
        }
        spec["affinity"] = {
            "podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [other]}
        }
    return made


def seed_pod(name: str = "dev", namespace: str = "coder") -> Manifest:
    """A Pod as the architecture's own snippet labels it, without a token that could be seen."""
    spec = _spec(None, token=False)
    spec["containers"][0]["envFrom"] = [{"secretRef": {"name": f"{name}-agent"}}]
    return _pod(f"{name}-0", namespace, {"app": "coder-workspace"}, spec)


def home_claim(
    name: str, namespace: str, labels: dict[str, str], storage_class: str | None = None
) -> Manifest:
    """A workspace's claim: ReadWriteOnce, 10Gi; it names no class unless the template does."""
    named = {"app.kubernetes.io/name": "coder-pvc"} if labels else {}
    spec: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "10Gi"}},
    }
    if storage_class is not None:
        spec["storageClassName"] = storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {"name": name, "namespace": namespace, "labels": {**labels, **named}},
        "spec": spec,
    }


def soft_anti_affinity() -> dict[str, Any]:
    """The template's own: weight 1, by a label that its Pods really have."""
    expression = {
        "key": "app.kubernetes.io/name",
        "operator": "In",
        "values": ["coder-workspace"],
    }
    term = {
        "topologyKey": "kubernetes.io/hostname",
        "labelSelector": {"matchExpressions": [expression]},
    }
    soft = [{"weight": 1, "podAffinityTerm": term}]
    return {"podAntiAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": soft}}


def _spec(claim: str | None, *, token: bool = True) -> dict[str, Any]:
    container: dict[str, Any] = {
        "name": "dev",
        "image": "codercom/enterprise-base:ubuntu",
        "imagePullPolicy": "Always",
        "command": ["sh", "-c", "curl -fsSL https://coder.example.com/bin/coder && ./coder agent"],
        "env": [{"name": "CODER_AGENT_TOKEN", "value": TOKEN}] if token else [],
        "resources": {
            "requests": {"cpu": "250m", "memory": "512Mi"},
            "limits": {"cpu": "2", "memory": "2Gi"},
        },
    }
    spec: dict[str, Any] = {
        "securityContext": {"runAsUser": 1000, "fsGroup": 1000, "runAsNonRoot": True},
        "containers": [container],
        "volumes": [],
    }
    if claim:
        container["volumeMounts"] = [{"name": "home", "mountPath": "/home/coder"}]
        spec["volumes"].append({"name": "home", "persistentVolumeClaim": {"claimName": claim}})
    return spec


def _deployment(
    name: str,
    namespace: str,
    labels: dict[str, str],
    pod_labels: dict[str, str],
    spec: dict[str, Any],
) -> Manifest:
    spec["containers"][0] = {k: v for k, v in spec["containers"][0].items() if v is not None}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": {
            "replicas": 1,
            "strategy": {"type": "Recreate"},
            "selector": {"matchLabels": dict(pod_labels)},
            "template": {"metadata": {"labels": dict(pod_labels)}, "spec": spec},
        },
    }


def _pod(name: str, namespace: str, labels: dict[str, str], spec: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": spec,
    }
