"""A copy of the tree in which an area's modules are changed, one place after the other."""

from __future__ import annotations

import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from support.installation import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from mutants.areas import Area

BUILD: Final = ROOT / "build" / "mutants"
COSMIC_RAY: Final = BUILD / "venv" / "bin" / "cosmic-ray"
PACKAGE: Final = "operator/coder_cva"
_COPIED: Final = ("operator", "tests", "crds", "deploy", "docs", "README.md", "pyproject.toml")
_TIMEOUT: Final = 120
"""Seconds for the tests of one change: some changes never end."""


def played(area: Area) -> list[str]:
    """Every change of the area with what became of it, as lines of JSON (see `cosmic-ray dump`)."""
    folder = BUILD / area.name
    _copy(folder)
    config, session = folder / "mutants.toml", folder / "mutants.sqlite"
    config.write_text(_config(area), encoding="utf-8")
    for verb in ("init", "exec"):
        subprocess.run([COSMIC_RAY, verb, config, session], cwd=folder, check=True)
    done = subprocess.run([COSMIC_RAY, "dump", session], check=True, capture_output=True, text=True)
    return done.stdout.splitlines()


def _copy(folder: Path) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    for name in _COPIED:
        source, target = ROOT / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def _config(area: Area) -> str:
    modules = ", ".join(f'"{PACKAGE}/{one}"' for one in area.modules)
    return "\n".join(
        (
            "[cosmic-ray]",
            f"module-path = [{modules}]",
            f"timeout = {_TIMEOUT}.0",
            "excluded-modules = []",
            f"test-command = '''{command(area)}'''",
            "[cosmic-ray.distributor]",
            'name = "local"',
            "",
        )
    )


def command(area: Area) -> str:
    """What is run for every change; it ends with the first test that fails."""
    words = [
        "env PYTHONPATH=operator:tests",
        sys.executable,
        "-m pytest -x -q -p no:randomly -p no:cacheprovider",
        *area.tests,
    ]
    if area.corpus:
        words.append(f'tests/rules/test_corpus.py -k "{area.corpus} or not test_corpus"')
    return " ".join(words)
