"""What the pytest plugin does around a cluster, with a cluster that starts nothing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[2]

CONFTEST = """
import sys
from pathlib import Path
from harness import factory
from harness.errors import Unsupported

class Recorder:
    kube = "a client"

    def __init__(self, world, **options):
        self.world = world

    def up(self):
        print(f"building for {self.world}", file=sys.stderr)

    def down(self, *, keep_logs):
        Path("ended").write_text(f"{self.world} keep_logs={keep_logs}")
        return Path("/kept/logs") if keep_logs else None

    def nodes(self, pool):
        raise Unsupported(f"no nodes for {pool} here")

factory.cluster = factory.own_cluster = Recorder
pytest_plugins = ["harness.fixtures"]

def pytest_configure(config):
    config.addinivalue_line("markers", "cluster: as the project's own")
    config.addinivalue_line("markers", "native: likewise")
"""


def run(
    folder: Path, test: str, *more: str, kind: str = "native"
) -> subprocess.CompletedProcess[str]:
    """Run pytest on one test file with the plugin, for a chosen kind of cluster."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more, "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS), "CVA_CLUSTER": kind},
        capture_output=True,
        text=True,
        check=False,
    )


def test_only_what_is_asked_for_is_started(tmp_path: Path) -> None:
    """Without a test that wants a cluster none is started."""
    run(tmp_path, "def test_nothing(): pass")
    assert not (tmp_path / "ended").exists()


@pytest.mark.parametrize(("fixture", "world"), [("cluster", "1.37"), ("old_cluster", "1.34")])
def test_worlds(tmp_path: Path, fixture: str, world: str) -> None:
    """Each fixture has its world; the start's progress is seen, and success keeps no logs."""
    answer = run(tmp_path, f"def test_it({fixture}): assert {fixture}.world == '{world}'")
    assert answer.returncode == 0, answer.stdout
    assert f"building for {world}" in answer.stderr
    assert (tmp_path / "ended").read_text() == f"{world} keep_logs=False"
    assert "logs are in" not in answer.stdout


@pytest.mark.parametrize("workers", [[], ["-n", "2"]])
def test_logs_are_kept_after_a_failure(tmp_path: Path, workers: list[str]) -> None:
    """A failure keeps the logs and the summary says where, also from a worker."""
    answer = run(tmp_path, "def test_it(kube): assert kube == 'another'", *workers)
    assert answer.returncode == 1, answer.stdout
    assert (tmp_path / "ended").read_text() == "1.37 keep_logs=True"
    assert "the cluster's logs are in /kept/logs" in answer.stdout


OWN = """
import pytest
from harness.fixtures import own_cluster

@pytest.fixture(scope="module")
def own(request):
    with own_cluster(request) as started:
        yield started

"""


@pytest.mark.parametrize(
    ("test", "keeps"),
    [
        ("def test_it(own): pass", False),
        ("def test_it(own): assert own is None", True),
        ("def test_it(own): pytest.skip('not today')", False),
        ("def test_it(request):\n    with own_cluster(request): assert request is None", True),
        ("def test_it(request):\n    with own_cluster(request): pytest.skip('no')", False),
        (
            "@pytest.fixture\ndef broken(own): raise ValueError\ndef test_it(broken): pass",
            True,
        ),
    ],
)
def test_logs_of_a_tests_own_cluster(tmp_path: Path, test: str, keeps: bool) -> None:
    """A cluster that a fixture or a test starts itself keeps its logs after a failure, and only then."""
    answer = run(tmp_path, OWN + test)
    assert (tmp_path / "ended").read_text() == f"1.37 keep_logs={keeps}"
    assert ("the cluster's logs are in /kept/logs" in answer.stdout) == keeps


def test_only_failures_of_its_own_time_count(tmp_path: Path) -> None:
    """What failed before a cluster was started says nothing about it."""
    before = "def test_before(): raise ValueError\n"
    answer = run(tmp_path, OWN + before + "def test_it(own): pass", "-p", "no:randomly")
    assert "1 failed, 1 passed" in answer.stdout
    assert (tmp_path / "ended").read_text() == "1.37 keep_logs=False"


UNSUPPORTED = {
    "in a test": "def test_it(cluster): cluster.nodes('ws')",
    "in a fixture": (
        "@pytest.fixture(scope='session')\ndef pools(cluster): cluster.nodes('ws')\n"
        "@pytest.mark.parametrize('n', [1, 2])\ndef test_it(pools, n): pass"
    ),
    "while waiting": (
        "from harness.waiting import wait_for\n"
        "def test_it(cluster): wait_for(lambda: cluster.nodes('ws'))"
    ),
}


@pytest.mark.parametrize("kind", ["kind", "existing"])
@pytest.mark.parametrize("test", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_what_a_kind_cannot_do_skips(tmp_path: Path, kind: str, test: str) -> None:
    """The test is skipped with the sentence, wherever it asked; no logs are kept for it."""
    answer = run(tmp_path, MARKED + test, "-rs", kind=kind)
    assert answer.returncode == 0, answer.stdout
    assert "no nodes for ws here" in answer.stdout
    assert "skipped" in answer.stdout
    assert "failed" not in answer.stdout
    assert (tmp_path / "ended").read_text() == "1.37 keep_logs=False"


@pytest.mark.parametrize("test", UNSUPPORTED.values(), ids=UNSUPPORTED.keys())
def test_the_native_cluster_can_everything(tmp_path: Path, test: str) -> None:
    """There a refusal is a defect of the harness, and stays an error."""
    answer = run(tmp_path, MARKED + test)
    assert answer.returncode == 1, answer.stdout
    assert "no nodes for ws here" in answer.stdout


def test_only_tests_on_clusters_are_excused(tmp_path: Path) -> None:
    """A test that is not about a cluster has no excuse, whatever is chosen."""
    test = "from harness.errors import Unsupported\ndef test_it(): raise Unsupported('no')"
    assert run(tmp_path, test, kind="kind").returncode == 1


def test_an_unknown_kind(tmp_path: Path) -> None:
    """A wrong word is answered with the right ones, before any test."""
    answer = run(tmp_path, "def test_it(): pass", kind="minikube")
    assert answer.returncode == pytest.ExitCode.USAGE_ERROR
    assert "minikube is unknown: use native, kind or existing" in answer.stdout + answer.stderr


def test_what_is_about_the_native_cluster(tmp_path: Path) -> None:
    """It is skipped elsewhere before anything is started, and runs where native is chosen."""
    test = MARKED.replace("cluster", "native") + "def test_it(cluster): pass"
    elsewhere = run(tmp_path, test, "-rs", kind="kind")
    assert elsewhere.returncode == 0, elsewhere.stdout
    assert "about the native cluster: unset CVA_CLUSTER" in elsewhere.stdout
    assert not (tmp_path / "ended").exists()
    assert run(tmp_path, test).returncode == 0
    assert (tmp_path / "ended").exists()


MARKED = """
import pytest
pytestmark = pytest.mark.cluster

"""
