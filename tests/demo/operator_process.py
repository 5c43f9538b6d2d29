"""The operator of the demo: a process that outlives the command and ends with the cluster.

A supervisor of the harness owns it, in a folder within the cluster's own. So whatever ends the
cluster, `make demo-down`, `python -m harness down`, or somebody who removes the folder, ends the
operator too, and no process is left.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import urllib.error
import urllib.request
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import control, environment, ports, tokens
from harness.children import Plan
from harness.errors import HarnessError
from harness.waiting import wait_for
from support.installation import NAMESPACE, ROOT, SERVICE_ACCOUNT

if TYPE_CHECKING:
    from pathlib import Path

    from harness.kube import Kube

NAME = "operator"
TOKEN_SECONDS = 30 * 24 * 3600
"""The demo stays up for as long as somebody plays with it."""
READY_SECONDS = 60
SHOWN_LINES = 15


class OperatorEndedError(Exception):
    """The operator ended by itself (no HarnessError: waiting stops here)."""


@dataclass(frozen=True)
class OperatorProcess:
    """The operator as the shipped ServiceAccount, in a folder of its own."""

    folder: Path

    @classmethod
    def of(cls, cluster_folder: Path) -> OperatorProcess:
        """The operator of a named cluster."""
        return cls(cluster_folder / NAME)

    @property
    def log(self) -> Path:
        """Where the operator writes."""
        return self.folder / "logs" / f"{NAME}.log"

    @property
    def supervised(self) -> bool:
        """Whether its supervisor lives."""
        return control.alive(self.folder)

    @property
    def pid(self) -> int | None:
        """The process id while the operator runs."""
        if not self.supervised:
            return None
        state = control.ask(self.folder, "status")["status"][NAME]
        found: int | None = state.get("pid")
        return found

    def start(self, kube: Kube) -> None:
        """Start it and return when it has read the cluster (/readyz).

        Raises:
            HarnessError: it ended or was not ready in time; `tail` tells more.
        """
        shutil.rmtree(self.folder, ignore_errors=True)
        (self.folder / "logs").mkdir(parents=True, mode=0o700)
        kubeconfig = self.folder / "kubeconfig"
        tokens.serviceaccount_kubeconfig(
            kube, NAMESPACE, SERVICE_ACCOUNT, kubeconfig, seconds=TOKEN_SECONDS
        )
        (port,) = ports.free(1)
        Plan({NAME: [sys.executable, "-m", "coder_cva", "run"]}).write(self.folder / control.PLAN)
        self._start_supervisor(kubeconfig, port)
        control.ask(self.folder, "start", NAME)
        try:
            wait_for(lambda: self._is_ready(port), timeout=READY_SECONDS, what="the operator")
        except OperatorEndedError as error:
            raise HarnessError(str(error)) from error

    def stop(self) -> bool:
        """End it and its supervisor; False if there was none."""
        if not self.supervised:
            return False
        control.ask(self.folder, "end")
        wait_for(lambda: not self.supervised, timeout=30, what="the end of the operator")
        return True

    def tail(self) -> str:
        """The last lines of the log."""
        if not self.log.exists():
            return ""
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-SHOWN_LINES:])

    def _start_supervisor(self, kubeconfig: Path, port: int) -> None:
        code = os.pathsep.join((str(ROOT / "tests"), str(ROOT / "operator")))
        with (self.folder / "logs" / "supervisor.log").open("ab") as log:
            subprocess.Popen(
                [sys.executable, "-m", "harness.supervisor", str(self.folder)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # An interrupt from the keyboard is for the demo, not for what it leaves running.
                start_new_session=True,
                env=environment.for_child(
                    PYTHONPATH=code,
                    KUBECONFIG=str(kubeconfig),
                    OPERATOR_NAMESPACE=NAMESPACE,
                    PORT=str(port),
                ),
            )
        wait_for(
            lambda: control.ask(self.folder, "status"), timeout=30, what="the operator's supervisor"
        )

    def _is_ready(self, port: int) -> bool:
        if self.pid is None:
            raise OperatorEndedError("the operator ended while it was starting")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5) as answer:
                return bool(answer.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False
