"""The kind provider on a real control plane; what is made up is the container runtime.

`StandIn` takes the place of the programs `kind` and `docker`: where kind would start containers, it
starts a native control plane without a kwok of its own, and adds what kind leaves in a new cluster,
its workers (without anything behind them) and its StorageClass. All the rest is the provider's work.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.fixtures import running
from harness.kind import KindCluster
from harness.native import NativeCluster
from harness.objects import claim, condition, deployment, is_available, is_bound, is_ready, pod
from harness.waiting import TimedOut, wait_for

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube

pytestmark = [pytest.mark.cluster, pytest.mark.native]

REAL = {"key": "harness.test/real-kubelet", "operator": "Exists"}


class StandIn:
    """kind and docker, as far as the provider asks them anything."""

    def __init__(self) -> None:
        self.name = ""
        self.plane: NativeCluster | None = None
        self.paused: set[str] = set()

    def __call__(self, *command: str, timeout: float = 60) -> str:
        """Do what the program would have done, and say what it would have printed."""
        assert timeout > 0
        match command[:2]:
            case "kind", "create":
                options = dict(zip(command[3::2], command[4::2], strict=True))
                self._create(
                    options["--name"], *map(Path, (options["--config"], options["--kubeconfig"]))
                )
            case "kind", "delete":
                self._delete(command[-1])
            case "kind", "get":
                return f"{self.name}\n"
            case "docker", "pause":
                self.paused.add(command[2])
            case "docker", "unpause":
                self.paused.discard(command[2])
                report(self.kube, command[2])
            case "docker", "ps":
                return f"{self.name}-control-plane\tUp 1 second\n"
        return ""

    @property
    def kube(self) -> Kube:
        """The administrator's client."""
        assert self.plane
        return self.plane.kube

    def _create(self, name: str, configuration: Path, kubeconfig: Path) -> None:
        self.name, self.plane = name, NativeCluster()
        self.plane.up()
        self.plane.stop("kwok")
        workers = [
            one for one in json.loads(configuration.read_text())["nodes"] if one["role"] == "worker"
        ]
        for number, worker in enumerate(workers):
            meta = {"name": f"{name}-worker{number}", "labels": worker["labels"]}
            self.kube.create({"apiVersion": "v1", "kind": "Node", "metadata": meta})
            report(self.kube, meta["name"])
        for one in self.kube.list("StorageClass"):
            self.kube.delete(one)
        self.kube.create(
            {
                "apiVersion": "storage.k8s.io/v1",
                "kind": "StorageClass",
                "metadata": {"name": "standard"},
                "provisioner": "rancher.io/local-path",
            }
        )
        shutil.copy(self.plane.kubeconfig, kubeconfig)

    def _delete(self, name: str) -> None:
        if self.plane and name == self.name:
            self.plane.down()
        self.name, self.plane = "", None


def report(kube: Kube, node: str) -> None:
    """What a real kubelet says of its node."""
    ready = {"type": "Ready", "status": "True", "reason": "KubeletReady"}
    room = {"cpu": "8", "memory": "32Gi", "pods": "110"}
    status = {"conditions": [ready], "capacity": room, "allocatable": room}
    kube.patch(kube.get("Node", node), {"status": status}, subresource="status", how="strategic")


def processes_of(folder: Path) -> list[str]:
    """Command lines of the processes that were started for the cluster in this folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            lines.append(words)
    return lines


@pytest.fixture(scope="module")
def runtime() -> StandIn:
    """The programs that kind would be."""
    return StandIn()


@pytest.fixture(scope="module")
def cluster(request: pytest.FixtureRequest, runtime: StandIn) -> Iterator[KindCluster]:
    """A cluster that the provider believes to be kind's."""
    with running(request, KindCluster(run=runtime)) as started:
        yield started


@pytest.fixture
def kube(cluster: KindCluster) -> Kube:
    """The provider's own client."""
    return cluster.kube


@pytest.fixture
def place(kube: Kube) -> str:
    """A namespace of the test's own."""
    return kube.namespace()


@pytest.fixture
def nodes(cluster: KindCluster) -> Iterator[list[str]]:
    """Three nodes of sixty-four cores, more than any machine of containers has."""
    made = cluster.nodes("ws", 3, labels={"a": "b"}, capacity={"cpu": "64"})
    yield made
    for name in made:
        cluster.remove_node(name)


