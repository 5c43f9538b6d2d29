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
import harness.fixtures

class Recorder:
    kube = "a client"

    def __init__(self, world):
        self.world = world

    def up(self):
        print(f"building for {self.world}", file=sys.stderr)

    def down(self, *, keep_logs):
        Path("ended").write_text(f"{self.world} keep_logs={keep_logs}")
        return Path("/kept/logs") if keep_logs else None

harness.fixtures.new_cluster = Recorder
pytest_plugins = ["harness.fixtures"]
"""


def run(folder: Path, test: str, *more: str) -> subprocess.CompletedProcess[str]:
    """Run pytest on one test file with the plugin."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_it.py").write_text(test)
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *more, "test_it.py"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(TESTS)},
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
