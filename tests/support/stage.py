"""A cluster of a test's own, with the operator installed: for tests that break it or stop the operator."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.fixtures import own_cluster
from harness.native import NativeCluster
from support.installation import OperatorProcess, forget_leader, install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest

    from harness.kube import Kube
    from harness.provider import Provider


@dataclass
class Stage:
    """The cluster, and every replica of the operator that was started on it."""

    cluster: Provider
    folder: Path
    replicas: list[OperatorProcess] = field(default_factory=list)

    @property
    def kube(self) -> Kube:
        """The administrator's client."""
        return self.cluster.kube

    def operator(self, name: str = "operator", **environment: str) -> OperatorProcess:
        """A replica of the operator, not started yet; it ends with the stage."""
        process = OperatorProcess(self.cluster, self.folder, name, environment)
        self.replicas.append(process)
        return process

    def forget_leader(self) -> None:
        """What fifteen seconds do after a replica was killed: its Lease counts no longer."""
        forget_leader(self.kube)

    def add_nodes(self) -> None:
        """The two pools."""
        for name, pool in (("cp", "control-plane"), ("ws", "workspaces")):
            self.cluster.nodes(
                name,
                3,
                labels={"coder.com/node-group": pool},
                capacity={"cpu": "64", "memory": "256Gi"},
            )


def tell_garbage_collector(cluster: Provider) -> None:
    """Our kind was installed: left alone, kube-controller-manager looks for new kinds every half minute.

    Until then what a deleted CoderDeployment owned stays. Other clusters than the native one are left to it.
    """
    if isinstance(cluster, NativeCluster):
        cluster.restart("kube-controller-manager")


@contextmanager
def own_stage(
    request: pytest.FixtureRequest, folder: Path, *, audit: bool = False, installed: bool = True
) -> Iterator[Stage]:
    """A cluster with nodes, and with everything shipped but for the operator's process.

    Args:
        request: of the fixture that needs it.
        folder: for the operators' logs and kubeconfigs.
        audit: whether the cluster's `logs/audit.log` is written.
        installed: whether CRD and rights are applied.
    """
    with own_cluster(request, audit=audit) as cluster:
        stage = Stage(cluster, folder)
        try:
            stage.add_nodes()
            if installed:
                install(stage.kube)
                tell_garbage_collector(cluster)
            yield stage
        finally:
            for one in stage.replicas:
                one.stop()
