"""Ready, Reconciling and Stalled: whether what the operator has to create exists and is as intended."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from coder_cva.desired import rollout
from coder_cva.desired.changes import WRITTEN, Action, Change
from coder_cva.desired.plan import Plan, Withheld
from coder_cva.desired.staying import STILL_OWNED
from coder_cva.snapshot import records
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.status.conditions import Condition
from coder_cva.status.reasons import Reason

NO_RETRY_HELPS: Final = frozenset(
    {"ForeignCoderd", "ClaimedByOlder", "SystemNamespace", "DowngradeRefused"}
)
"""Withheld for a reason that only a change by the user removes."""


@dataclass(frozen=True, slots=True)
class Standing:
    """One sentence about readiness, with the word for it; ``progressing`` while time will help."""

    ready: bool
    reason: str
    message: str
    progressing: bool = False
    stalled: bool = False


def standing(world: World, plan: Plan, changes: Iterable[Change]) -> Standing:
    """The first thing that keeps the deployment from being ready, else that it is."""
    done = tuple(changes)
    return (
        _suspended(world, plan, done)
        or _blocked(plan)
        or _not_ours(done)
        or _failed(done)
        or _unseen(world)
        or _adopted_missing(world)
        or _deleted_by_hand(world, plan)
        or _rolling_out(world)
        or _written(done)
        or Standing(ready=True, reason=Reason.AS_INTENDED, message=_as_intended(world, plan))
    )


def conditions(found: Standing) -> tuple[Condition, ...]:
    """Ready always; Reconciling or Stalled only while they are True, never both."""
    ready = Condition("Ready", "True" if found.ready else "False", found.reason, found.message)
    if found.stalled:
        return ready, Condition("Stalled", "True", found.reason, found.message)
    if found.progressing:
        return ready, Condition("Reconciling", "True", found.reason, found.message)
    return (ready,)


def _suspended(world: World, plan: Plan, changes: tuple[Change, ...]) -> Standing | None:
    if not world.deployment.spec.suspend:
        return None
    left = [f"{one.ref}: {one.message}" for one in changes if one.action is Action.FAILED]
    return Standing(
        ready=False,
        reason=Reason.SUSPENDED,
        message="spec.suspend is true: nothing is written or repaired; NetworkPolicies and admission policies "
        "of this operator are taken away, so that nothing is isolated, refused or placed. Set it to false to "
        "resume" + (f". Not yet gone: {'; '.join(left[:3])}" if left else "") + _warnings(plan),
        progressing=bool(left),
    )


def _blocked(plan: Plan) -> Standing | None:
    blocking = [one for one in plan.withheld if one.blocking]
    if not blocking:
        return None
    first = blocking[0]
    more = f" (and {len(blocking) - 1} more)" if len(blocking) > 1 else ""
    final = first.reason in NO_RETRY_HELPS
    message = first.message + more + _warnings(plan)
    return Standing(ready=False, reason=first.reason, message=message, stalled=final)


def _warnings(plan: Plan) -> str:
    """What nobody may overlook in a sentence about something else."""
    loud = [one for one in plan.withheld if one.reason == STILL_OWNED]
    return "".join(f". Beware: {one.message}" for one in loud)


def _not_ours(changes: tuple[Change, ...]) -> Standing | None:
    """coderd is not run under what is somebody else's; told with both remedies."""
    waiting = [one for one in changes if one.action is Action.WAITING and one.reason]
    if not waiting:
        return None
    return Standing(ready=False, reason=waiting[-1].reason, message=waiting[-1].message)


def _failed(changes: tuple[Change, ...]) -> Standing | None:
    failed = [one for one in changes if one.action in (Action.FAILED, Action.FOREIGN)]
    if not failed:
        return None
    first = failed[0]
    more = f" (and {len(failed) - 1} more)" if len(failed) > 1 else ""
    reason = first.reason or Reason.WRITE_FAILED
    message = first.message if str(first.ref) in first.message else f"{first.ref}: {first.message}"
    # Somebody else's object stays where it is until a person moves it: no progress is under way.
    progressing = any(one.action is Action.FAILED for one in failed)
    return Standing(ready=False, reason=reason, message=message + more, progressing=progressing)


