"""The demo runs through from one command, and ends without a trace by another."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from demo import text
from harness import environment
from support.installation import ROOT

pytestmark = [
    pytest.mark.cluster,
    pytest.mark.slow,
    pytest.mark.native,
]


def demo(verb: str, state: Path) -> subprocess.CompletedProcess[str]:
    """`python -m demo` with a state folder of its own, beside whatever demo the user has running."""
    return subprocess.run(
        [sys.executable, "-m", "demo", verb],
        cwd=ROOT,
        env=environment.for_child(XDG_STATE_HOME=str(state), PYTHONPATH=str(ROOT / "tests")),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def processes_of(state: Path) -> list[str]:
    """Command lines of processes that run out of a folder."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(state) in words:
            lines.append(words)
    return lines


def test_the_demo_runs_through_and_leaves_no_process(tmp_path: Path) -> None:
    """Every scene plays, in a log that reads well; `down` ends the cluster and the operator."""
    try:
        played = demo("up", tmp_path)
        assert played.returncode == 0, played.stdout[-3000:] + played.stderr
        told = played.stdout
        assert "\x1b" not in told
        # Paths are as long as the user's home makes them.
        paths = (str(tmp_path), "alias kubectl=")
        lines = [line for line in told.splitlines() if not any(one in line for one in paths)]
        assert [line for line in lines if len(line) > text.WIDTH] == []
        assert "none changed, none written to by the operator" in told
        assert "Service acme-workspaces/app-api (port 3000)" in told
        assert "coder-workspaces-by-name" in told
        assert "left alone until it is confirmed" in " ".join(told.split())
        assert "make demo-down" in told
        assert demo("status", tmp_path).returncode == 0
        assert processes_of(tmp_path) != []
    finally:
        ended = demo("down", tmp_path)
    assert ended.returncode == 0, ended.stderr
    assert processes_of(tmp_path) == []
    assert demo("status", tmp_path).returncode == 1
