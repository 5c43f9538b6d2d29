"""Workspaces that wait for a node in, why and what helps out (CVA-NODE-004).

A pool that scales by itself brings a node within minutes. Whoever waits longer waits for something that no
further node of the same kind brings, or the pool is at its size. Which of both it is follows from the pool
and the Pod as the scheduler reckons; its own words are quoted.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from coder_cva.rules import remedies
from coder_cva.rules.model import Finding
from coder_cva.rules.pending_cause import Cause, Causes
from coder_cva.rules.pending_remedies import remedy
from coder_cva.rules.subjects import WORKSPACES, are, named
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World

NEEDS: Final = WORKSPACES | {Need.NODES, Need.PERSISTENT_VOLUMES}
"""What ``findings`` reads."""

PATIENCE: Final = timedelta(minutes=5)
"""How long a machine may take to come; autoscalers and clouds need two or three minutes."""
_LONGEST: Final = 300


@dataclass(frozen=True, slots=True)
class _Waiting:
    workspace: Workspace
    since: datetime


def findings(world: World) -> list[Finding]:
    """CVA-NODE-004: one finding for each cause, with who waits and what helps."""
    waiting = _waiting(world)
    if not waiting:
        return []
    causes, groups = Causes(world), dict[Cause, list[_Waiting]]()
    for one in waiting:
        groups.setdefault(causes.of(one.workspace), []).append(one)
    return [_finding(world, cause, found) for cause, found in groups.items()]


def _waiting(world: World) -> list[_Waiting]:
    """Those for which there is no node for too long, the first of them first.

    Counted from when the Pod was made: one that had a node never waits for another.
    """
    found = []
    for one in world.memo.flat(_unschedulable, world.found.workspaces):
        since = _moment(one.pod.meta.created)
        if since is not None and world.now - since >= PATIENCE:
            found.append(_Waiting(one, since))
    return sorted(found, key=lambda one: (one.since, one.workspace.pod.meta.path))


def _unschedulable(workspaces: tuple[Workspace, ...]) -> tuple[Workspace, ...]:
    return tuple(one for one in workspaces if one.pod.unschedulable and not one.pod.meta.deleting)


def _moment(created: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(created)
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _finding(world: World, cause: Cause, found: Sequence[_Waiting]) -> Finding:
    first = found[0].workspace
    names = named([remedies.workspace_name(one.workspace) for one in found])
    said = cause.words.text
    quoted = said if len(said) <= _LONGEST else f"{said[:_LONGEST]}…"
    return Finding(
        "CVA-NODE-004",
        "Pool workspaces",
        "status.conditions[PodScheduled]",
        f"a node for every workspace within {PATIENCE.seconds // 60} minutes",
        f"{are(len(found), 'workspace')} without one, the first since {first.pod.meta.created}: {names}; the "
        f"scheduler says: {quoted}",
        remedy(world, cause, [one.workspace for one in found]),
    )
