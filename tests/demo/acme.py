"""Acme's Coder as others left it: Helm's release and what Coder's templates made, with mistakes.

What is wrong here, for those who look for it in the findings: coderd with the chart's 4Gi, one
replica that an autoscaler may multiply, no metrics, no place of its own; workspaces without a
place, one on a node that its template names, two bare Pods, one of them with volumes of the node.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from demo.ground import CONTROL_PLANE, POOL
from demo.ground import WORKSPACES as POOL_NODES
from support.coder_manifests import chart_coderd, workspace_binding
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    workspace_deployment,
    workspace_pod,
)

if TYPE_CHECKING:
    from harness.kube import Kube

Manifest = dict[str, Any]

NAMESPACE = "acme-coder"
WORKSPACES = "acme-workspaces"
PINNED = {
    "nodeSelector": {"kubernetes.io/hostname": f"{CONTROL_PLANE}-0"},
    "tolerations": [{"key": POOL, "operator": "Exists"}],
}
CODERD = "coderd"
HELM, TERRAFORM = "helm", "Terraform"


@dataclass(frozen=True)
class Workspace:
    """A workspace and what its template made."""

    title: str
    manifests: list[Manifest]
    moves: bool = False
    """Whether its next start lands on the pool: a controller owns its Pod, which names no node."""

    @property
    def name(self) -> str:
        """The name of its Deployment or Pod."""
        return str(self.manifests[-1]["metadata"]["name"])


WORKSPACES_OF = (
    Workspace("alice/api, Deployment", workspace_deployment("api", WORKSPACES, user="alice"), True),
    Workspace(
        "carol/web, devcontainer", devcontainer_deployment("web", WORKSPACES, user="carol"), True
    ),
    Workspace(
        "bob/pinned, names its node",
        workspace_deployment("pinned", WORKSPACES, user="bob", pod=PINNED),
    ),
    Workspace("dave/legacy, bare Pod", workspace_pod("legacy", WORKSPACES, user="dave")),
    Workspace("erin/docker, envbox, bare Pod", envbox_pod("docker", WORKSPACES, user="erin")),
)


def settle(kube: Kube) -> None:
    """Everything that Acme has, applied by those who own it, running."""
    for name in (NAMESPACE, WORKSPACES):
        kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        kube.wait_for(
            lambda name=name: kube.find("ServiceAccount", "default", name),  # type: ignore[misc]
            what=f"the default ServiceAccount of {name}",
        )
    kube.create(_database())
    for manifest in release():
        kube.apply(manifest, manager=HELM)
    for manifest in workspaces():
        kube.apply(manifest, manager=TERRAFORM)
    wait_running(kube)


def release() -> list[Manifest]:
    """The release: the chart's objects in both namespaces, and an autoscaler somebody added."""
    return [
        *chart_coderd(NAMESPACE),
        *workspace_binding(WORKSPACES, of=NAMESPACE),
        _autoscaler(),
    ]


def workspaces() -> list[Manifest]:
    """One workspace of each of Coder's templates, and one whose template names a node."""
    return [manifest for one in WORKSPACES_OF for manifest in one.manifests]


def places(kube: Kube) -> dict[str, str]:
    """Where coderd and each workspace run: the node by what a reader knows it as."""
    known = {"coder": CODERD} | {one.name: one.title for one in WORKSPACES_OF}
    found = {}
    for pod in pods(kube):
        name = pod["metadata"]["name"]
        longest = max((one for one in known if name.startswith(one)), key=len)
        found[known[longest]] = pod["spec"].get("nodeName", "nowhere")
    return {title: found[title] for title in known.values() if title in found}


def misplaced(after: dict[str, str]) -> list[str]:
    """What should have landed on its pool and did not."""
    pools = {CODERD: CONTROL_PLANE} | {one.title: POOL_NODES for one in WORKSPACES_OF if one.moves}
    return [what for what, pool in pools.items() if not after[what].startswith(pool)]


def wait_running(kube: Kube) -> None:
    """Return when every Deployment of Acme's is available and every Pod runs."""
    kube.wait_for(lambda: _is_running(kube), what="Acme's Pods to run")


def pods(kube: Kube) -> list[Manifest]:
    """Acme's Pods."""
    return [*kube.list("Pod", NAMESPACE), *kube.list("Pod", WORKSPACES)]


def _is_running(kube: Kube) -> bool:
    deployments = [*kube.list("Deployment", NAMESPACE), *kube.list("Deployment", WORKSPACES)]
    available = all(
        one["status"].get("availableReplicas", 0) == one["spec"]["replicas"] for one in deployments
    )
    return available and all(
        one["status"]["phase"] == "Running" and "deletionTimestamp" not in one["metadata"]
        for one in pods(kube)
    )


def _database() -> Manifest:
    url = "postgres://coder:secret@db.acme.example:5432/coder?sslmode=verify-full"
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "coder-db-url", "namespace": NAMESPACE},
        "stringData": {"url": url},
    }


def _autoscaler() -> Manifest:
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "coder"}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "coder", "namespace": NAMESPACE},
        "spec": {"scaleTargetRef": target, "minReplicas": 1, "maxReplicas": 5},
    }
