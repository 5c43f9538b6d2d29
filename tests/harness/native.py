"""A control plane of real processes on this machine, without containers."""

from __future__ import annotations

import secrets
import shutil
import sys
from typing import TYPE_CHECKING, Self

from harness import binaries, control, environment, folders, kwok, tokens
from harness.control_plane import ControlPlane, Options
from harness.errors import HarnessError
from harness.fake_nodes import FakeNodes
from harness.kube import Kube
from harness.launch import Launch, PortTaken
from harness.supervised import Supervised
from harness.versions import CONTROL_PLANE, NEWEST
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from harness.progress import Progress

PORT_ATTEMPTS = 5
RETURN_SECONDS = 60
"""How long a server may take to answer again after a fault."""


def check_platform() -> None:
    """Refuse at once, before anything is built, where the native cluster cannot run.

    Raises:
        HarnessError: this is no Linux; the message names the other ways.
    """
    if not sys.platform.startswith("linux"):
        raise HarnessError(
            "the native cluster runs on Linux only (its processes are tied to their owner by the "
            f"kernel), and this is {sys.platform}: use a Linux machine, a virtual one too; or a "
            f"container runtime and {environment.CLUSTER}=kind, for the tests and the playground"
        )


class NativeCluster(FakeNodes):
    """etcd, kube-apiserver, kube-controller-manager, kube-scheduler and kwok as processes.

    Without a `home`, the cluster ends with this process, however this process ends. With one,
    it lives in that folder until somebody calls `down`.
    """

    def __init__(
        self,
        world: str = NEWEST,
        *,
        name: str | None = None,
        home: Path | None = None,
        audit: bool = False,
        apiserver: Sequence[str] = (),
        progress: Progress | None = None,
    ) -> None:
        self.world = world
        self.name = name or secrets.token_hex(3)
        self._home = home
        self._options = Options(audit=audit, apiserver=tuple(apiserver))
        self._progress = progress
        self._supervised: Supervised | None = None
        self._folder: Path | None = home
        self._kube: Kube | None = None

    def __enter__(self) -> Self:
        self.up()
        return self

    def __exit__(self, *_: object) -> None:
        self.down()

    @property
    def folder(self) -> Path:
        """Everything that belongs to this cluster: data, logs, kubeconfigs."""
        if self._folder is None:
            raise HarnessError("this cluster has not been started: call up() first")
        return self._folder

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    @property
    def logs(self) -> Path:
        """One file for each component, and audit.log if the audit was asked for."""
        return self.folder / "logs"

    @property
    def kube(self) -> Kube:
        """A client that acts as the administrator."""
        if self._kube is None:
            self._kube = Kube.of(self.kubeconfig)
        return self._kube

    @property
    def alive(self) -> bool:
        """Whether this cluster's supervisor runs."""
        return self._folder is not None and control.alive(self._folder)

    def check_host(self) -> None:
        """Raise a HarnessError where this machine cannot run a native cluster."""
        check_platform()

    def up(self) -> None:
        """Start the cluster and return when Pods can be created."""
        if self.alive:
            return
        self.check_host()
        programs = binaries.ensure(self.world, self._progress)
        for attempt in range(1, PORT_ATTEMPTS + 1):
            try:
                self._start(programs)
            except PortTaken:
                self.down()
                if attempt == PORT_ATTEMPTS:
                    raise
            else:
                return

    def _start(self, programs: dict[str, Path]) -> None:
        self._folder = self._home or folders.scratch()
        _make_empty(self._folder)
        plane = ControlPlane(self._folder, self.name, programs, self._options)
        plane.prepare()
        self._supervised = Supervised(self._folder, attached=self._home is None)
        try:
            Launch(plane, self._supervised).run()
            kwok.provide_storage(self.kube)
        except PortTaken:
            raise
        except BaseException as error:
            logs = self.down(keep_logs=True)
            if isinstance(error, HarnessError):
                raise HarnessError(f"{error}\nall logs are in {logs}") from error
            raise

    def down(self, *, keep_logs: bool = False) -> Path | None:
        """End the cluster and remove what it left; the folder of its logs if they are kept."""
        if self._folder is None:
            return None
        # Without a start of ours it is the supervisor of a named cluster, which is attached to nobody.
        (self._supervised or Supervised(self._folder, attached=False)).end()
        kept = self._keep_logs() if keep_logs else None
        shutil.rmtree(self._folder, ignore_errors=True)
        self._supervised = self._kube = None
        self._folder = self._home
        return kept

    def _keep_logs(self) -> Path:
        kept = folders.scratch() / "logs"
        shutil.copytree(self.logs, kept)
        return kept

    def status(self) -> dict[str, dict[str, object]]:
        """What every component is doing: state and process id, or exit code."""
        states: dict[str, dict[str, object]] = control.ask(self.folder, "status")["status"]
        return states

    def stop(self, component: str) -> None:
        """Kill a component: it gets no chance to finish anything."""
        control.ask(self.folder, "stop", component)

    def start(self, component: str) -> None:
        """Start a stopped component and return when the cluster answers again."""
        control.ask(self.folder, "start", component)
        self._wait_for_answers()

    def restart(self, component: str) -> None:
        """Kill a component and start it again."""
        self.stop(component)
        self.start(component)

    def freeze(self, component: str) -> None:
        """Keep a component from doing anything while its connections stay open."""
        control.ask(self.folder, "freeze", component)

    def thaw(self, component: str) -> None:
        """Let a frozen component go on."""
        control.ask(self.folder, "thaw", component)
        self._wait_for_answers()

    def _wait_for_answers(self) -> None:
        """Return when the API server is ready, or at once if it cannot be."""
        states = self.status()
        if any(states[name]["state"] != "running" for name in CONTROL_PLANE[:2]):
            return
        wait_for(
            lambda: self.kube.api.request("GET", "/readyz", timeout=5) == "ok",
            timeout=RETURN_SECONDS,
            what="the API server to be ready again",
        )

    def serviceaccount_kubeconfig(self, namespace: str, name: str, path: Path) -> Path:
        """Write a kubeconfig that has the rights of a ServiceAccount and no others."""
        return tokens.serviceaccount_kubeconfig(self.kube, namespace, name, path)


def _make_empty(folder: Path) -> None:
    """Make the folder, without what an ended cluster left there and without harm to others."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if any(folder.iterdir()):
        if not (folder / control.PLAN).exists():
            raise HarnessError(f"{folder} holds something that no cluster left there")
        shutil.rmtree(folder)
        folder.mkdir(mode=0o700)
