"""How a process speaks to the supervisor of a cluster: JSON lines over a socket in its folder."""

from __future__ import annotations

import json
import os
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from harness import locks
from harness.errors import HarnessError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

LOCK = "alive.lock"
PLAN = "plan.json"
SOCKET = "control.sock"


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
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{descriptor}/{SOCKET}"
    finally:
        os.close(descriptor)
