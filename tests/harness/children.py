"""Child processes that die with the process that started them."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_PR_SET_PDEATHSIG = 1
# Linux alone has it. Elsewhere a child ends when its supervisor ends in order, however that one is
# told to; one that is killed leaves its children.
_prctl = getattr(ctypes.CDLL(None, use_errno=True), "prctl", None)


@dataclass(frozen=True)
class Plan:
    """The command line of every component."""

    commands: dict[str, list[str]]

    @classmethod
    def read(cls, path: Path) -> Plan:
        """The plan that `write` left there."""
        return cls(json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        """Leave the plan for a supervisor."""
        path.write_text(json.dumps(self.commands, indent=2))


class Children:
    """The components of one cluster as processes, by name."""

    def __init__(self, plan: Plan, logs: Path) -> None:
        self._plan = plan
        self._logs = logs
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._frozen: set[str] = set()
        self._ended: dict[str, int] = {}

    def start(self, component: str) -> None:
        """Start a component; one that runs is left alone."""
        command = self._plan.commands.get(component)
        if command is None:
            known = ", ".join(self._plan.commands)
            raise ValueError(f"there is no component {component!r}: choose one of {known}")
        self.reap()
        if component in self._running:
            return
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{component}.log").open("ab") as log:
            self._running[component] = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - this process has one thread
            )
        self._ended.pop(component, None)

    def stop(self, component: str) -> None:
        """Pull the plug: the component gets no chance to finish anything."""
        process = self._running.pop(self._known(component), None)
        if process is not None:
            self._kill(component, process)
            self._ended[component] = process.wait()

    def freeze(self, component: str) -> None:
        """Stop the component's clock: connections stay open, nothing answers."""
        self._running_one(component).send_signal(signal.SIGSTOP)
        self._frozen.add(component)

    def thaw(self, component: str) -> None:
        """Let a frozen component go on."""
        self._running_one(component).send_signal(signal.SIGCONT)
        self._frozen.discard(component)

    def reap(self) -> None:
        """Note which components ended by themselves."""
        for component, process in list(self._running.items()):
            code = process.poll()
            if code is not None:
                del self._running[component]
                self._frozen.discard(component)
                self._ended[component] = code

    def kill_all(self) -> None:
        """End every component at once and wait until it is gone."""
        ending = dict(self._running)
        self._running.clear()
        for component, process in ending.items():
            self._kill(component, process)
        for component, process in ending.items():
            self._ended[component] = process.wait()

    def status(self) -> dict[str, dict[str, object]]:
        """What every component of the plan is doing."""
        self.reap()
        return {component: self._state(component) for component in self._plan.commands}

    def _state(self, component: str) -> dict[str, object]:
        process = self._running.get(component)
        if process is None:
            code = self._ended.get(component)
            return {"state": "stopped" if code is not None else "never started", "code": code}
        return {"state": "frozen" if component in self._frozen else "running", "pid": process.pid}

    def _kill(self, component: str, process: subprocess.Popen[bytes]) -> None:
        # The whole session: a component may have children of its own. A stopped process
        # obeys SIGKILL too.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        self._frozen.discard(component)

    def _known(self, component: str) -> str:
        if component not in self._plan.commands:
            known = ", ".join(self._plan.commands)
            raise ValueError(f"there is no component {component!r}: choose one of {known}")
        return component

    def _running_one(self, component: str) -> subprocess.Popen[bytes]:
        process = self._running.get(self._known(component))
        if process is None:
            raise ValueError(f"{component} does not run")
        return process


def dies_with(parent: int) -> Callable[[], None]:
    """What a child does before its program starts, so that it ends with the thread that made it."""

    def in_the_child() -> None:
        if _prctl is not None:
            _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have died between the fork and the line above.
        if os.getppid() != parent:
            os._exit(1)

    return in_the_child
