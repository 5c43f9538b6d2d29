"""What the kind provider asks kind and the container runtime to do, and what it says when they refuse."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness import named
from harness.errors import HarnessError
from harness.kind import KindCluster

if TYPE_CHECKING:
    from collections.abc import Callable

FORBIDDEN = "docker run --privileged: operation not permitted"


class FakeRuntime:
    """Stands in for kind and docker: remembers commands, knows which clusters there are."""

    def __init__(self, *, breaks: str = "", fails_with: BaseException | None = None) -> None:
        self.commands: list[str] = []
        self.clusters: list[str] = []
        self.version = "kind v0.33.0 go1.26.0 linux/amd64\n"
        self._breaks = breaks
        self._error = fails_with or HarnessError(f"{breaks} failed")

    def __call__(self, *command: str, timeout: float = 60) -> str:
        """Remember the command; fail where asked to, leaving what a broken start leaves."""
        assert timeout > 0
        line = " ".join(command)
        self.commands.append(line)
        if command[:2] == ("kind", "create"):
            self.clusters.append(command[command.index("--name") + 1])
        if self._breaks and line.startswith(self._breaks):
            raise self._error
        if command[:2] == ("kind", "create"):
            Path(command[command.index("--kubeconfig") + 1]).touch()
        if command[:2] == ("kind", "delete"):
            self.clusters = [one for one in self.clusters if one != command[-1]]
        if command[:2] == ("kind", "get"):
            return "\n".join(self.clusters)
        return self.version if command[:2] == ("kind", "version") else ""


@pytest.fixture(autouse=True)
def _nothing_is_played(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A ready kwok that is not started: there is no API server. The cluster tests have both."""
    ready = tmp_path / "ready" / "kwok"
    ready.parent.mkdir()
    ready.write_text("#!/bin/sh\n")
    ready.chmod(0o755)
    monkeypatch.setenv("CVA_BINARIES", str(ready.parent))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    monkeypatch.delenv("KIND_EXPERIMENTAL_PROVIDER", raising=False)
    monkeypatch.setattr(KindCluster, "_play", lambda *_: None)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Where the cluster keeps its files."""
    return tmp_path / "home"


def up(home: Path, runtime: FakeRuntime) -> KindCluster:
    """A cluster that believes to be up."""
    cluster = KindCluster(name="t", home=home, run=runtime)
    cluster.up()
    return cluster


class TestStart:
    """What is asked of kind."""

    def test_configuration(self, home: Path) -> None:
        """One control plane and a worker for each of two labelled pools, all of one pinned image."""
        runtime = FakeRuntime()
        up(home, runtime)
        configuration = json.loads((home / "kind.json").read_text())
        nodes = configuration["nodes"]
        pools = [node.get("labels", {}).get("harness.test/workers") for node in nodes]
        assert pools == [None, "control-plane", "workspaces"]
        assert len({node["image"] for node in nodes}) == 1
        assert "kindest/node:v1.37.0@sha256:" in nodes[0]["image"]
        assert f"--name coder-cva-t --config {home / 'kind.json'}" in runtime.commands[-1]

    def test_a_silent_kwok_fails_no_node(self, home: Path) -> None:
        """The controller manager waits as long for heartbeats as the native one does."""
        up(home, FakeRuntime())
        (patch,) = json.loads((home / "kind.json").read_text())["kubeadmConfigPatches"]
        flags = json.loads(patch)["controllerManager"]["extraArgs"]
        assert flags["node-monitor-grace-period"] == "30m"
        # Without an apiVersion kind takes the patch for every form of kubeadm's configuration.
        assert "apiVersion" not in json.loads(patch)

    def test_a_running_one_is_left_alone(self, home: Path) -> None:
        """A second start creates nothing."""
        runtime = FakeRuntime()
        up(home, runtime).up()
        assert sum("kind create" in one for one in runtime.commands) == 1

    def test_containers_without_a_kubeconfig(self, home: Path) -> None:
        """What a killed start left is deleted and made anew: nobody could talk to it."""
        runtime = FakeRuntime()
        runtime.clusters = ["coder-cva-t"]
        cluster = up(home, runtime)
        deleted, created = (
            next(number for number, one in enumerate(runtime.commands) if one.startswith(what))
            for what in ("kind delete", "kind create")
        )
        assert deleted < created
        assert cluster.kubeconfig.exists()

    def test_another_engine(self, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Where kind is told to use podman, podman is what is asked and told."""
        monkeypatch.setenv("KIND_EXPERIMENTAL_PROVIDER", "podman")
        runtime = FakeRuntime()
        up(home, runtime).freeze("etcd")
        assert "podman info" in runtime.commands
        assert runtime.commands[-1].startswith("podman exec coder-cva-t-control-plane")
        assert not any(one.startswith("docker") for one in runtime.commands)


