"""`make run` as a whole: it installs, acts as the shipped ServiceAccount, and ends with its command."""

from __future__ import annotations

import signal
import subprocess
import sys
import urllib.error
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import environment, kubeconfigs, ports
from harness.fixtures import own_cluster
from harness.waiting import wait_for
from support.installation import NAMESPACE, ROOT, SERVICE_ACCOUNT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.provider import Provider

pytestmark = pytest.mark.cluster

LEASE = "coder-cva-operator"


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster on which nothing of the operator has been installed."""
    with own_cluster(request) as started:
        yield started


class Command:
    """`python -m demo run`, as `make run` calls it, after its user has agreed."""

    def __init__(self, cluster: Provider, log: Path) -> None:
        (self._port,) = ports.free(1)
        context = kubeconfigs.read(cluster.kubeconfig).context
        with log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "demo", "run"],
                cwd=ROOT,
                env=environment.for_child(
                    PYTHONPATH=str(ROOT / "tests"),
                    KUBECONFIG=str(cluster.kubeconfig),
                    CVA_YES=context,
                    PORT=str(self._port),
                ),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
            )
        self._log = log

    def is_ready(self) -> bool:
        """What the operator's /readyz says; raises where the command has ended."""
        assert self.process.poll() is None, self._log.read_text()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/readyz", timeout=5) as it:
                return bool(it.status == 200)
        except urllib.error.HTTPError as error:
            error.close()
            return False
        except OSError:
            return False

    def operator(self) -> int:
        """The process id of the operator: it is the command's child that runs the package."""
        pid = self.process.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        (found,) = (one for one in children if "coder_cva" in _command_line(int(one)))
        return int(found)


@contextmanager
def ready(cluster: Provider, log: Path) -> Iterator[tuple[Command, int]]:
    """The command with an operator that is ready, and that one's process id; both are gone at the end."""
    lease = cluster.kube.find("Lease", LEASE, NAMESPACE)
    if lease:
        # That of one that was killed: others would wait fifteen seconds for it.
        cluster.kube.delete(lease)
    command = Command(cluster, log)
    try:
        wait_for(command.is_ready, what=f"the operator's /readyz; its log is {log}")
        operator = command.operator()
        yield command, operator
        wait_for(lambda: not _command_line(operator), what="the operator's end")
    finally:
        command.process.kill()
        command.process.wait()


def test_terminated(cluster: Provider, tmp_path: Path) -> None:
    """It becomes Ready as the shipped ServiceAccount; SIGTERM ends it in order, its Lease given back."""
    with ready(cluster, tmp_path / "log") as (command, _):
        assert cluster.kube.get("ServiceAccount", SERVICE_ACCOUNT, NAMESPACE)
        cluster.kube.wait_for(lambda: holder(cluster), what="a holder of the Lease")
        command.process.send_signal(signal.SIGTERM)
        assert command.process.wait(timeout=60) == 0, (tmp_path / "log").read_text()
    assert holder(cluster) == ""
    told = (tmp_path / "log").read_text()
    assert f"the operator runs as {NAMESPACE}/{SERVICE_ACCOUNT}" in told


def test_killed(cluster: Provider, tmp_path: Path) -> None:
    """SIGKILL of the command ends the operator too: nothing goes on acting on the user's cluster."""
    with ready(cluster, tmp_path / "log") as (command, operator):
        assert _command_line(operator)
        command.process.kill()


def holder(cluster: Provider) -> str:
    """Who leads; "" if nobody does."""
    lease = cluster.kube.find("Lease", LEASE, NAMESPACE) or {"spec": {}}
    return lease["spec"].get("holderIdentity") or ""


def _command_line(pid: int) -> str:
    """What a living process was started with; "" where there is none (a zombie has none)."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""
