"""A cluster of a test's own, with the operator installed: for tests that break it or stop the operator."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from harness.native import NativeCluster
from support.installation import NAMESPACE, OperatorProcess, install

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from harness.kube import Kube


@dataclass
class Stage:
    """The cluster, and every replica of the operator that was started on it."""

    cluster: NativeCluster
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
        lease = self.kube.find("Lease", "coder-cva-operator", NAMESPACE)
        if lease:
            self.kube.delete(lease)

    def add_nodes(self) -> None:
        """The two pools."""
        for name, pool in (("cp", "control-plane"), ("ws", "workspaces")):
            self.cluster.nodes(
                name,
                3,
                labels={"coder.com/node-group": pool},
                capacity={"cpu": "64", "memory": "256Gi"},
            )


@contextmanager
def own_stage(folder: Path, *, audit: bool = False, installed: bool = True) -> Iterator[Stage]:
    """A cluster with nodes, and with everything shipped but for the operator's process."""
    stage = Stage(NativeCluster(audit=audit), folder)
    try:
        stage.cluster.up()
        stage.add_nodes()
        if installed:
            install(stage.kube)
        yield stage
    finally:
        for one in stage.replicas:
            one.stop()
        stage.cluster.down()
