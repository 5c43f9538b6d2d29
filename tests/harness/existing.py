"""A cluster that the user has: used only after its name was confirmed, and never broken."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness import environment, kubeconfigs, tokens
from harness.errors import HarnessError, Unsupported
from harness.kube import Kube

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class ExistingCluster:
    """The cluster of `CVA_KUBECONFIG`'s current context."""

    def __init__(self, kubeconfig: Path | None = None) -> None:
        path = environment.variable(environment.KUBECONFIG)
        if kubeconfig is None and not path:
            raise HarnessError(
                f"{environment.CLUSTER}=existing needs {environment.KUBECONFIG}, "
                "the path of a kubeconfig (KUBECONFIG is not used, so that nothing is by accident)"
            )
        self._kubeconfig = kubeconfig or Path(path).expanduser()
        self._kube: Kube | None = None

    @property
    def kubeconfig(self) -> Path:
        """The user's kubeconfig."""
        return self._kubeconfig

    @property
    def kube(self) -> Kube:
        """A client that acts as the user."""
        if self._kube is None:
            raise HarnessError("this cluster has not been confirmed: call up() first")
        return self._kube

    @property
    def alive(self) -> bool:
        """Whether the user has confirmed this cluster."""
        return self._kube is not None

    def up(self) -> None:
        """Ask whether this is the right cluster, and look whether it answers."""
        if self._kube is not None:
            return
        if not self._kubeconfig.exists():
            raise HarnessError(f"{environment.KUBECONFIG}: there is no file {self._kubeconfig}")
        access = kubeconfigs.read(self._kubeconfig)
        _confirm(access.context, access.server)
        kube = Kube.of(self._kubeconfig)
        kube.get("/version")
        self._kube = kube

    def down(self, *, keep_logs: bool = False) -> Path | None:  # noqa: ARG002 - has no logs
        """Nothing: the cluster is the user's."""
        self._kube = None
        return None

    def stop(self, component: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"stop {component}")

    def start(self, component: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"start {component}")

    def restart(self, component: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"restart {component}")

    def freeze(self, component: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"freeze {component}")

    def thaw(self, component: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"thaw {component}")

    def nodes(
        self,
        pool: str,
        count: int = 1,
        *,
        labels: Mapping[str, str] | None = None,  # noqa: ARG002 - refused whatever they are
        taints: Sequence[str] = (),  # noqa: ARG002
        capacity: Mapping[str, str] | None = None,  # noqa: ARG002
    ) -> list[str]:
        """Refused: the cluster is the user's."""
        self._refuse(f"add {count} nodes to pool {pool}")

    def remove_node(self, name: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"remove node {name}")

    def fail_node(self, name: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"fail node {name}")

    def heal_node(self, name: str) -> None:
        """Refused: the cluster is the user's."""
        self._refuse(f"heal node {name}")

    def serviceaccount_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig that has the rights of a ServiceAccount and no others."""
        return tokens.serviceaccount_kubeconfig(self.kube, namespace, name, path)

    def _refuse(self, what: str) -> NoReturn:
        raise Unsupported(
            f"the harness does not {what} in an existing cluster: use CVA_CLUSTER=native or kind"
        )


def _confirm(context: str, server: str) -> None:
    agreed = environment.variable(environment.YES)
    if agreed:
        if agreed != context:
            raise HarnessError(
                f"{environment.YES}={agreed} does not name the current context, {context}"
            )
        return
    if not sys.stdin.isatty():
        raise HarnessError(
            f"tests would run against context {context} ({server}): "
            f"to agree, set {environment.YES}={context}"
        )
    print(f"Tests will create and delete objects in context {context} ({server}).")
    if input("Type the context's name to agree: ").strip() != context:
        raise HarnessError("not confirmed: nothing was done")
