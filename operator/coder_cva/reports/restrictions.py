"""What restrictions would hit, for a report: every preview whole, and how to confirm them."""

from collections.abc import Iterator
from dataclasses import dataclass

from coder_cva.desired.plan import Plan, Preview
from coder_cva.snapshot.world import World
from coder_cva.status import confirming


@dataclass(frozen=True, slots=True)
class Restrictions:
    """The previews, sorted; the hash of what can be confirmed, "" for nothing; what is not confirmed yet."""

    previews: tuple[Preview, ...] = ()
    hash: str = ""
    command: str = ""
    pending: tuple[str, ...] = ()
    confirmed: tuple[str, ...] = ()


def previewed(world: World, plan: Plan) -> Restrictions:
    """What this plan would restrict; without a hash where not everything could be read."""
    found = confirming.classes(world, plan)
    previews = tuple(sorted(plan.previews))
    if found is None:
        return Restrictions(previews)
    command = confirming.command(world, found)
    return Restrictions(previews, found.hash, command, found.pending, found.confirmed)


def lines(found: Restrictions) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each preview as a sentence and whom it names; at the end how to confirm, with the classes that it covers."""
    for one in found.previews:
        yield f"{one.rule}: {one.message}", one.resources
    if found.confirmed:
        yield "confirmed with spec.network.confirm:", found.confirmed
    if found.command:
        yield f"left alone until confirmed: {found.command}", found.pending
