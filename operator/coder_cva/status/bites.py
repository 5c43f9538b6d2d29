"""What restricts, since when, and what it may have broken: the operator watches after the bite.

For ten minutes after a restriction went into force a workspace, or a replica of coderd, that becomes not
ready, or starts and does not get ready, is told with the one edit that takes the restriction back. Whether
the restriction is the cause nobody sees from here. It is told until it is ready again, or gone.

A Pod may be Ready while its agent has lost coderd. Where Coder is asked, the agents that it misses are told too.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final

from coder_cva.api.v1alpha1.status import RESTRICTION_LIMIT
from coder_cva.desired import host_exemptions
from coder_cva.desired.enforcement import HOST_VOLUMES, VOLUME_BOUNDS
from coder_cva.desired.plan import Plan, Restriction
from coder_cva.rules import remedies
from coder_cva.rules.model import Notice, NoticeKind
from coder_cva.rules.subjects import named
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Pod
from coder_cva.snapshot.world import World
from coder_cva.status import confirming, lost_agents
from coder_cva.values.moment import parsed, timestamp

WATCH: Final = timedelta(minutes=10)
"""For so long after a restriction went into force what happens is looked at as its doing."""
PATIENCE: Final = timedelta(minutes=2)
"""So long a Pod that started since may take to become ready before anybody is told."""
_AT_ADMISSION: Final = frozenset({HOST_VOLUMES, VOLUME_BOUNDS})
"""Rules that refuse what is made anew, and change nothing for what runs."""


@dataclass(frozen=True, slots=True)
class Bite:
    """A restriction in force, with the moment since when (aware)."""

    restriction: Restriction
    since: datetime
    missed: int | None = None
    """How many agents Coder missed at most before it; None where nobody knows, or asks any more."""

    @property
    def ends(self) -> datetime:
        """Until when what begins is looked at as its doing."""
        return self.since + WATCH


def bites(world: World, plan: Plan) -> tuple[Bite, ...]:
    """What restricts now. The moment of each is kept in the status, and moves only with who made it.

    Where a builder could say nothing what it restricted before goes on, as its objects do.
    """
    before = {one.restriction: one for one in _read(world.previous)}
    found = set(plan.restrictions)
    nothing_restricts = plan.writes_nothing or world.deployment.spec.suspend
    if not plan.is_whole and not nothing_restricts:
        found |= before.keys()
    kept = sorted(found)[:RESTRICTION_LIMIT]
    return tuple(
        _goes_on(world, before[one]) if one in before else _new(world, one) for one in kept
    )


def told(found: Iterable[Bite]) -> list[dict[str, Any]]:
    """The part of the status."""
    return [
        {
            "rule": one.restriction.rule,
            "namespace": one.restriction.namespace,
            "since": timestamp(one.since),
            "by": one.restriction.by or None,
            "agentsMissedBefore": one.missed,
        }
        for one in found
    ]


def notices(world: World, found: tuple[Bite, ...]) -> Iterator[Notice]:
    """What became not ready since, and what Coder misses since, one notice for a rule."""
    unready = _unready(world) if found else []
    for rule in dict.fromkeys(one.restriction.rule for one in found):
        of_rule = [one for one in found if one.restriction.rule == rule]
        hurt = [(one, who) for one in of_rule for who in _hurt(world, one, unready)]
        cut = [one for one in of_rule if lost_agents.risen(world, one.missed) is not None]
        those = [*(bite for bite, _ in hurt), *cut]
        if not those:
            continue
        first = min(those, key=lambda one: one.since)
        said = [f"not ready since then: {named([who for _, who in hurt])}"] if hurt else []
        said += [_missing(world, cut)] if cut else []
        yield Notice(
            rule,
            NoticeKind.RESTRICTION_HARMS,
            f"{rule} restricts workspaces in {named([one.restriction.namespace for one in those])} since "
            f"{timestamp(first.since)}, and {'; and '.join(said)}. Whether that is the cause is not known; one edit "
            f"takes the restriction back: {_take_back(world, first.restriction)}",
        )


def wait(world: World, status: Mapping[str, Any]) -> float | None:
    """Seconds until somebody should look again although nothing happens; None where nobody has to."""
    found = [one for one in _read(status) if world.now < one.ends]
    unready = _unready(world) if found else []
    moments = [
        moment for one in found for moment in (one.ends, *_due(one, unready)) if moment > world.now
    ]
    return (min(moments) - world.now).total_seconds() if moments else None


def _read(status: Mapping[str, Any]) -> Iterator[Bite]:
    for one in status.get("restrictions") or ():
        since = parsed(str(one.get("since", "")))
        if since is not None:
            restriction = Restriction(one["rule"], one["namespace"], one.get("by") or "")
            yield Bite(restriction, since, _count(one.get("agentsMissedBefore")))


def _count(said: Any) -> int | None:
    return said if isinstance(said, int) else None


def _new(world: World, restriction: Restriction) -> Bite:
    """What is refused at admission cuts no agent off."""
    missed = None if restriction.rule in _AT_ADMISSION else lost_agents.before(world)
    return Bite(restriction, world.now.replace(microsecond=0), missed)  # as it will be read back


def _goes_on(world: World, bite: Bite) -> Bite:
    """After the watch nobody counts any more, unless what it began to tell goes on."""
    is_over = lost_agents.is_known(world) and lost_agents.risen(world, bite.missed) is None
    return replace(bite, missed=None) if is_over and world.now >= bite.ends else bite


def _missing(world: World, cut: list[Bite]) -> str:
    known = min(one.missed for one in cut if one.missed is not None)
    count = lost_agents.risen(world, known) or 0
    return (
        f"Coder misses the agents of {count:,} running workspaces since then, of {known:,} at most in the hour "
        "before, in all its namespaces and clusters"
    )


def _hurt(world: World, bite: Bite, unready: list[tuple[str, Pod]]) -> Iterator[str]:
    if bite.restriction.rule in _AT_ADMISSION:
        yield from _refused(world, bite.restriction)
        return
    for namespace, pod in unready:
        if namespace in ("", bite.restriction.namespace) and _is_hurt(pod, bite, world.now):
            yield f"Pod {pod.meta.path}"


def _refused(world: World, restriction: Restriction) -> Iterator[str]:
    """Workspaces whose Pods are not made: those that mount what is refused, told by their Deployments."""
    if restriction.rule != HOST_VOLUMES:
        return
    every = host_exemptions.exemptions(world)
    for one in world.snapshot.within(Need.DEPLOYMENTS, restriction.namespace):
        is_missing = (
            one.shape.agent and one.shape.host_paths and one.present_replicas < one.replicas
        )
        labels, place = one.template_meta.labels, restriction.namespace
        if is_missing and not host_exemptions.covering(every, place, labels, one.shape):
            yield f"Deployment {one.meta.path}"


def _unready(world: World) -> list[tuple[str, Pod]]:
    """What runs and is not ready: workspaces by their namespace, and replicas of coderd, which serve all ("")."""
    workspaces = world.memo.flat(_unready_workspaces, world.found.workspaces)
    found = [(one.meta.namespace, one) for one in workspaces]
    return [*found, *(("", one) for one in world.coderd_pods if _is_unready(one))]


def _unready_workspaces(workspaces: tuple[Workspace, ...]) -> tuple[Pod, ...]:
    return tuple(one.pod for one in workspaces if _is_unready(one.pod))


def _is_unready(pod: Pod) -> bool:
    return bool(pod.unready_since) and pod.phase == "Running" and not pod.meta.deleting


def _is_hurt(pod: Pod, bite: Bite, now: datetime) -> bool:
    """Whether it became not ready in the time of the watch; one that is new is given time to start."""
    began = _began(pod)
    if began is None or not bite.since <= began <= bite.ends:
        return False
    return not _is_new(pod, bite) or now - began >= PATIENCE


def _due(bite: Bite, unready: list[tuple[str, Pod]]) -> Iterator[datetime]:
    """When Pods that start have had their time."""
    for namespace, pod in unready:
        began = _began(pod) if namespace in ("", bite.restriction.namespace) else None
        if began is not None and began >= bite.since and _is_new(pod, bite):
            yield began + PATIENCE


def _began(pod: Pod) -> datetime | None:
    return parsed(pod.unready_since)


def _is_new(pod: Pod, bite: Bite) -> bool:
    created = parsed(pod.meta.created)
    return created is None or created >= bite.since


def _take_back(world: World, restriction: Restriction) -> str:
    """Of a confirmation that it is taken out; of a rule that it only reports."""
    if restriction.by:
        return confirming.take_back(world)
    rules: Mapping[str, str] = {restriction.rule: "Audit"}
    return remedies.merge_patch(world, {"enforcement": {"rules": rules}})
