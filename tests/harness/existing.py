"""A cluster that the user has: used only after its name was confirmed, never broken, left as it was.

What tests create there is removed at the end, and what existed before is kept (CRD and rights of
the operator are brought to this checkout's, as `make run` does). Test processes use it one after
the other. Nodes, faults, another minor and a cluster of a test's own are not to be had.
"""

from __future__ import annotations

import hashlib
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from harness import environment, folders, kubeconfigs, locks, tokens
from harness.errors import HarnessError, Unsupported
from harness.recording import RecordingKube

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from harness.kube import Kube

POLL_SECONDS = 0.5


class ExistingCluster:
    """The cluster of `CVA_KUBECONFIG`'s current context.

    One object for all fixtures of a process: it is cleaned up when the last of them has called
    `down`, so that none takes away what another one found there.
    """

    def __init__(self, kubeconfig: Path | None = None) -> None:
        path = environment.variable(environment.KUBECONFIG)
        if kubeconfig is None and not path:
            raise HarnessError(
                f"{environment.CLUSTER}=existing needs {environment.KUBECONFIG}, "
                "the path of a kubeconfig (KUBECONFIG is not used, so that nothing is by accident)"
            )
        self._kubeconfig = kubeconfig or Path(path).expanduser()
        self._kube: RecordingKube | None = None
        self._users = 0
        self._is_agreed = False

    @property
    def kubeconfig(self) -> Path:
        """The user's kubeconfig."""
        return self._kubeconfig

    @property
    def logs(self) -> Path:
        """Refused: the processes are the user's."""
        self._refuse("read the logs")

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
        if self._kube is None:
            if not self._kubeconfig.exists():
                raise HarnessError(f"{environment.KUBECONFIG}: there is no file {self._kubeconfig}")
            self._agree()
            kube = RecordingKube.of(self._kubeconfig)
            kube.get("/version")
            self._kube = kube
        self._users += 1

    def down(self, *, keep_logs: bool = False) -> Path | None:  # noqa: ARG002 - has no logs
        """Remove what was created, once nobody here uses the cluster; the cluster is the user's."""
        if self._kube is None:
            return None
        self._users -= 1
        if self._users == 0:
            kube, self._kube = self._kube, None
            kube.remove_made()
        return None

    def _agree(self) -> None:
        """Confirm the cluster once, and keep other test processes away until this one ends."""
        if self._is_agreed:
            return
        access = kubeconfigs.read(self._kubeconfig)
        _confirm(access.context, access.server)
        digest = hashlib.sha256(access.server.encode()).hexdigest()[:12]
        _take_alone(folders.state() / f"existing-{digest}.lock")
        self._is_agreed = True

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


def _take_alone(lock: Path) -> None:
    lock.parent.mkdir(parents=True, exist_ok=True)
    if locks.take(lock):
        return
    print(f"another test process uses this cluster; waiting for it ({lock})", file=sys.stderr)
    while not locks.take(lock):
        time.sleep(POLL_SECONDS)


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
    print(f"Tests will create and delete objects in context {context} ({server}), bring CRD and")
    print("rights of the operator to this checkout's, and remove what was not there before.")
    if input("Type the context's name to agree: ").strip() != context:
        raise HarnessError("not confirmed: nothing was done")
