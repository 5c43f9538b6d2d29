"""The supervisor of a folder, as the process sees it that starts and ends it."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from harness import control, environment
from harness.errors import HarnessError
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterable

SECONDS = 30
LOG_TAIL_LINES = 15
TESTS = Path(__file__).parent.parent


class ComponentEndedError(Exception):
    """A component ended while it was starting (no HarnessError: waiting stops here)."""


class Supervised:
    """The processes of one folder, which end with the process that started them if `attached`."""

    def __init__(self, folder: Path, *, attached: bool) -> None:
        self._folder = folder
        self._attached = attached
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, **variables: str) -> None:
        """Start a supervisor for the folder's plan, and return when it hears commands.

        Args:
            variables: what its components find in their environment beside our own.

        Raises:
            ComponentEndedError: it ended at once; the message has its last words.
        """
        command = [sys.executable, "-m", "harness.supervisor", str(self._folder)]
        if self._attached:
            command += ["--owner", str(os.getpid())]
        variables = {"PYTHONPATH": environment.variable("PYTHONPATH"), **variables}
        paths = [str(TESTS), *filter(None, [variables["PYTHONPATH"]])]
        logs = self._folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        with (logs / "supervisor.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                # An attached supervisor ends when this pipe closes, that is, with this process.
                stdin=subprocess.PIPE if self._attached else subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # An interrupt from the keyboard is for us: we then end the cluster in order.
                start_new_session=True,
                env=environment.for_child(**{**variables, "PYTHONPATH": os.pathsep.join(paths)}),
            )
        wait_for(self._answers, timeout=SECONDS, what="the supervisor's start")

    def run(self, components: Iterable[str]) -> None:
        """Start components, one after the other."""
        for component in components:
            control.ask(self._folder, "start", component)

    def check(self) -> None:
        """Raise a ComponentEndedError if a component has ended that nobody stopped."""
        states = control.ask(self._folder, "status")["status"]
        for component, state in states.items():
            if state["state"] == "stopped":
                code = state["code"]
                raise ComponentEndedError(
                    f"{component} ended with exit code {code}\n{self._tail(component)}"
                )

    def end(self) -> None:
        """End the supervisor and every component; return when the folder is nobody's."""
        if control.alive(self._folder):
            # It may be ending at this moment, by a signal; whether it has ended is asked below.
            with contextlib.suppress(HarnessError):
                control.ask(self._folder, "end")
        if self._process:
            if self._process.stdin:
                self._process.stdin.close()
            self._process.wait(timeout=SECONDS)
        wait_for(
            lambda: not control.alive(self._folder), timeout=SECONDS, what="the supervisor's end"
        )

    def _answers(self) -> bool:
        if self._process and self._process.poll() is not None:
            raise ComponentEndedError(f"the supervisor ended\n{self._tail('supervisor')}")
        return bool(control.ask(self._folder, "status"))

    def _tail(self, component: str) -> str:
        path = self._folder / "logs" / f"{component}.log"
        lines = path.read_text(errors="replace").splitlines() if path.exists() else []
        return "\n".join(lines[-LOG_TAIL_LINES:])
