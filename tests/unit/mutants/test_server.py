"""Tests that are asked for again and again see each change of the code, and none outlives its run."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from harness.waiting import wait_for
from mutants import server
from support.installation import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = "def answer():\n    return 42\n"
TESTS = "from code_under_change import answer\n\ndef test_answer():\n    assert answer() == 42\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A module and its test, with what the house's own tests are configured by left out."""
    (tmp_path / "code_under_change.py").write_text(CODE)
    (tmp_path / "test_it.py").write_text(TESTS)
    (tmp_path / "pytest.ini").write_text("[pytest]\n")
    return tmp_path


@pytest.fixture
def place(folder: Path) -> Iterator[str]:
    """The socket of a server of these tests; a run may compute for two seconds."""
    with tempfile.TemporaryDirectory() as short:
        path = Path(short) / "s"
        words = [
            sys.executable,
            "-B",
            str(Path(server.__file__)),
            str(path),
            "2",
            "-q",
            "test_it.py",
        ]
        environment = {"PYTHONPATH": f"{ROOT / 'operator'}:{folder}", "PATH": ""}
        served = subprocess.Popen(words, cwd=folder, env=environment)
        try:
            wait_for(path.exists, what="the server of tests")
            yield str(path)
        finally:
            served.kill()
            served.wait()


def test_every_run_sees_the_code_as_it_is_now(place: str, folder: Path) -> None:
    """What one run loaded is not there in the next; a change that never ends is noticed too."""
    code = folder / "code_under_change.py"

    assert server.ask(place) == 0
    code.write_text(CODE.replace("42", "41"))
    assert server.ask(place) == 1
    code.write_text(CODE.replace("return 42", "return answer_that_is_nowhere"))
    assert server.ask(place) == 1
    code.write_text(CODE.replace("    return 42", "    while True: pass"))
    assert server.ask(place) == 1
    code.write_text(CODE)
    assert server.ask(place) == 0
