"""What every kind of cluster offers to tests and to the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from harness.kube import Kube


class Provider(Protocol):
    """A cluster that can be started, used, broken and ended."""

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""

    @property
    def logs(self) -> Path:
        """The folder of the logs that are written on this machine."""

    @property
    def kube(self) -> Kube:
        """A client that acts as the administrator."""

    @property
    def alive(self) -> bool:
        """Whether the cluster runs."""

    def up(self) -> None:
        """Start the cluster and return when it answers; a running one is left alone."""

    def down(self, *, keep_logs: bool = False) -> Path | None:
        """End the cluster and remove what it left; the folder of its logs if they are kept."""

    def stop(self, component: str) -> None:
        """End a component without warning."""

    def start(self, component: str) -> None:
        """Start a stopped component and return when the cluster answers again."""

    def restart(self, component: str) -> None:
        """Stop and start a component."""

    def freeze(self, component: str) -> None:
        """Keep a component from doing anything while its connections stay open."""

    def thaw(self, component: str) -> None:
        """Let a frozen component go on."""

    def nodes(
        self,
        pool: str,
        count: int = 1,
        *,
        labels: Mapping[str, str] | None = None,
        taints: Sequence[str] = (),
        capacity: Mapping[str, str] | None = None,
    ) -> list[str]:
        """Add nodes and return their names when they are ready.

        A taint is written as kubectl does: `key=value:NoSchedule`.
        """

    def remove_node(self, name: str) -> None:
        """Take a node out of the cluster, as an autoscaler does."""

    def fail_node(self, name: str) -> None:
        """Let a node's kubelet fall silent and the cluster notice it."""

    def heal_node(self, name: str) -> None:
        """Bring a failed node back."""

    def serviceaccount_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig that has the rights of a ServiceAccount and no others."""
