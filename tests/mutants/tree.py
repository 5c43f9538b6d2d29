"""A copy of the tree in which an area's modules are changed, one place after the other."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from harness.children import dies_with
from mutants import session
from support import corpus
from support.installation import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mutants.areas import Area

BUILD: Final = ROOT / "build" / "mutants"
COSMIC_RAY: Final = BUILD / "venv" / "bin" / "cosmic-ray"
PACKAGE: Final = "operator/coder_cva"
_COPIED: Final = ("operator", "tests", "crds", "deploy", "docs", "README.md", "pyproject.toml")
_SERVER: Final = Path(__file__).parent / "server.py"
_SOURCES: Final = "modules.json"
_CORPUS: Final = "test_corpus"
_NEEDS: Final = "test_needs"
"""They play the corpus of all clauses; of these an area needs its own."""
_COMPUTING: Final = 30
"""Seconds of computing for the tests of one change: some changes never end."""
_TIMEOUT: Final = 600
"""Seconds in which that much is computed on a busy machine; a run that waits for nothing takes them all."""


class UnfitTestsError(Exception):
    """The tests of an area fail without any change: every change would be counted as noticed."""


def folder_of(area: Area) -> Path:
    """Where an area's copy of the tree is."""
    return BUILD / area.name


def played(area: Area, *, again: bool = False) -> list[str]:
    """Every change of the area with what became of it, as lines of JSON (see `cosmic-ray dump`).

    Args:
        area: modules and tests.
        again: play only what the last run did not see noticed, and functions that were edited since.

    Raises:
        UnfitTestsError: the tests fail without a change.
    """
    folder = folder_of(area)
    kept = _kept(area) if again else None
    _copy(folder)
    sources = _sources(area)
    (folder / _SOURCES).write_text(json.dumps(sources), encoding="utf-8")
    config, database = folder / "mutants.toml", folder / "mutants.sqlite"
    config.write_text(_config(area), encoding="utf-8")
    subprocess.run([COSMIC_RAY, "init", config, database], cwd=folder, check=True)
    session.leave_out_trivial(database, folder)
    if kept:
        session.take_over(database, *kept, sources)
    with _tests_at_hand(area, folder):
        subprocess.run([COSMIC_RAY, "exec", config, database], cwd=folder, check=True)
    done = subprocess.run(
        [COSMIC_RAY, "dump", database], check=True, capture_output=True, text=True
    )
    return done.stdout.splitlines()


def _kept(area: Area) -> tuple[Path, dict[str, str]] | None:
    """The last session, out of the way of the new copy, and the modules as it had them."""
    folder = folder_of(area)
    last = folder / "mutants.sqlite"
    if not last.exists():
        return None
    before: dict[str, str] = json.loads((folder / _SOURCES).read_text("utf-8"))
    return last.replace(BUILD / f"{area.name}.last.sqlite"), before


def _sources(area: Area) -> dict[str, str]:
    """The modules before any change: a run that was ended may have left one in its copy."""
    modules = [f"{PACKAGE}/{one}" for one in area.modules]
    return {one: (ROOT / one).read_text("utf-8") for one in modules}


@contextmanager
def _tests_at_hand(area: Area, folder: Path) -> Iterator[None]:
    """A server that runs the area's tests; without a change they pass, before the first one and after the last.

    The first time they are run in a process of their own, which tells what fails, and leaves compiled what
    no run compiles again.
    """
    environment = {**os.environ, "PYTHONPATH": "operator:tests", corpus.ONLY: area.corpus}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    first = subprocess.run(
        [sys.executable, "-m", "pytest", *words(area)],
        cwd=folder, env=environment, check=False, capture_output=True, text=True,
    )  # fmt: skip
    if first.returncode:
        raise UnfitTestsError(f"{area.name}: the tests fail without a change:\n{first.stdout}")
    place = socket_of(area)
    place.unlink(missing_ok=True)
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    served = subprocess.Popen(
        [sys.executable, _SERVER, place, str(_COMPUTING), *words(area)],
        cwd=folder, env=environment, preexec_fn=dies_with(os.getpid()),  # noqa: PLW1509 - the child only calls prctl
    )  # fmt: skip
    try:
        _until_it_listens(served, place)
        yield
        if subprocess.run(shlex.split(command(area)), check=False).returncode:
            raise UnfitTestsError(f"{area.name}: after the last change the tests fail without one")
    finally:
        served.kill()
        served.wait()
        place.unlink(missing_ok=True)


def _until_it_listens(served: subprocess.Popen[bytes], place: Path) -> None:
    while not place.exists():
        if served.poll() is not None:
            raise UnfitTestsError(f"the server of tests ended with {served.returncode}")
        time.sleep(0.1)


def socket_of(area: Area) -> Path:
    """Where the area's tests are asked for; a path as short as the system wants it."""
    digest = hashlib.sha256(str(folder_of(area)).encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"mutants-{digest}.sock"


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
    """What is run for every change: it asks the server of the area's tests."""
    return shlex.join([sys.executable, "-I", "-S", str(_SERVER), str(socket_of(area))])


def words(area: Area) -> list[str]:
    """pytest's words: it ends with the first test that fails."""
    said = [
        *("-x", "-q", "-p", "no:randomly", "-p", "no:cacheprovider"),
        *("--hypothesis-profile", "mutants"),
        # Libraries are there before pytest could rewrite their assertions.
        *("-W", "ignore::pytest.PytestAssertRewriteWarning"),
        *area.tests,
    ]
    if area.corpus:
        said += [f"tests/rules/{_CORPUS}.py", f"tests/unit/rules/{_NEEDS}.py"]
        said += ["-k", f"{area.corpus} or not ({_CORPUS} or {_NEEDS})"]
    return said
