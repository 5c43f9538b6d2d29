"""The next status, from the world, the plan, what was done, and the report of the rules."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from coder_cva.desired import confirming, pool_guard, stranded
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.plan import Plan
from coder_cva.rules.model import Report
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.world import World
from coder_cva.status import bites, conformance, readiness
from coder_cva.status.account import account
from coder_cva.status.conditions import Condition, render
from coder_cva.status.reasons import Reason
from coder_cva.values.manifest import pruned

UNWATCHED: Final = frozenset({"DatabaseSecretMissing"})
"""Reasons for not being ready whose end no watch tells."""
SOONEST_LOOK: Final = 5.0
LATEST_LOOK: Final = 60.0
"""Seconds. For what is watched a safety net only: the watches wake the reconcile much sooner."""


def conclude(
    world: World, plan: Plan, report: Report, changes: tuple[Change, ...]
) -> dict[str, Any]:
    """The whole status; equal arguments give equal bytes, and times move only with what they time."""
    deployment = world.deployment
    found = readiness.standing(world, plan, changes)
    look = f"kubectl -n {deployment.namespace} get cdep {deployment.name} -o yaml"
    wanted = (
        *readiness.conditions(found),
        *conformance.conditions(report.results, look),
    )
    status: dict[str, Any] = pruned(
        {
            "observedGeneration": deployment.generation,
            "edition": deployment.spec.edition,
            "tier": plan.tier or None,
            "placement": plan.placement or None,
            **account(world, plan, report, changes),
            "pendingTemplate": plan.pending,
            "evictions": stranded.tally(world, plan.placement, changes) or None,
            "conditions": _rendered(world, wanted),
        }
    )
    return status


def starting(world: World) -> dict[str, Any]:
    """An early first status, so that nobody takes a resource without one for current."""
    before = world.previous
    if is_told(before):
        # A restart of the operator changes nothing in the cluster: what was known stays told.
        return dict(before)
    unlisted = [
        need.value
        for need, one in world.snapshot.missing().items()
        if one.reason is Absence.NOT_SYNCED
    ]
    message = (
        f"the cluster is being read; still missing: {', '.join(sorted(unlisted))}"
        if unlisted
        else "the first pass over it is under way"
    )
    wanted = (
        Condition("Ready", "False", Reason.STARTING, message),
        Condition("Reconciling", "True", Reason.STARTING, message),
        Condition("Conformant", "Unknown", Reason.STARTING, message),
    )
    return {
        **before,
        "observedGeneration": world.deployment.generation,
        "conditions": _rendered(world, wanted),
    }


def is_told(status: Mapping[str, Any]) -> bool:
    """Whether somebody has told already how it stands."""
    return any(one.get("type") == "Ready" for one in status.get("conditions") or ())


def early(world: World, plan: Plan) -> dict[str, Any] | None:
    """The status to write before the objects: a first one, or what the user has confirmed; None for neither.

    A resource without a status counts as current, and a pass takes its time. One that dies after it has
    closed something is followed by one that knows why.
    """
    before = world.previous
    first = dict(before) if is_told(before) else starting(world)
    if plan.confirmations and plan.confirmations != world.confirmations:
        accepted = confirming.written(plan.confirmations)
        return {**first, "confirm": {**(before.get("confirm") or {}), "accepted": accepted}}
    return None if is_told(before) else first


def word(status: Mapping[str, Any]) -> str:
    """settled, progressing or stalled, for logs and metrics."""
    types = {one["type"] for one in status.get("conditions") or ()}
    if "Stalled" in types:
        return "stalled"
    return "progressing" if "Reconciling" in types else "settled"


def retry_after(world: World, status: Mapping[str, Any], changes: Iterable[Change]) -> float | None:
    """Seconds until the next look; None where the watches suffice.

    Writes that failed are tried again with back-off by whoever counts their failures, not from
    here. A maintenance ends, a pool is back for good, and the watch over a restriction ends, without an event.
    """
    done = tuple(changes)
    undone = [
        one for one in done if one.action in (Action.FOREIGN, Action.WAITING, Action.WITHHELD)
    ]
    waits = [one.retry_after for one in undone if one.retry_after is not None]
    if not waits and all(one.action is not Action.FAILED for one in done):
        waits = _patience(world, status)
    maintenance = world.deployment.spec.maintenance
    if maintenance is not None and maintenance.until > world.now:
        waits.append((maintenance.until - world.now).total_seconds())
    watched = bites.wait(world, status)
    if watched is not None:
        waits.append(watched)
    waits += pool_guard.wait(status.get("placement") or {}, world.now)
    return min(waits, default=None)


def _patience(world: World, status: Mapping[str, Any]) -> list[float]:
    """When to look again at what is not ready without a failure.

    At what is under way, as a safety net, and at what is not watched: the longer it has been so,
    the later.
    """
    ready = next(one for one in status["conditions"] if one["type"] == "Ready")
    if word(status) != "progressing" and ready["reason"] not in UNWATCHED:
        return []
    since = world.now - datetime.fromisoformat(ready["lastTransitionTime"])
    return [min(max(since.total_seconds(), SOONEST_LOOK), LATEST_LOOK)]


def _rendered(world: World, wanted: tuple[Condition, ...]) -> list[dict[str, Any]]:
    previous = world.previous.get("conditions") or ()
    return render(wanted, previous, world.deployment.generation, world.now)
