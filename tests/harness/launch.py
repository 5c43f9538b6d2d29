"""Starting a control plane: the supervisor first, then each component when it can work."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import control, environment
from harness.errors import HarnessError
from harness.kube import Kube
from harness.waiting import wait_for

if TYPE_CHECKING:
    from harness.control_plane import ControlPlane

START_SECONDS = 120
LOG_TAIL_LINES = 15
PORT_TAKEN = "address already in use"


class ComponentEndedError(Exception):
    """A component ended while the cluster was starting (no HarnessError: waiting stops here)."""


class PortTaken(HarnessError):
    """Another process took a port between our look at it and the component's start."""


class Launch:
    """The start of one control plane, and the hold on its supervisor."""

    def __init__(self, plane: ControlPlane, *, attached: bool) -> None:
        self._plane = plane
        self._attached = attached
        self._supervisor: subprocess.Popen[bytes] | None = None

    def run(self) -> None:
        """Return when every component runs and the API server is ready."""
        try:
            self._start_supervisor()
            self._start("etcd", "kube-apiserver")
            wait_for(
                self._certificate_is_made, timeout=START_SECONDS, what="the API server's start"
            )
            wait_for(self._is_ready, timeout=START_SECONDS, what="the API server to be ready")
            self._start("kube-controller-manager", "kube-scheduler", "kwok")
            wait_for(self._has_default_account, what="kube-controller-manager to do its work")
        except ComponentEndedError as error:
            text = str(error)
            raise (PortTaken if PORT_TAKEN in text else HarnessError)(text) from None

    def wait(self) -> None:
        """Wait for the end of a supervisor that is attached to this process."""
        if self._supervisor is None:
            return
        if self._supervisor.stdin:
            self._supervisor.stdin.close()
        if self._attached:
            self._supervisor.wait(timeout=30)

    def _start_supervisor(self) -> None:
        folder = self._plane.folder
        command = [sys.executable, "-m", "harness.supervisor", str(folder)]
        if self._attached:
            command += ["--owner", str(os.getpid())]
        ours = str(Path(__file__).parent.parent)
        paths = [ours, *filter(None, [environment.variable("PYTHONPATH")])]
        with (folder / "logs" / "supervisor.log").open("ab") as log:
            self._supervisor = subprocess.Popen(
                command,
                # An attached supervisor ends when this pipe closes, that is, with this process.
                stdin=subprocess.PIPE if self._attached else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # An interrupt from the keyboard is for us: we then end the cluster in order.
                start_new_session=True,
                env=environment.for_child(PYTHONPATH=os.pathsep.join(paths)),
            )
        wait_for(self._supervisor_answers, timeout=30, what="the supervisor's start")

    def _supervisor_answers(self) -> bool:
        if self._supervisor and self._supervisor.poll() is not None:
            raise ComponentEndedError(f"the supervisor ended\n{self._tail('supervisor')}")
        return bool(control.ask(self._plane.folder, "status"))

    def _start(self, *components: str) -> None:
        for component in components:
            control.ask(self._plane.folder, "start", component)

    def _certificate_is_made(self) -> bool:
        self._check_alive()
        if not self._plane.has_certificate:
            return False
        self._plane.write_kubeconfigs()
        return True

    def _is_ready(self) -> bool:
        self._check_alive()
        answer = Kube.of(self._plane.kubeconfig).api.request("GET", "/readyz", timeout=5)
        return bool(answer == "ok")

    def _has_default_account(self) -> bool:
        self._check_alive()
        kube = Kube.of(self._plane.kubeconfig)
        return bool(kube.find("ServiceAccount", "default", "default"))

    def _check_alive(self) -> None:
        states = control.ask(self._plane.folder, "status")["status"]
        for component, state in states.items():
            if state["state"] == "stopped":
                raise ComponentEndedError(
                    f"{component} ended with exit code {state['code']}\n{self._tail(component)}"
                )

    def _tail(self, component: str) -> str:
        path = self._plane.folder / "logs" / f"{component}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])