class TestRefusals:
    """Every message names the way out."""

    @pytest.mark.parametrize(
        ("breaks", "remedy"),
        [
            ("kind version", "go install sigs.k8s.io/kind@v0.33.0"),
            ("docker info", "KIND_EXPERIMENTAL_PROVIDER names"),
        ],
    )
    def test_no_runtime(self, home: Path, breaks: str, remedy: str) -> None:
        """Without kind or a container engine it is said which is missing, and what needs neither."""
        cluster = KindCluster(home=home, run=FakeRuntime(breaks=breaks))
        with pytest.raises(
            HarnessError, match=r"(?s)failed.*without one use CVA_CLUSTER=native"
        ) as e:
            cluster.up()
        assert remedy in str(e.value)

    def test_an_old_kind(self, home: Path) -> None:
        """A kind that does not know the images is refused before a gigabyte is fetched."""
        runtime = FakeRuntime()
        runtime.version = "kind v0.29.0 go1.24.0 linux/amd64\n"
        with pytest.raises(HarnessError, match=r"v0\.29\.0 .*is too old.*v0\.33\.0"):
            up(home, runtime)
        assert not any("create" in one for one in runtime.commands)

    def test_forbidden_nodes(self, home: Path) -> None:
        """A runtime that refuses privileged containers: its own words, the reason, and the remedy."""
        runtime = FakeRuntime(breaks="kind create", fails_with=HarnessError(FORBIDDEN))
        with pytest.raises(
            HarnessError, match=f"(?s){FORBIDDEN}.*privileged containers.*"
        ) as error:
            up(home, runtime)
        assert "use CVA_CLUSTER=native, which needs no containers" in str(error.value)

    @pytest.mark.parametrize("error", [HarnessError("no"), KeyboardInterrupt(), SystemExit(143)])
    def test_a_broken_start_leaves_nothing(self, home: Path, error: BaseException) -> None:
        """Failed, interrupted or terminated: the containers and the files are gone."""
        runtime = FakeRuntime(breaks="kind create", fails_with=error)
        with pytest.raises(type(error)):
            up(home, runtime)
        assert runtime.clusters == []
        assert not home.exists()


class TestFaults:
    """Components of the control plane are processes in a container."""

    def test_names(self, home: Path) -> None:
        """They are found by the fifteen characters that the kernel keeps of their names."""
        runtime = FakeRuntime()
        cluster = up(home, runtime)
        cluster.freeze("kube-controller-manager")
        assert runtime.commands[-1] == (
            "docker exec coder-cva-t-control-plane sh -c pkill -STOP -x kube-controller"
        )
        cluster.stop("etcd")
        moved = "mv /etc/kubernetes/manifests/etcd.yaml /etc/kubernetes/stopped/"
        assert moved in runtime.commands[-1]

    def test_an_unknown_component(self, home: Path) -> None:
        """A wrong name is answered with the right ones, kwok among them."""
        with pytest.raises(HarnessError, match=r"no component 'kubelet'.*etcd.*kwok"):
            up(home, FakeRuntime()).freeze("kubelet")


class TestNamed:
    """What `python -m harness up` remembers of a kind cluster."""

    @pytest.fixture
    def use(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[FakeRuntime], None]:
        """Have named clusters be of kind, on a runtime."""
        monkeypatch.setenv("CVA_CLUSTER", "kind")

        def use(runtime: FakeRuntime) -> None:
            monkeypatch.setattr(named, "KindCluster", partial(KindCluster, run=runtime))

        return use

    def test_a_killed_start_is_found(
        self, use: Callable[[FakeRuntime], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Killed between the containers and the end of `up`: `down` deletes them, whatever is chosen then."""
        runtime = FakeRuntime()
        use(runtime)

        def killed(cluster: KindCluster) -> None:
            # A SIGKILL leaves no time to write anything later.
            assert named.names() == ["demo"]
            runtime(
                "kind", "create", "cluster", "--name", cluster.name, "--kubeconfig", "/dev/null"
            )
            raise Killed

        with monkeypatch.context() as patched:
            patched.setattr(KindCluster, "up", killed)
            with pytest.raises(Killed):
                named.up("demo", "1.37")
        monkeypatch.setenv("CVA_CLUSTER", "native")
        assert named.names() == ["demo"]
        with pytest.raises(HarnessError, match="being started, or its start was interrupted"):
            named.find("demo")
        assert named.down("demo") is True
        assert runtime.clusters == []
        assert named.names() == []

    def test_the_next_start_begins_anew(self, use: Callable[[FakeRuntime], None]) -> None:
        """What a killed start left is no running cluster: it is deleted and made again."""
        runtime = FakeRuntime()
        use(runtime)
        runtime.clusters = ["coder-cva-demo"]
        named._write("demo", named.Record("kind", "1.37", is_whole=False))
        cluster, is_new = named.up("demo", "1.37")
        assert is_new
        assert cluster.kubeconfig.exists()
        assert runtime.clusters == ["coder-cva-demo"]
        assert named.up("demo", "1.37")[1] is False

    def test_a_failed_start_is_forgotten(self, use: Callable[[FakeRuntime], None]) -> None:
        """A start that cleaned up after itself leaves no name behind."""
        use(FakeRuntime(breaks="kind create"))
        with pytest.raises(HarnessError, match="could not start its nodes"):
            named.up("demo", "1.37")
        assert named.names() == []

    def test_a_machine_without_a_runtime(self, use: Callable[[FakeRuntime], None]) -> None:
        """Refused before anything is written down: there is nothing to end."""
        use(FakeRuntime(breaks="docker info"))
        with pytest.raises(HarnessError, match="without one use CVA_CLUSTER=native"):
            named.up("demo", "1.37")
        assert named.names() == []

    def test_another_kind_is_running(
        self, use: Callable[[FakeRuntime], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """`up` does not pass off a cluster of one kind as one of another."""
        use(FakeRuntime())
        named.up("demo", "1.37")
        monkeypatch.setenv("CVA_CLUSTER", "native")
        with pytest.raises(HarnessError, match=r"of kind 'kind', not 'native'.*end it first"):
            named.up("demo", "1.37")


class Killed(BaseException):
    """In the place of a SIGKILL: nothing is cleaned up after it."""
