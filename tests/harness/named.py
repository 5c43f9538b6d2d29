"""Named clusters: they outlive the command that started them and are found again by name."""

from __future__ import annotations

import json
import re
import shutil
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from harness import environment, factory, folders, locks
from harness.errors import HarnessError, Unsupported
from harness.kind import KindCluster
from harness.native import NativeCluster
from harness.versions import NEWEST

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

Named = NativeCluster | KindCluster

DEFAULT = "playground"
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,38}[a-z0-9])?")


def names() -> list[str]:
    """Every name that has left a folder or a record, running or stale."""
    base = folders.state()
    there = base.iterdir() if base.exists() else []
    return sorted({path.stem for path in there if path.is_dir() or path.suffix == ".json"})


def up(name: str, world: str, *, audit: bool = False) -> tuple[Named, bool]:
    """Start a named cluster; False if it was running already.

    Raises:
        HarnessError: it runs with another world or as another kind, could not be started, or cannot
            run on this machine at all.
    """
    kind = factory.chosen()
    cluster = _make(kind, name, world, audit=audit)
    with _alone(name):
        record = _read(name)
        running = _cluster(name, record)
        if running and record.is_whole and running.alive:
            _compare(name, record, Record(kind, world))
            # What a reboot took away of it is brought back.
            running.up()
            return running, False
        cluster.check_host()
        if running:
            # An `up` that was killed, or what a reboot left.
            running.down()
        shutil.rmtree(_home(name), ignore_errors=True)
        # Before the start: what is killed in the middle of it must be found by `down`.
        _write(name, Record(kind, world, is_whole=False))
        try:
            cluster.up()
        except BaseException:
            _forget_unless_alive(name, cluster)
            raise
        _write(name, Record(kind, world))
        return cluster, True


def down(name: str) -> bool:
    """End a named cluster and forget it; False if there was nothing of that name."""
    with _alone(name):
        cluster = _cluster(name, _read(name))
        if cluster is None:
            return False
        cluster.down()
        # What a reboot or a crash left has no process any more, only files.
        shutil.rmtree(_home(name), ignore_errors=True)
        _about(name).unlink(missing_ok=True)
        return True


def find(name: str) -> Named:
    """A named cluster that runs; an error that says what to type if it does not."""
    record = _read(name)
    cluster = _cluster(name, record)
    what = "was never started"
    if cluster:
        is_alive = cluster.alive
        if is_alive and record.is_whole:
            return cluster
        interrupted = "is being started, or its start was interrupted"
        what = interrupted if is_alive else "left files but runs no more (a reboot?)"
    raise HarnessError(f"cluster {name} {what}: start it with `up --name {name}`")


@dataclass(frozen=True)
class Record:
    """What is remembered of a named cluster, from before its start on."""

    kind: str = factory.NATIVE
    world: str = NEWEST
    is_whole: bool = True


def _compare(name: str, there: Record, wanted: Record) -> None:
    remedy = "end it first (down), or choose another --name"
    if there.kind != wanted.kind:
        raise HarnessError(
            f"{name} is running as a cluster of kind {there.kind!r}, not {wanted.kind!r} "
            f"({environment.CLUSTER}): {remedy}"
        )
    if there.world != wanted.world:
        raise HarnessError(
            f"{name} is running with world {there.world}, not {wanted.world}: {remedy}"
        )


def _read(name: str) -> Record:
    try:
        about = json.loads(_about(name).read_text())
        return Record(about["kind"], about["world"], is_whole=about.get("whole", True))
    except (FileNotFoundError, ValueError, KeyError):
        # Files without a record are those of a native cluster, the only kind that keeps data here.
        return Record(is_whole=False)


def _write(name: str, record: Record) -> None:
    about = {"kind": record.kind, "world": record.world, "whole": record.is_whole}
    _about(name).parent.mkdir(parents=True, exist_ok=True)
    _about(name).write_text(json.dumps(about))


def _forget_unless_alive(name: str, cluster: Named) -> None:
    # Where that cannot be asked the record stays, and `down` finds what may be left.
    with suppress(HarnessError):
        if not cluster.alive:
            _about(name).unlink(missing_ok=True)


def _cluster(name: str, record: Record) -> Named | None:
    if not _home(name).exists() and not _about(name).exists():
        return None
    return _make(record.kind, name, record.world, audit=False)


def _make(kind: str, name: str, world: str, *, audit: bool) -> Named:
    if kind == factory.NATIVE:
        return NativeCluster(world, name=name, home=_home(name), audit=audit)
    if kind != factory.KIND:
        raise HarnessError(
            f"{environment.CLUSTER}={kind} cannot be started by name: use native or kind"
        )
    if audit:
        raise Unsupported("only the native cluster writes an audit log")
    return KindCluster(world, name=name, home=_home(name))


def _home(name: str) -> Path:
    if not _NAME.fullmatch(name):
        raise HarnessError(
            f"{name!r} is no name for a cluster: use at most 40 lower-case letters, digits and "
            "hyphens, with a letter or a digit at both ends"
        )
    return folders.state() / name


def _about(name: str) -> Path:
    # Beside the folder, which belongs to the cluster and goes with it.
    return _home(name).with_suffix(".json")


@contextmanager
def _alone(name: str) -> Iterator[None]:
    """Two commands about the same name one after the other."""
    with locks.held(folders.state() / f"{_home(name).name}.lock"):
        yield