def test_pods_become_ready_on_nodes_of_any_size(kube: Kube, place: str, nodes: list[str]) -> None:
    """Nodes have the capacity that was asked for, and Pods without an image are ready there."""
    assert kube.get("Node", nodes[0])["status"]["allocatable"]["cpu"] == "64"
    kube.wait_until(kube.create(deployment("web", place)), is_available)
    pods = kube.list("pods", place)
    assert {one["spec"]["nodeName"] for one in pods} <= set(nodes)
    addresses = {
        one["address"] for name in nodes for one in kube.get("Node", name)["status"]["addresses"]
    }
    assert {one["status"]["hostIP"] for one in pods} <= addresses


@pytest.mark.parametrize("storage_class", ["standard", "immediate"])
def test_volumes_are_bound(kube: Kube, place: str, nodes: list[str], storage_class: str) -> None:
    """The harness's classes are there, the default one in the place of kind's own, and claims are bound."""
    kube.create(claim("data", place, storage_class))
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": "data"}}]
    kube.wait_until(kube.create(pod("consumer", place, volumes=volumes)), is_ready)
    assert is_bound(kube.get("PersistentVolumeClaim", "data", place))
    assert kube.get("StorageClass", storage_class)["provisioner"] == "disk.harness.test"


def test_real_workers_are_for_those_who_ask(cluster: KindCluster, kube: Kube, place: str) -> None:
    """The two pools of kind's own keep Pods away, but not one that tolerates them; kwok leaves it alone."""
    workers = kube.list("Node", labels="harness.test/workers")
    pools = {one["metadata"]["labels"]["harness.test/workers"] for one in workers}
    assert pools == {"control-plane", "workspaces"}

    refused = kube.create(pod("refused", place))
    kube.wait_until(refused, lambda seen: condition(seen, "PodScheduled") == "False")
    placed = kube.create(pod("placed", place, tolerations=[REAL]))
    placed = kube.wait_until(placed, lambda seen: condition(seen, "PodScheduled") == "True")

    assert placed["spec"]["nodeName"].startswith(cluster.name)
    with pytest.raises(TimedOut):
        kube.wait_until(placed, is_ready, timeout=1)


def test_a_failed_node_of_either_sort(
    cluster: KindCluster, runtime: StandIn, kube: Kube, nodes: list[str]
) -> None:
    """A node that kwok plays falls silent without the runtime; a real one's container is paused."""
    real = f"{cluster.name}-worker0"
    for name in (nodes[0], real):
        cluster.fail_node(name)
        assert not is_ready(kube.get("Node", name))
        assert runtime.paused == ({real} if name == real else set())
        cluster.heal_node(name)
        assert is_ready(kube.get("Node", name))
    assert "harness.test/kubelet" not in kube.get("Node", real)["metadata"]["labels"]


def test_kwok_can_be_taken_away(
    cluster: KindCluster, kube: Kube, place: str, nodes: list[str]
) -> None:
    """It is a component as on the native cluster: frozen it plays nothing, thawed it makes up for it."""
    cluster.freeze("kwok")
    assert cluster.status()["kwok"]["state"] == "frozen"
    waiting: Object = kube.create(pod("waiting", place))
    with pytest.raises(TimedOut):
        kube.wait_until(waiting, is_ready, timeout=1)
    cluster.thaw("kwok")
    kube.wait_until(waiting, is_ready)


def test_nothing_is_left(tmp_path: Path) -> None:
    """`down` ends kwok and the cluster, and removes the files; kept logs tell of both."""
    runtime = StandIn()
    cluster = KindCluster(home=tmp_path / "home", run=runtime)
    cluster.up()
    assert runtime.plane
    folders = [cluster.folder, runtime.plane.folder]
    assert any("kwok" in one for one in processes_of(folders[0]))
    logs = cluster.down(keep_logs=True)
    assert logs
    assert (logs / "kwok.log").exists()
    wait_for(lambda: not any(processes_of(one) for one in folders), timeout=30)
    assert not any(one.exists() for one in folders)
    shutil.rmtree(logs.parent)
