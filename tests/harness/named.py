"""Named clusters: they outlive the command that started them and are found again by name."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness import control, folders, locks
from harness.errors import HarnessError
from harness.native import NativeCluster
from harness.versions import NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

DEFAULT = "playground"
ABOUT = "about.json"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def home(name: str) -> Path:
    """The folder of a named cluster, whether it exists or not."""
    if not _NAME.fullmatch(name):
        raise HarnessError(
            f"{name!r} is no name for a cluster: use at most 40 lower-case letters, digits and "
            "hyphens, with a letter or a digit at both ends"
        )
    return folders.state() / name


def names() -> list[str]:
    """Every name that has left a folder, running or stale."""
    base = folders.state()
    return sorted(path.name for path in base.iterdir() if path.is_dir()) if base.exists() else []


def up(name: str, world: str, *, audit: bool) -> tuple[NativeCluster, bool]:
    """Start a named cluster; False if it was running already."""
    with _alone(name):
        folder = home(name)
        if control.alive(folder):
            running = world_of(folder)
            if running != world:
                raise HarnessError(
                    f"{name} is running with world {running}, not {world}: "
                    "end it first (down), or choose another --name"
                )
            return find(name), False
        cluster = NativeCluster(world, name=name, home=folder, audit=audit)
        cluster.up()
        (folder / ABOUT).write_text(json.dumps({"world": world}))
        return cluster, True


def down(name: str) -> bool:
    """End a named cluster and forget it; False if there was nothing of that name."""
    with _alone(name):
        folder = home(name)
        if not folder.exists():
            return False
        if control.alive(folder):
            NativeCluster(world_of(folder), name=name, home=folder).down()
        # What a reboot or a crash left has no process any more, only files.
        shutil.rmtree(folder, ignore_errors=True)
        return True


def find(name: str) -> NativeCluster:
    """A named cluster that runs; an error that says what to type if it does not."""
    folder = home(name)
    if control.alive(folder):
        return NativeCluster(world_of(folder), name=name, home=folder)
    what = "left files but runs no more (a reboot?)" if folder.exists() else "was never started"
    raise HarnessError(f"cluster {name} {what}: start it with `up --name {name}`")


def world_of(folder: Path) -> str:
    """The world that a named cluster was started with."""
    about = folder / ABOUT
    return str(json.loads(about.read_text())["world"]) if about.exists() else NEWEST


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two commands about the same name one after the other."""
    with locks.held(folders.state() / f".{home(name).name}.lock"):
        yield
