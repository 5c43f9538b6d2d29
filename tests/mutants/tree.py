"""A copy of the tree in which an area's modules are changed, one place after the other."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from mutants import session
from support.installation import ROOT

if TYPE_CHECKING:
    from pathlib import Path

    from mutants.areas import Area

BUILD: Final = ROOT / "build" / "mutants"
COSMIC_RAY: Final = BUILD / "venv" / "bin" / "cosmic-ray"
PACKAGE: Final = "operator/coder_cva"
_COPIED: Final = ("operator", "tests", "crds", "deploy", "docs", "README.md", "pyproject.toml")
_CORPUS: Final = "test_corpus"
_NEEDS: Final = "test_needs"
"""They play the corpus of all clauses; of these an area needs its own."""
_TIMEOUT: Final = 60
"""Seconds for the tests of one change: some changes never end."""


class UnfitTestsError(Exception):
    """The tests of an area fail without any change: every change would be counted as noticed."""


def folder_of(area: Area) -> Path:
    """Where an area's copy of the tree is."""
    return BUILD / area.name


def played(area: Area, *, again: bool = False) -> list[str]:
    """Every change of the area with what became of it, as lines of JSON (see `cosmic-ray dump`).

    Args:
        area: modules and tests.
        again: play only what the last run did not see noticed, and modules that were edited since.

    Raises:
        UnfitTestsError: the tests fail without a change.
    """
    folder = folder_of(area)
    kept = _kept(area) if again else None
    _copy(folder)
    _proved(area, folder)
    config, database = folder / "mutants.toml", folder / "mutants.sqlite"
    config.write_text(_config(area), encoding="utf-8")
    subprocess.run([COSMIC_RAY, "init", config, database], cwd=folder, check=True)
    session.leave_out_annotations(database, folder)
    if kept:
        session.take_over(database, *kept)
    subprocess.run([COSMIC_RAY, "exec", config, database], cwd=folder, check=True)
    done = subprocess.run(
        [COSMIC_RAY, "dump", database], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def _kept(area: Area) -> tuple[Path, frozenset[str]] | None:
    """The last session, out of the way of the new copy, and the modules that are still as it had them."""
    folder = folder_of(area)
    last = folder / "mutants.sqlite"
    if not last.exists():
        return None
    modules = [f"{PACKAGE}/{one}" for one in area.modules]
    unchanged = frozenset(
        one for one in modules if (folder / one).read_bytes() == (ROOT / one).read_bytes()
    )
    return last.replace(BUILD / f"{area.name}.last.sqlite"), unchanged


def _proved(area: Area, folder: Path) -> None:
    """Without a change the tests pass; what Python compiles meanwhile makes every later run a short one."""
    done = subprocess.run(
        shlex.split(command(area)), cwd=folder, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise UnfitTestsError(f"{area.name}: the tests fail without a change:\n{done.stdout}")


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
        "-m pytest -x -q -p no:randomly -p no:cacheprovider --hypothesis-profile=mutants",
        *area.tests,
    ]
    if area.corpus:
        words += [f"tests/rules/{_CORPUS}.py", f"tests/unit/rules/{_NEEDS}.py"]
        words.append(f'-k "{area.corpus} or not ({_CORPUS} or {_NEEDS})"')
    return " ".join(words)
