"""The programs of a cluster: built from source once for each user, or taken from a folder."""

from __future__ import annotations

import hashlib
import os
import platform
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from harness import environment, folders, locks
from harness.errors import HarnessError
from harness.go_build import build, check_go, remove_leftovers
from harness.progress import Progress, Terminal
from harness.versions import NEWEST, Program, programs

if TYPE_CHECKING:
    from collections.abc import Collection


def ensure(
    world: str, progress: Progress | None = None, *, only: Collection[str] = ()
) -> dict[str, Path]:
    """The path of every program of this world, or of some; what is missing is built first.

    Args:
        world: the minor version of Kubernetes.
        progress: where the building is shown; the terminal if not said.
        only: names of programs; all that a native cluster needs if empty.
    """
    wanted = tuple(one for one in programs(world) if not only or one.name in only)
    ready = environment.variable(environment.BINARIES)
    if ready:
        return _from_folder(Path(ready).expanduser(), world, wanted)
    paths = {program.name: _cached(program) for program in wanted}
    if not all(path.exists() for path in paths.values()):
        _build_missing(wanted, paths, progress or Terminal())
    return paths


def kubectl() -> Path:
    """The path of kubectl, which fits every world; nothing else is built for it."""
    return ensure(NEWEST, only=("kubectl",))["kubectl"]


def _build_missing(wanted: tuple[Program, ...], paths: dict[str, Path], progress: Progress) -> None:
    lock = folders.cache() / "build.lock"
    waits = f"another process is building the cluster's programs; waiting for it ({lock})"
    with locks.held(lock, waiting=lambda: progress.say(waits)):
        missing = [program for program in wanted if not paths[program.name].exists()]
        for program in missing:
            check_go(program)
        remove_leftovers(folders.cache() / "bin")
        for position, program in enumerate(missing, 1):
            left = sum(later.cold_seconds for later in missing[position - 1 :])
            place = f"{position} of {len(missing)}; about {_minutes(left)} left from cold"
            step = progress.step(f"building {program.name} {program.version} ({place})")
            build(program, paths[program.name], step)


def _minutes(seconds: int) -> str:
    return f"{max(1, round(seconds / 60))} min"


def _cached(program: Program) -> Path:
    # Stamps and sources decide what the program is; the machine's architecture decides
    # where it runs (home folders are shared between machines).
    digest = hashlib.sha256(f"{program.package} {program.ldflags}".encode())
    for name in ("go.mod", "go.sum"):
        digest.update((program.module_folder / name).read_bytes())
    key = f"{program.version}-{platform.machine()}-{digest.hexdigest()[:12]}"
    return folders.cache() / "bin" / f"{program.name}-{key}" / program.name


def _from_folder(folder: Path, world: str, wanted: tuple[Program, ...]) -> dict[str, Path]:
    """Programs of a folder; those of one world only may lie in a folder named after it."""
    found: dict[str, Path] = {}
    missing = []
    for program in wanted:
        places = (folder / world / program.name, folder / program.name)
        path = next((place for place in places if os.access(place, os.X_OK)), None)
        if path is None:
            missing.append(program.name)
        else:
            found[program.name] = path
    if missing:
        raise HarnessError(
            f"{environment.BINARIES}={folder} has no program named {', '.join(missing)} "
            f"(looked in {folder / world} and {folder})"
        )
    if "kube-apiserver" in found:
        _check_minor(found["kube-apiserver"], world)
    return found


def _check_minor(apiserver: Path, world: str) -> None:
    answer = subprocess.run(
        [apiserver, "--version"], capture_output=True, text=True, check=False, timeout=30
    )
    if f" v{world}." not in answer.stdout:
        told = (answer.stdout or answer.stderr).strip() or "nothing"
        raise HarnessError(f"{apiserver} is to be a {world}, but --version tells: {told}")