def _unseen(world: World) -> Standing | None:
    """Without a look at Deployments nobody can say that there is a coderd, nor that there is none."""
    unread = world.snapshot.missing().get(Need.DEPLOYMENTS)
    if unread is None or world.deployment.spec.control_plane.management == "None":
        return None
    refused = unread.reason is Absence.FORBIDDEN
    return Standing(
        ready=False,
        reason=Reason.CLUSTER_UNREADABLE,
        message=f"Deployments could not be read ({unread.reason}), so nothing is known about coderd"
        + (". Compare the operator's ClusterRole with deploy/base/rbac.yaml" if refused else ""),
    )


def _adopted_missing(world: World) -> Standing | None:
    if world.deployment.spec.control_plane.management != "Adopted" or world.coderd is not None:
        return None
    names = [one.deployment.meta.name for one in world.found.coderd]
    what = f"more than one ({', '.join(names)})" if names else "none"
    return Standing(
        ready=False,
        reason=Reason.CODERD_NOT_FOUND,
        message=f"spec.controlPlane.management is Adopted and there is {what} in namespace "
        f"{world.deployment.namespace}: install Coder there, or set management: Managed",
    )


def _deleted_by_hand(world: World, plan: Plan) -> Standing | None:
    """A managed coderd that is not there, and that a maintenance keeps from being made again."""
    if world.deployment.spec.control_plane.management != "Managed" or world.coderd is not None:
        return None
    if not any(one.reason == rollout.MAINTENANCE for one in plan.withheld):
        return None
    here = f"{world.deployment.namespace}/{world.deployment.name}"
    return Standing(
        ready=False,
        reason=Reason.MAINTENANCE,
        message=f"Deployment {here} was deleted while spec.maintenance is in force; it is made again when "
        f"that ends, at {rollout.maintenance_ends(world)}, or is taken out of the spec",
        progressing=True,
    )


def _rolling_out(world: World) -> Standing | None:
    """A managed coderd that is not yet, or no longer, wholly there. An adopted one is judged by rules."""
    if world.deployment.spec.control_plane.management != "Managed" or not world.coderd:
        return None
    live = world.coderd.deployment
    if live.progress_failure:
        return Standing(
            ready=False,
            reason=Reason.ROLLOUT_FAILED,
            message=f"Deployment {live.meta.path}: {live.progress_failure}. Look: kubectl -n "
            f"{live.meta.namespace} describe pods -l {_selector(live)}",
            progressing=True,
        )
    if live.is_settled:
        return None
    waiting = [one.unschedulable for one in world.coderd_pods if one.unschedulable]
    why = f"; the scheduler says: {waiting[0]}" if waiting else ""
    return Standing(
        ready=False,
        reason=Reason.MAINTENANCE if rollout.maintenance_ends(world) else Reason.ROLLING_OUT,
        message=f"Deployment {live.meta.path}: {live.updated_replicas} of {live.replicas} replicas "
        f"updated, {live.ready_replicas} ready{why}",
        progressing=True,
    )


def _written(changes: tuple[Change, ...]) -> Standing | None:
    waiting = [one for one in changes if one.action is Action.WAITING]
    if waiting:
        return Standing(
            ready=False, reason=Reason.WRITING, message=waiting[0].message, progressing=True
        )
    written = [one for one in changes if one.action in WRITTEN]
    made = [one for one in written if one.ref.kind == "Deployment"]
    if not made:
        return None
    return Standing(
        ready=False,
        reason=Reason.WRITING,
        message=f"{made[0].ref} was {made[0].action.value}; waiting to see it roll out",
        progressing=True,
    )


def _as_intended(world: World, plan: Plan) -> str:
    live = world.coderd.deployment if world.coderd else None
    notices = _notices(plan.withheld)
    coderd = (
        f"coderd has {live.ready_replicas} of {live.replicas} replicas ready"
        if live
        else ("no coderd is asked for here")
    )
    objects = f"{len(plan.objects)} objects are as intended"
    return f"{coderd}; {objects}{notices}"


def _notices(withheld: tuple[Withheld, ...]) -> str:
    if not withheld:
        return ""
    return "; held back: " + ", ".join(
        sorted({f"{one.subject} ({one.reason})" for one in withheld})
    )


def _selector(live: records.Deployment) -> str:
    labels = live.selector.get("matchLabels") or {}
    return ",".join(f"{key}={value}" for key, value in sorted(labels.items()))
