"""The process that owns a cluster's components, so that none of them is ever left behind.

It is single-threaded on purpose: the kernel's "kill me when my parent dies" fires when the
spawning *thread* ends, and a Python program that has threads cannot promise that it will not.
"""

from __future__ import annotations

import argparse
import json
import os
import selectors
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from harness import locks
from harness.children import Children, Plan
from harness.control import LOCK, PLAN, bound_socket

POLL_SECONDS = 1.0
"""How often an attached supervisor looks whether the process that started it still lives."""


LOCK_SECONDS = 10.0
"""How long to wait for the lock: whoever looks whether it is taken holds it for a moment."""


class Supervisor:
    """Owns the children and obeys one-line JSON commands until it is told to end."""

    def __init__(self, folder: Path, owner: int | None) -> None:
        self._folder = folder
        self._owner = owner
        self._ending = self._is_orphan = False
        self._children = Children(Plan.read(folder / PLAN), folder / "logs")
        self._selector = selectors.DefaultSelector()
        self._listener = bound_socket(folder)
        self._selector.register(self._listener, selectors.EVENT_READ, self._accept)
        self._wake_on_signals()
        if owner is not None:
            self._selector.register(sys.stdin.fileno(), selectors.EVENT_READ, self._owner_spoke)

    def run(self) -> None:
        """Serve until told to end, or until the owner is gone; then end every child."""
        try:
            while not self._ending:
                for key, _ in self._selector.select(POLL_SECONDS):
                    key.data(key.fileobj)
                self._children.reap()
                if self._owner is not None and os.getppid() != self._owner:
                    self._orphaned()
                if not self._folder.exists():
                    # Somebody removed it by hand: nobody can reach this cluster any more.
                    self._ending = True
        finally:
            self._children.kill_all()
            if self._is_orphan:
                self._remove_data()

    def _wake_on_signals(self) -> None:
        reader, writer = socket.socketpair()
        for end in (reader, writer):
            end.setblocking(False)
        signal.set_wakeup_fd(writer.fileno())
        self._wakers = (reader, writer)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._end)
        self._selector.register(reader, selectors.EVENT_READ, lambda end: end.recv(4096))

    def _end(self, *_: object) -> None:
        self._ending = True

    def _owner_spoke(self, stdin: int) -> None:
        if not os.read(stdin, 4096):
            self._orphaned()

    def _orphaned(self) -> None:
        self._ending = self._is_orphan = True

    def _remove_data(self) -> None:
        """Nobody is left to do it; the logs may tell why the owner died."""
        for path in self._folder.iterdir():
            if not path.is_dir():
                path.unlink()
            elif path.name != "logs":
                shutil.rmtree(path, ignore_errors=True)

    def _accept(self, listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.settimeout(5)
            try:
                command = json.loads(connection.makefile("rb").readline())
                connection.sendall(json.dumps(self._obey(command)).encode() + b"\n")
            except (OSError, ValueError) as error:
                print(f"a command was lost: {error}", file=sys.stderr, flush=True)

    def _obey(self, command: dict[str, str]) -> dict[str, object]:
        verb, component = command.get("verb", ""), command.get("component", "")
        children = self._children
        actions = {
            "start": children.start,
            "stop": children.stop,
            "freeze": children.freeze,
            "thaw": children.thaw,
        }
        try:
            if verb == "status":
                return {"status": self._children.status(), "supervisor": os.getpid()}
            if verb == "end":
                self._children.kill_all()
                self._ending = True
                return {}
            if verb not in actions:
                return {"error": f"there is no command {verb!r}"}
            actions[verb](component)
        except (ValueError, OSError) as error:
            return {"error": str(error)}
        return {}


def main() -> int:
    """Run until ended; the lock on the data folder tells others that this cluster lives."""
    parser = argparse.ArgumentParser(prog="harness.supervisor", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--owner", type=int, help="end when this process ends")
    arguments = parser.parse_args()
    deadline = time.monotonic() + LOCK_SECONDS
    while not locks.take(arguments.folder / LOCK):
        if time.monotonic() > deadline:
            print(f"{arguments.folder} has a living supervisor", file=sys.stderr)
            return 1
        time.sleep(0.05)
    Supervisor(arguments.folder, arguments.owner).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
