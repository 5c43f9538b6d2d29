"""What restricts, since when, and what it may have broken: the operator watches after the bite.

For ten minutes after a restriction went into force a workspace, or a replica of coderd, that becomes not
ready, or starts and does not get ready, is told with the one edit that takes the restriction back. Whether
the restriction is the cause nobody sees from here. It is told until it is ready again, or gone.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from coder_cva.api.v1alpha1.status import RESTRICTION_LIMIT
from coder_cva.desired import host_exemptions
from coder_cva.desired.enforcement import HOST_VOLUMES, VOLUME_BOUNDS
from coder_cva.desired.plan import Plan, Restriction
from coder_cva.rules import remedies
from coder_cva.rules.model import Notice, NoticeKind
from coder_cva.rules.subjects import named
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Pod
from coder_cva.snapshot.world import World
from coder_cva.status import confirming
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

    @property
    def ends(self) -> datetime:
        """Until when what begins is looked at as its doing."""
        return self.since + WATCH


def bites(world: World, plan: Plan) -> tuple[Bite, ...]:
    """What restricts now. The moment of each is kept in the status, and moves only with who made it.

    Where a builder could say nothing what it restricted before goes on, as its objects do.
    """
    before = {one.restriction: one.since for one in _read(world.previous)}
    found = set(plan.restrictions)
    nothing_restricts = plan.writes_nothing or world.deployment.spec.suspend
    if not plan.is_whole and not nothing_restricts:
        found |= before.keys()
    kept = sorted(found)[:RESTRICTION_LIMIT]
    now = world.now.replace(microsecond=0)  # as it will be read back
    return tuple(Bite(one, before.get(one, now)) for one in kept)


def told(found: Iterable[Bite]) -> list[dict[str, Any]]:
    """The part of the status."""
    return [
        {
            "rule": one.restriction.rule,
            "namespace": one.restriction.namespace,
            "since": timestamp(one.since),
            "by": one.restriction.by or None,
        }
        for one in found
    ]


def notices(world: World, found: tuple[Bite, ...]) -> Iterator[Notice]:
    """What became not ready since, one notice for a rule."""
    by_rule: dict[str, list[tuple[Bite, str]]] = {}
    unready = _unready(world) if found else []
    for one in found:
        for hurt in _hurt(world, one, unready):
            by_rule.setdefault(one.restriction.rule, []).append((one, hurt))
    for rule, those in by_rule.items():
        first = min((bite for bite, _ in those), key=lambda one: one.since)
        spaces = named([bite.restriction.namespace for bite, _ in those])
        yield Notice(
            rule,
            NoticeKind.RESTRICTION_HARMS,
            f"{rule} restricts workspaces in {spaces} since {timestamp(first.since)}, and not ready since then: "
            f"{named([hurt for _, hurt in those])}. Whether that is the cause is not known; one edit takes the "
            f"restriction back: {_take_back(world, first.restriction)}",
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
            yield Bite(restriction, since)


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
    found = [(one.pod.meta.namespace, one.pod) for one in world.found.workspaces]
    found += [("", one) for one in world.coderd_pods]
    return [
        (namespace, pod)
        for namespace, pod in found
        if pod.unready_since and pod.phase == "Running" and not pod.meta.deleting
    ]


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
