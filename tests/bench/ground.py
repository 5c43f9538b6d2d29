"""The ground of every measurement: one cluster, its nodes, the installed operator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from harness.native import NativeCluster
from support.deployments import database_secret, managed
from support.installation import NAMESPACE, SERVICE_ACCOUNT, OperatorProcess, install

if TYPE_CHECKING:
    from harness.kube import Kube

POOL = "coder.com/node-group"
WORKSPACE_NODES = 100
USER = f"system:serviceaccount:{NAMESPACE}:{SERVICE_ACCOUNT}"


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    deployments: int
    restorations: int
    admissions: int
    workspaces: int
    losses: int
    quiet_seconds: int


FULL = Extent(
    deployments=10, restorations=200, admissions=1000, workspaces=3000, losses=9, quiet_seconds=600
)
QUICK = Extent(
    deployments=3, restorations=40, admissions=300, workspaces=3000, losses=3, quiet_seconds=60
)


@dataclass(frozen=True)
class Ground:
    """The cluster and the operator on it."""

    cluster: NativeCluster
    operator: OperatorProcess
    extent: Extent

    @property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.cluster.kube

    def place(self, prefix: str) -> str:
        """A namespace of its own with all that a managed Coder's spec refers to."""
        namespace = self.kube.namespace(prefix)
        self.kube.create(database_secret(namespace))
        self.kube.wait_for(lambda: self.kube.find("ServiceAccount", "default", namespace))
        return namespace

    def apply_coder(self, namespace: str) -> dict[str, Any]:
        """A managed Coder, applied and not yet Ready."""
        return self.kube.apply(managed(namespace), manager="bench")


def prepare(extent: Extent) -> Ground:
    """A cluster with an audit log, nodes for all workspaces, the operator running and ready."""
    cluster = NativeCluster(audit=True)
    cluster.up()
    cluster.nodes(
        "control-plane",
        3,
        labels={POOL: "control-plane"},
        capacity={"cpu": "64", "memory": "256Gi"},
    )
    cluster.nodes("workspaces", WORKSPACE_NODES, labels={POOL: "workspaces"})
    install(cluster.kube)
    operator = OperatorProcess(cluster, cluster.folder)
    operator.start()
    return Ground(cluster, operator, extent)
