"""Where the native cluster cannot run, that is said before anything is built."""

from __future__ import annotations

import signal
import sys
from typing import TYPE_CHECKING

import pytest

from demo import __main__ as demo
from harness import __main__ as harness
from harness import binaries, control, named

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SENTENCE = "the native cluster runs on Linux only"
REMEDY = "CVA_CLUSTER=kind"


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that is no Linux, on which nothing may be built."""

    def build(*_: object, **__: object) -> None:
        pytest.fail("something was built")

    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(binaries, "ensure", build)
    # The command lines are called as functions: this process keeps its own answer to SIGTERM.
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setenv("CVA_CLUSTER", "native")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))


@pytest.mark.parametrize(
    ("command", "arguments"),
    [(harness.main, ["build"]), (harness.main, ["up"]), (demo.main, ["up"])],
    ids=["build", "up", "demo"],
)
def test_it_is_said_at_once(
    command: Callable[[list[str]], int],
    arguments: list[str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    """`build`, `up` and the demo end with the sentence and the remedy; no name is left behind."""
    assert command(arguments) == 1
    told = capsys.readouterr().err
    assert SENTENCE in told
    assert "this is darwin" in told
    assert REMEDY in told
    assert named.names() == []


def test_the_supervisor_is_found_without_proc(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where /proc is missing its socket has its own path: kind's kwok is supervised there too."""
    monkeypatch.setattr(control, "OPEN_FILES", tmp_path / "no-proc")
    with control.bound_socket(tmp_path) as listener:
        assert listener.getsockname() == str(tmp_path / control.SOCKET)
