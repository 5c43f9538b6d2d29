"""Which classes of what a restriction hits the user has confirmed (``spec.network.confirm``).

Every preview takes part that names ``hits``: whoever builds a restriction asks here whether a class is
confirmed, restricts only those that are, and names the others in its preview. A hash stands for all classes
of all previews together; one that matches takes them into force as they are now, and the status remembers
them, so that a class that comes later is left alone and takes nothing away from the others.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from coder_cva.api.v1alpha1.status import MOST_CLASSES, MOST_KEPT
from coder_cva.desired import enforcement
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.plan import Preview, Restriction
from coder_cva.snapshot.confirmations import Confirmation, class_digest, hash_of
from coder_cva.snapshot.world import World
from coder_cva.values.moment import timestamp


@dataclass(frozen=True, slots=True)
class Classes:
    """The classes of some previews, in words, sorted: those that are confirmed and those that are not."""

    hash: str
    pending: tuple[str, ...]
    confirmed: tuple[str, ...]


def is_confirmed(world: World, rule: str, hit: str) -> bool:
    """Whether the user has confirmed this class of what a rule hits."""
    found = world.confirmations
    if not found or not enforcement.may_confirm(world.deployment, rule):
        return False
    return class_digest(rule, hit) in found[0].classes


def mode_of(world: World, rule: str, hit: str) -> Mode:
    """The mode of a rule for one class: its own, or Enforce where only a confirmation was missing."""
    return lifted(world, rule, hit, enforcement.mode(world.deployment, rule))


def lifted(world: World, rule: str, hit: str, mode: Mode) -> Mode:
    """The same for a restriction whose mode by default is this one, and not the rule's own."""
    is_missing = mode is Mode.AUDIT and enforcement.is_undecided(world.deployment, rule)
    return Mode.ENFORCE if is_missing and is_confirmed(world, rule, hit) else mode


def restriction(world: World, rule: str, namespace: str, *, confirmed: bool) -> Restriction:
    """A restriction of this namespace; ``confirmed`` says that a confirmation has a part in it."""
    by = world.confirmations[0].hash if confirmed and world.confirmations else ""
    return Restriction(rule, namespace, by)


def is_wanted(world: World, rule: str, resource: str) -> bool:
    """Whether a waiver says that this is there for a reason: then it is left alone, and nobody is asked."""
    today = world.now.date()
    return any(
        one.rule == rule and today <= one.until and (not one.resources or resource in one.resources)
        for one in world.deployment.spec.waivers
    )


def classes(world: World, previews: Iterable[Preview]) -> Classes:
    """What there is to confirm now; "" for the hash where there is nothing, or too much of it."""
    found = sorted({(one.rule, hit) for one in previews for hit in one.hits})
    done = {pair for pair in found if is_confirmed(world, *pair)}
    is_much = len(found) > MOST_CLASSES
    return Classes(
        "" if is_much else hash_of(class_digest(*pair) for pair in found),
        tuple(f"{rule}: {hit}" for rule, hit in found if (rule, hit) not in done),
        tuple(f"{rule}: {hit}" for rule, hit in sorted(done)),
    )


def taken(world: World, previews: tuple[Preview, ...]) -> World | None:
    """The world in which a hash that is new in the spec is understood; None where it is known, or matches nothing.

    ``previews`` have to be all that there are: a hash over a part of them would be another one.
    """
    asked = world.deployment.spec.network.confirm
    before = world.confirmations
    if asked is None or any(one.hash == asked for one in before):
        return None
    if classes(world, previews).hash != asked:
        return None
    found = frozenset(class_digest(one.rule, hit) for one in previews for hit in one.hits)
    new = Confirmation(asked, timestamp(world.now), found)
    return with_confirmations(world, (new, *before)[:MOST_KEPT])


def with_confirmations(world: World, confirmations: tuple[Confirmation, ...]) -> World:
    """The world as it is once the status remembers these."""
    if confirmations == world.confirmations:
        return world
    known = world.previous.get("confirm") or {}
    remembered = {**known, "accepted": written(confirmations)}
    return replace(world, previous={**world.previous, "confirm": remembered})


def written(confirmations: Iterable[Confirmation]) -> list[dict[str, Any]]:
    """Confirmations as the status has them."""
    return [
        {"hash": one.hash, "since": one.since, "classes": sorted(one.classes)}
        for one in confirmations
    ]
