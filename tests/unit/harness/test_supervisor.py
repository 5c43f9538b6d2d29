"""The supervisor and its children, with `sleep` in the place of a control plane."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import control
from harness.children import Children, Plan
from harness.errors import HarnessError
from harness.waiting import wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

TESTS = Path(__file__).parents[2]

SLEEP = ["sleep", "1000"]
# Starts a child of its own and would not end by SIGTERM.
STUBBORN = ["sh", "-c", "trap '' TERM; sleep 1000 & wait"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data folder whose path is longer than a socket's address may be."""
    deep = tmp_path / ("long" * 20) / ("name" * 20)
    (deep / "logs").mkdir(parents=True)
    Plan({"one": SLEEP, "two": STUBBORN, "ends": ["sh", "-c", "exit 3"]}).write(deep / control.PLAN)
    return deep


@pytest.fixture
def supervisor(folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A supervisor that is attached to this process."""
    process = subprocess.Popen(
        [sys.executable, "-m", "harness.supervisor", str(folder), "--owner", str(os.getpid())],
        stdin=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
    )
    with process:
        wait_for(lambda: control.ask(folder, "status"), what="the supervisor")
        yield process
        process.kill()


def gone(pid: int) -> bool:
    """Whether no living process has this id (a zombie is dead)."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return True
    return state == "Z"


def pid_of(folder: Path, component: str) -> int:
    """The process id of a running component."""
    pid = control.ask(folder, "status")["status"][component]["pid"]
    assert isinstance(pid, int)
    return pid


@pytest.mark.usefixtures("supervisor")
class TestCommands:
    """What the supervisor does when it is told to."""

    def test_start_and_stop(self, folder: Path) -> None:
        """A component runs until it is stopped; starting it twice is starting it once."""
        control.ask(folder, "start", "one")
        pid = pid_of(folder, "one")
        control.ask(folder, "start", "one")
        assert pid_of(folder, "one") == pid
        control.ask(folder, "stop", "one")
        assert gone(pid)
        state = control.ask(folder, "status")["status"]["one"]
        assert state == {"state": "stopped", "code": -signal.SIGKILL}

    def test_stop_takes_grandchildren_along(self, folder: Path) -> None:
        """What a component has started itself ends with it."""
        control.ask(folder, "start", "two")
        pid = pid_of(folder, "two")
        children = Path(f"/proc/{pid}/task/{pid}/children")
        (child,) = wait_for(lambda: children.read_text().split())
        control.ask(folder, "stop", "two")
        wait_for(lambda: gone(int(child)))

    def test_freeze_and_thaw(self, folder: Path) -> None:
        """A frozen component is stopped by the kernel, a thawed one is not."""
        control.ask(folder, "start", "one")
        pid = pid_of(folder, "one")

        def state() -> str:
            return Path(f"/proc/{pid}/stat").read_text().split()[2]

        control.ask(folder, "freeze", "one")
        wait_for(lambda: state() == "T")
        assert control.ask(folder, "status")["status"]["one"]["state"] == "frozen"
        control.ask(folder, "thaw", "one")
        wait_for(lambda: state() == "S")

    def test_own_end(self, folder: Path) -> None:
        """A component that ends by itself is reported with its exit code, and not restarted."""
        control.ask(folder, "start", "ends")
        ended = {"state": "stopped", "code": 3}
        wait_for(lambda: control.ask(folder, "status")["status"]["ends"] == ended)

    def test_wrong_names(self, folder: Path) -> None:
        """An unknown component and a stopped one are told apart."""
        with pytest.raises(HarnessError, match="no component 'three': choose one of one, two"):
            control.ask(folder, "start", "three")
        with pytest.raises(HarnessError, match="one does not run"):
            control.ask(folder, "freeze", "one")

    def test_nonsense_does_not_end_it(self, folder: Path) -> None:
        """A verb that does not exist, or half a command, is refused and forgotten."""
        for verb in ("dance", "reap", "_kill", ""):
            with pytest.raises(HarnessError, match="there is no command"):
                control.ask(folder, verb)
        with socket.socket(socket.AF_UNIX) as connection, control._short(folder) as address:
            connection.connect(address)
            connection.sendall(b'{"verb": \n')
            assert connection.recv(10) == b""
        assert control.ask(folder, "status")["status"]["one"]["state"] == "never started"


class TestEnd:
    """However the supervisor ends, nothing is left."""

    def test_alive_as_long_as_it_lives(
        self, folder: Path, supervisor: subprocess.Popen[bytes]
    ) -> None:
        """The lock on the folder tells whether a supervisor lives, whatever files say."""
        assert control.alive(folder)
        supervisor.kill()
        wait_for(lambda: not control.alive(folder))
        assert (folder / control.LOCK).exists()
        with pytest.raises(HarnessError, match="does not answer"):
            control.ask(folder, "status")

    @pytest.mark.parametrize("how", ["end", "pipe", "TERM", "KILL"])
    def test_children_end(
        self, folder: Path, supervisor: subprocess.Popen[bytes], how: str
    ) -> None:
        """Told to end, its owner gone, terminated or killed: every child is dead."""
        for component in ("one", "two"):
            control.ask(folder, "start", component)
        pids = [pid_of(folder, component) for component in ("one", "two")]
        control.ask(folder, "freeze", "one")
        if how == "end":
            control.ask(folder, "end")
        elif how == "pipe":
            assert supervisor.stdin
            supervisor.stdin.close()
        else:
            supervisor.send_signal(signal.Signals[f"SIG{how}"])
        supervisor.wait(timeout=30)
        wait_for(lambda: all(gone(pid) for pid in pids))

    def test_data_of_a_lost_owner(self, folder: Path, supervisor: subprocess.Popen[bytes]) -> None:
        """When the owner is gone nobody needs the data; the logs stay."""
        (folder / "etcd").mkdir()
        assert supervisor.stdin
        supervisor.stdin.close()
        supervisor.wait(timeout=30)
        assert [path.name for path in folder.iterdir()] == ["logs"]

    def test_one_at_a_time(self, folder: Path, supervisor: subprocess.Popen[bytes]) -> None:
        """A second supervisor does not touch a folder that has one."""
        assert control.alive(folder)
        command = [sys.executable, "-c", SECOND, str(folder)]
        environment = {**os.environ, "PYTHONPATH": str(TESTS)}
        second = subprocess.run(
            command, env=environment, capture_output=True, text=True, check=False
        )
        assert second.returncode == 1
        assert "has a living supervisor" in second.stderr
        assert control.ask(folder, "status")["supervisor"] == supervisor.pid


# The second one waits ten seconds for the lock, for a moment's look by somebody else.
SECOND = """
import sys
from harness import supervisor
supervisor.LOCK_SECONDS = 0
sys.exit(supervisor.main())
"""


def test_children_without_a_plan_entry(tmp_path: Path) -> None:
    """Stopping what never ran is fine; thawing it is not."""
    children = Children(Plan({"one": SLEEP}), tmp_path)
    children.stop("one")
    with pytest.raises(ValueError, match="does not run"):
        children.thaw("one")
