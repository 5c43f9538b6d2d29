"""Named clusters: they outlive the command that started them and are found again by name."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from harness import environment, folders, locks
from harness.errors import HarnessError
from harness.kind import KindCluster
from harness.native import NativeCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Named = NativeCluster | KindCluster

DEFAULT = "playground"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def names() -> list[str]:
    """Every name that has left a folder, running or stale."""
    base = folders.state()
    return sorted(path.name for path in base.iterdir() if path.is_dir()) if base.exists() else []


def up(name: str, world: str, *, audit: bool = False) -> tuple[Named, bool]:
    """Start a named cluster; False if it was running already."""
    with _alone(name):
        running = _read(name)
        if running and running.alive and not running.world:
            running.down()
        elif running and running.alive:
            if running.world != world:
                raise HarnessError(
                    f"{name} is running with world {running.world}, not {world}: "
                    "end it first (down), or choose another --name"
                )
            return running, False
        shutil.rmtree(_home(name), ignore_errors=True)
        cluster = _make(_chosen_kind(), name, world, audit=audit)
        cluster.up()
        about = {"kind": _chosen_kind(), "world": world}
        _about(name).write_text(json.dumps(about))
        return cluster, True


def down(name: str) -> bool:
    """End a named cluster and forget it; False if there was nothing of that name."""
    with _alone(name):
        if not _home(name).exists():
            return False
        cluster = _read(name)
        if cluster and cluster.alive:
            cluster.down()
        # What a reboot or a crash left has no process any more, only files.
        shutil.rmtree(_home(name), ignore_errors=True)
        _about(name).unlink(missing_ok=True)
        return True


def find(name: str) -> Named:
    """A named cluster that runs; an error that says what to type if it does not."""
    cluster = _read(name)
    if cluster and cluster.alive:
        return cluster
    what = "left files but runs no more (a reboot?)" if cluster else "was never started"
    raise HarnessError(f"cluster {name} {what}: start it with `up --name {name}`")


def _read(name: str) -> Named | None:
    if not _home(name).exists():
        return None
    try:
        about = json.loads(_about(name).read_text())
    except (FileNotFoundError, ValueError):
        # An `up` that was killed before it could say what it had made: of no known world.
        about = {}
    return _make(about.get("kind", "native"), name, about.get("world", ""), audit=False)


def _make(kind: str, name: str, world: str, *, audit: bool) -> Named:
    if kind == "kind":
        return KindCluster(world, name=name, home=_home(name))
    if kind == "native":
        return NativeCluster(world, name=name, home=_home(name), audit=audit)
    raise HarnessError(
        f"{environment.CLUSTER}={kind} cannot be started by name: use native or kind"
    )


def _chosen_kind() -> str:
    return environment.variable(environment.CLUSTER) or "native"


def _home(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise HarnessError(
            f"{name!r} is no name for a cluster: use at most 40 lower-case letters, digits and "
            "hyphens, with a letter or a digit at both ends"
        )
    return folders.state() / name


def _about(name: str) -> Path:
    # Beside the folder, which belongs to the cluster and goes with it.
    return folders.state() / f"{name}.json"


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two commands about the same name one after the other."""
    with locks.held(folders.state() / f"{_home(name).name}.lock"):
        yield
