"""How a process speaks to the supervisor of a cluster: JSON lines over a socket in its folder."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from harness import locks
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCK = "alive.lock"
PLAN = "plan.json"
SOCKET = "control.sock"
OPEN_FILES = Path("/proc/self/fd")


def alive(folder: Path) -> bool:
    """Whether the supervisor of this folder lives: the kernel frees its lock when it dies."""
    return locks.taken(folder / LOCK)


def ask(folder: Path, verb: str, component: str = "") -> dict[str, Any]:
    """Send one command and return the answer."""
    command = {"verb": verb, "component": component}
    try:
        with socket.socket(socket.AF_UNIX) as connection, _short(folder) as address:
            connection.settimeout(30)
            connection.connect(address)
            connection.sendall(json.dumps(command).encode() + b"\n")
            line = connection.makefile("rb").readline()
    except OSError as error:
        raise HarnessError(f"the supervisor of {folder} does not answer: {error}") from error
    if not line:
        raise HarnessError(f"the supervisor of {folder} ended while it was asked to {verb}")
    answer: dict[str, Any] = json.loads(line)
    if "error" in answer:
        raise HarnessError(answer["error"])
    return answer


@dataclass(frozen=True)
class Component:
    """A process that a supervisor owns, and what can be done to it."""

    folder: Path
    name: str

    def stop(self) -> None:
        """Kill it: it gets no chance to finish anything."""
        ask(self.folder, "stop", self.name)

    def start(self) -> None:
        """Start it if it does not run."""
        ask(self.folder, "start", self.name)

    def restart(self) -> None:
        """Kill it and start it again."""
        self.stop()
        self.start()

    def freeze(self) -> None:
        """Keep it from doing anything while its connections stay open."""
        ask(self.folder, "freeze", self.name)

    def thaw(self) -> None:
        """Let it go on."""
        ask(self.folder, "thaw", self.name)


def bound_socket(folder: Path) -> socket.socket:
    """The socket on which a supervisor hears its commands."""
    (folder / SOCKET).unlink(missing_ok=True)
    listener = socket.socket(socket.AF_UNIX)
    with _short(folder) as address:
        listener.bind(address)
    listener.listen(16)
    return listener


@contextmanager
def _short(folder: Path) -> Iterator[str]:
    """A path to the socket of at most 108 characters, whatever the folder is called."""
    if not OPEN_FILES.is_dir():
        # Not Linux: the folder's own path has to be short enough.
        yield str(folder / SOCKET)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"{OPEN_FILES}/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
