"""What the cluster harness promises, on real control planes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import control, ports
from harness.api import ApiError, Unreachable
from harness.errors import HarnessError
from harness.fixtures import running
from harness.kube import Kube
from harness.native import NativeCluster
from harness.objects import (
    deployment,
    is_available,
    pod,
)
from harness.waiting import TimedOut, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator


pytestmark = [pytest.mark.cluster, pytest.mark.native]

TESTS = Path(__file__).parent.parent

HOLDS_A_CLUSTER = """
from harness.native import NativeCluster
cluster = NativeCluster()
cluster.up()
print(cluster.folder, flush=True)
input()
"""


def processes_of(folder: Path) -> list[int]:
    """Every living process that was started for the cluster in this folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                command = (entry / "cmdline").read_text()
            except OSError:
                continue
            if str(folder) in command:
                found.append(int(entry.name))
    return found


@pytest.fixture(scope="module")
def shared(request: pytest.FixtureRequest) -> Iterator[NativeCluster]:
    """A cluster with three nodes for the tests that break nothing for long."""
    with running(request, NativeCluster()) as cluster:
        cluster.nodes("node", 3)
        yield cluster


@pytest.fixture
def place(shared: NativeCluster) -> str:
    """A namespace of the shared cluster."""
    return shared.kube.namespace()


