"""The objects of a plan, one after the other; what needs an earlier one waits where that is not ours.

After any number of these writes nothing is cut that is not cut in the end.
"""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from typing import Any

from coder_cva.api.v1alpha1 import coder_placement
from coder_cva.apply import openness, yielding
from coder_cva.apply.engine import Engine
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.plan import Plan
from coder_cva.status.reasons import Reason
from coder_cva.values.manifest import Ref, ref_of


async def bring_about(
    plan: Plan, engine: Engine, owned: Iterable[Mapping[str, Any]] | None, now: datetime
) -> list[Change]:
    """What became of each object, in the plan's order. ``owned`` is what the watches have seen of ours."""
    # A watch may still be of another version of the API than the one in which we write.
    cached = {ref_of(one).identity: one for one in owned or ()}
    missing = yielding.Missing()
    if owned is not None:
        missing = await yielding.make_exceptions(plan.objects, engine, cached.keys(), now)
    done: dict[Ref, Change] = {}
    for manifest in plan.objects:
        ref = ref_of(manifest)
        needed = [done[one] for one in plan.requires.get(ref, ()) if one in done]
        wanted = _waits(ref, needed, cached.keys()) or missing.instead(manifest)
        seen, unforced = cached.get(ref.identity), plan.unforced_in(ref)
        done[ref] = (
            wanted
            if isinstance(wanted, Change)
            else missing.whole(await engine.apply(wanted, seen, now, unforced))
        )
    return list(done.values())


async def open_first(
    going: Iterable[Mapping[str, Any]],
    owned: Iterable[Mapping[str, Any]],
    engine: Engine,
    now: datetime,
) -> None:
    """Opens what of ours would cut a connection while the others that go with it are gone already."""
    leaving = tuple(going)
    names = {ref_of(one).identity for one in leaving}
    stays = (one for one in owned if ref_of(one).identity not in names)
    for manifest in openness.after(leaving, stays):
        await engine.apply(manifest, None, now)


def _waits(
    ref: Ref, needed: Iterable[Change], ours: Collection[tuple[str, str, str, str]]
) -> Change | None:
    """Why an object is not written now, None where all that it needs is ours.

    What could not be written and is known to be ours is there; else it may be anybody's.
    """
    for one in needed:
        if one.action is Action.FOREIGN:
            why = _both_remedies(ref, one.ref)
            return Change(ref, Action.WAITING, Reason.FOREIGN_IDENTITY, why)
        if one.action in (Action.FAILED, Action.WAITING) and one.ref.identity not in ours:
            return Change(ref, Action.WAITING, message=f"{ref} waits for {one.ref}")
    return None


def _both_remedies(ref: Ref, foreign: Ref) -> str:
    harm = (
        "Pods would be placed as somebody else says"
        if foreign.kind == coder_placement.KIND
        else "coderd would run with rights that were meant for somebody else"
    )
    return (
        f"{foreign} exists and was not made for this CoderDeployment, so {ref} is not written: {harm}. "
        "Either apply the CoderDeployment under another name, or, if nobody needs it, remove it and ours is made: "
        f"kubectl -n {foreign.namespace} delete {foreign.kind.lower()} {foreign.name}"
    )
