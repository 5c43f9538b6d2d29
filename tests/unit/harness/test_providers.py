"""Existing clusters, named ones, and how one is chosen; without a container or a cluster."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness import commands, factory, named
from harness.errors import HarnessError, Unsupported
from harness.existing import ExistingCluster
from harness.fake_nodes import parse_taint
from harness.kind import KindCluster
from harness.native import NativeCluster

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

KUBECONFIG = """
current-context: home
contexts: [{name: home, context: {cluster: c, user: u}}]
clusters: [{name: c, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: u, user: {token: t}}]
"""


class TestExisting:
    """A user's cluster is confirmed by name and never broken."""

    @pytest.fixture
    def cluster(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ExistingCluster:
        """A cluster whose server does not answer."""
        path = tmp_path / "kubeconfig"
        path.write_text(KUBECONFIG)
        monkeypatch.setenv("CVA_KUBECONFIG", str(path))
        monkeypatch.delenv("CVA_YES", raising=False)
        return ExistingCluster()

    def test_nobody_is_asked_without_a_terminal(
        self, cluster: ExistingCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The message names context and server and how to agree."""
        monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
        with pytest.raises(HarnessError, match=r"context home \(https://127.*set CVA_YES=home"):
            cluster.up()
        with pytest.raises(HarnessError, match="has not been confirmed"):
            cluster.kube.get("/version")

    def test_the_wrong_name(
        self, cluster: ExistingCluster, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """An agreement to another context is none."""
        monkeypatch.setenv("CVA_YES", "production")
        with pytest.raises(HarnessError, match="does not name the current context, home"):
            cluster.up()

    @pytest.mark.parametrize(("typed", "agrees"), [("home", True), ("yes", False)])
    def test_asked_at_a_terminal(
        self,
        cluster: ExistingCluster,
        monkeypatch: pytest.MonkeyPatch,
        typed: str,
        agrees: bool,
    ) -> None:
        """Only the context's own name is an agreement; then the cluster must answer."""
        monkeypatch.setattr("harness.existing.sys.stdin", Terminal())
        monkeypatch.setattr("builtins.input", lambda _: typed)
        with pytest.raises(HarnessError, match="/version" if agrees else "nothing was done"):
            cluster.up()

    @pytest.mark.parametrize(
        "breaks",
        [
            lambda c: c.stop("etcd"),
            lambda c: c.start("etcd"),
            lambda c: c.restart("etcd"),
            lambda c: c.freeze("etcd"),
            lambda c: c.thaw("etcd"),
            lambda c: c.nodes("pool"),
            lambda c: c.remove_node("n"),
            lambda c: c.fail_node("n"),
            lambda c: c.heal_node("n"),
            lambda c: c.logs,
        ],
    )
    def test_faults_are_refused(
        self, cluster: ExistingCluster, breaks: Callable[[ExistingCluster], Any]
    ) -> None:
        """Nothing of a user's cluster is broken or added."""
        with pytest.raises(Unsupported, match="in an existing cluster: use CVA_CLUSTER=native"):
            breaks(cluster)

    def test_the_usual_kubeconfig_is_not_enough(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """KUBECONFIG alone does not lead the tests to a cluster."""
        monkeypatch.setenv("KUBECONFIG", "/somewhere")
        monkeypatch.delenv("CVA_KUBECONFIG", raising=False)
        with pytest.raises(HarnessError, match="needs CVA_KUBECONFIG"):
            ExistingCluster()


class Terminal:
    """A standard input at which a person sits."""

    def isatty(self) -> bool:
        """There is a person."""
        return True


class TestChoice:
    """The environment chooses the kind of cluster."""

    @pytest.mark.parametrize(
        ("value", "kind"), [("", NativeCluster), ("native", NativeCluster), ("kind", KindCluster)]
    )
    def test_known(self, value: str, kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
        """Native unless said otherwise; nothing is started yet."""
        monkeypatch.setenv("CVA_CLUSTER", value)
        assert isinstance(factory.cluster(), kind)

    def test_unknown(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """A wrong value is answered with the right ones."""
        monkeypatch.setenv("CVA_CLUSTER", "minikube")
        with pytest.raises(HarnessError, match="minikube is unknown: use native, kind or existing"):
            factory.cluster()


class TestNames:
    """Names of clusters and what is said of them."""

    @pytest.fixture(autouse=True)
    def _state(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """An empty state folder."""
        monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
        monkeypatch.setenv("CVA_CLUSTER", "native")

    @pytest.mark.parametrize("name", ["", "Upper", "a/b", "..", "-a", "a-", "x" * 41])
    def test_bad_names(self, name: str) -> None:
        """A name that would make a strange folder is refused."""
        with pytest.raises(HarnessError, match="is no name for a cluster"):
            named.find(name)

    def test_never_started(self) -> None:
        """The message is the command to type."""
        with pytest.raises(HarnessError, match="never started: start it with `up --name demo`"):
            named.find("demo")
        assert named.down("demo") is False

    def test_stale(self, tmp_path: Path) -> None:
        """Files without a supervisor are not a cluster, and `down` removes them."""
        (tmp_path / "coder-cva" / "demo").mkdir(parents=True)
        with pytest.raises(HarnessError, match="runs no more"):
            named.find("demo")
        assert named.names() == ["demo"]
        assert named.down("demo") is True
        assert named.names() == []

    def test_an_existing_cluster_is_not_started(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`up` has nothing to start there, and says so."""
        monkeypatch.setenv("CVA_CLUSTER", "existing")
        with pytest.raises(HarnessError, match="cannot be started by name"):
            named.up("demo", "1.37")


def test_a_folder_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    """A home that holds other things is refused, not emptied."""
    (tmp_path / "thesis").write_text("years of work")
    cluster = NativeCluster(home=tmp_path)
    with pytest.raises(HarnessError, match="holds something that no cluster left there"):
        cluster._start({})
    assert (tmp_path / "thesis").exists()


@pytest.mark.parametrize(
    ("text", "taint"),
    [
        ("a=b:NoSchedule", {"key": "a", "value": "b", "effect": "NoSchedule"}),
        ("x.y/a:NoExecute", {"key": "x.y/a", "effect": "NoExecute"}),
    ],
)
def test_taints(text: str, taint: dict[str, str]) -> None:
    """Taints are written as for kubectl."""
    assert parse_taint(text) == taint


def test_a_bad_taint() -> None:
    """What is no taint is refused with the form."""
    with pytest.raises(ValueError, match="key=value:Effect"):
        parse_taint("a=b")


class TestCommands:
    """Programs of others."""

    def test_output(self) -> None:
        """What it prints is the result."""
        assert commands.run("echo", "hello") == "hello\n"

    def test_missing(self) -> None:
        """A missing program is named."""
        with pytest.raises(HarnessError, match="no program 'no-such-program'"):
            commands.run("no-such-program")

    def test_failure(self) -> None:
        """A failure shows what was said."""
        with pytest.raises(HarnessError, match="exit code 3:\nbad"):
            commands.run("sh", "-c", "echo bad >&2; exit 3")

    def test_too_slow(self) -> None:
        """A command that does not end is given up."""
        with pytest.raises(HarnessError, match="did not end within"):
            commands.run("sleep", "100", timeout=0.1)