class TestLife:
    """How clusters begin and end."""

    def test_two_clusters_side_by_side(self) -> None:
        """Clusters started at the same time share nothing."""
        both = [NativeCluster(), NativeCluster()]
        try:
            with ThreadPoolExecutor(2) as pool:
                list(pool.map(NativeCluster.up, both))
            ids = {c.kube.get("Namespace", "kube-system")["metadata"]["uid"] for c in both}
            assert len(ids) == 2
        finally:
            for cluster in both:
                cluster.down()

    def test_nothing_is_left_after_down(self) -> None:
        """After `down` neither a process nor a file of the cluster exists."""
        with NativeCluster() as cluster:
            folder = cluster.folder
            assert len(processes_of(folder)) >= 5
        assert processes_of(folder) == []
        assert not folder.exists()

    def test_a_killed_owner_leaves_no_process(self) -> None:
        """SIGKILL of the process that holds a cluster ends every process of it."""
        owner = subprocess.Popen(
            [sys.executable, "-c", HOLDS_A_CLUSTER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(TESTS)},
        )
        with owner:
            assert owner.stdout
            folder = Path(owner.stdout.readline().strip())
            assert len(processes_of(folder)) >= 5
            owner.kill()
        wait_for(lambda: not processes_of(folder), timeout=30)
        wait_for(lambda: [path.name for path in folder.iterdir()] == ["logs"], timeout=30)
        shutil.rmtree(folder)

    @pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
    def test_a_killed_supervisor_takes_its_children_along(self, number: signal.Signals) -> None:
        """However the supervisor ends, no component outlives it, not even a frozen one."""
        with NativeCluster() as cluster:
            cluster.freeze("kwok")
            supervisor = control.ask(cluster.folder, "status")["supervisor"]
            components = {state["pid"] for state in cluster.status().values()}
            os.kill(supervisor, number)
            wait_for(lambda: not components & set(processes_of(cluster.folder)), timeout=30)

    def test_a_taken_port_is_exchanged(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """When somebody is quicker with a port, the cluster starts with others."""
        with NativeCluster() as first:
            taken = int(first.kube.api.access.server.rpartition(":")[2])
            choices = iter([[*ports.free(2), taken]])
            free = ports.free
            monkeypatch.setattr(ports, "free", lambda count: next(choices, None) or free(count))
            with NativeCluster() as second:
                assert second.kube.get("/version")["major"] == "1"
                assert second.kube.api.access.server != first.kube.api.access.server

    def test_a_component_that_cannot_start(self) -> None:
        """The error names the component, shows its last words and the folder of all logs."""
        cluster = NativeCluster(apiserver=["--no-such-flag"])
        with pytest.raises(HarnessError, match=r"kube-apiserver ended with exit code \d+") as error:
            cluster.up()
        assert "unknown flag: --no-such-flag" in str(error.value)
        logs = Path(str(error.value).rpartition(" ")[2])
        assert (logs / "kube-apiserver.log").exists()
        shutil.rmtree(logs.parent)
        assert not cluster.alive


def _hangs(cluster: NativeCluster) -> bool:
    """Whether the API server does not answer within a second."""
    try:
        cluster.kube.api.request("GET", "/readyz", timeout=1)
    except Unreachable as error:
        return "timed out" in str(error)
    return False


class TestFaults:
    """What breaks, breaks as asked, and comes back."""

    def test_freeze_and_thaw(self, shared: NativeCluster) -> None:
        """Requests to a frozen API server hang; after the thaw it answers again."""
        shared.freeze("kube-apiserver")
        wait_for(lambda: _hangs(shared), what="requests to hang")
        assert shared.status()["kube-apiserver"]["state"] == "frozen"
        shared.thaw("kube-apiserver")
        assert shared.kube.api.request("GET", "/readyz") == "ok"

    def test_lost_etcd(self, shared: NativeCluster, place: str) -> None:
        """Without etcd nothing can be written; when it is back, what was written is there."""
        shared.kube.create(pod("before", place))
        shared.stop("etcd")
        with pytest.raises((ApiError, Unreachable)):
            shared.kube.api.request("DELETE", f"/api/v1/namespaces/{place}", timeout=2)
        shared.start("etcd")
        assert shared.kube.get("Pod", "before", place)["metadata"]["name"] == "before"

    def test_restarted_server_keeps_its_address(self, shared: NativeCluster, place: str) -> None:
        """Clients that hold on to a kubeconfig find the API server again after a restart."""
        held = Kube.of(shared.kubeconfig)
        shared.restart("kube-apiserver")
        assert held.get("Namespace", place)["metadata"]["name"] == place

    def test_no_controllers(self, shared: NativeCluster, place: str) -> None:
        """While kube-controller-manager is stopped, a Deployment makes no Pods."""
        shared.stop("kube-controller-manager")
        made = shared.kube.create(deployment("web", place))
        with pytest.raises(TimedOut):
            shared.kube.wait_for(lambda: shared.kube.list("pods", place), timeout=1)
        shared.start("kube-controller-manager")
        shared.kube.wait_until(made, is_available)

    def test_unknown_component(self, shared: NativeCluster) -> None:
        """A wrong name is answered with the right ones."""
        with pytest.raises(HarnessError, match=r"there is no component 'kubelet'.*kwok"):
            shared.stop("kubelet")


class TestCommandLine:
    """The same cluster by typing."""

    @pytest.fixture
    def harness(self, tmp_path: Path) -> Iterator[Command]:
        """The command line with a state folder of its own, cleaned up afterwards."""
        command = Command(tmp_path)
        yield command
        command("down", "--all")

    def test_up_use_down(self, harness: Command) -> None:
        """`up` prints how to use the cluster, again is a no-op, `down` removes it."""
        assert "is up; use it with" in harness("up", "--nodes", "1").stdout
        assert "is up already" in harness("up").stdout
        path = Path(harness("kubeconfig").stdout.strip())
        assert [one["metadata"]["name"] for one in Kube.of(path).list("nodes")] == ["node-0"]
        assert "kwok: frozen" in harness("fault", "freeze", "kwok").stdout
        assert "frozen" in harness("status").stdout
        harness("fault", "thaw", "kwok")
        assert harness("nodes", "ws", "--label", "a=b", "--taint", "c=d:NoSchedule").stdout == (
            "ws-0\n"
        )
        harness("node", "fail", "ws-0")
        assert "is gone" in harness("down").stdout
        assert processes_of(path.parent) == []
        assert harness("kubeconfig").returncode == 1

    def test_up_twice_at_the_same_time(self, harness: Command) -> None:
        """Of two simultaneous `up` one starts the cluster and the other finds it."""
        with ThreadPoolExecutor(2) as pool:
            answers = list(pool.map(harness, ["up", "up"]))
        assert [answer.returncode for answer in answers] == [0, 0]
        assert sorted("already" in answer.stdout for answer in answers) == [False, True]

    def test_stale_after_a_reboot(self, harness: Command) -> None:
        """What runs no more is told apart from what runs, and can be started anew."""
        folder = Path(harness("up").stdout.split("KUBECONFIG=")[1].strip()).parent
        os.kill(control.ask(folder, "status")["supervisor"], signal.SIGKILL)
        wait_for(lambda: not processes_of(folder))
        told = harness("kubeconfig")
        assert told.returncode == 1
        assert "left files but runs no more" in told.stderr
        assert "is up; use it with" in harness("up").stdout

    def test_a_removed_folder_ends_the_cluster(self, harness: Command) -> None:
        """A cluster whose folder was removed by hand does not run on unseen."""
        folder = Path(harness("up", "--nodes", "0").stdout.split("KUBECONFIG=")[1].strip()).parent
        folder.rename(folder.with_name("elsewhere"))
        wait_for(lambda: not processes_of(folder), timeout=30)


class Command:
    """Runs `python -m harness` as a user does."""

    def __init__(self, state: Path) -> None:
        self._environment = {
            **os.environ,
            "PYTHONPATH": str(TESTS),
            "XDG_STATE_HOME": str(state),
            "CVA_CLUSTER": "native",
        }

    def __call__(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run one verb and return what it printed."""
        return subprocess.run(
            [sys.executable, "-m", "harness", *arguments],
            env=self._environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
