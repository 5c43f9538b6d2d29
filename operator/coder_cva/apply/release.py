"""Letting go: an object stops being ours, or its CoderDeployment's, and nothing else about it changes.

A merge that only takes entries out of the metadata, in one request: before it the object is wholly
ours, after it wholly nobody's, and what it runs never notices. Of what server-side apply keeps about
our fields nothing else is touched, so that an object that is taken back is as if it had never gone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from coder_cva import ports
from coder_cva.apply import contest
from coder_cva.apply.engine import Engine
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.metadata import INSTANCE, MANAGED_BY, MANAGER, ORPHANED
from coder_cva.values.manifest import Ref, dig, ref_of

_BOUND: Final = (INSTANCE,)
"""Without an ownerReference Argo CD may take the object for one of an application of that name, and prune it."""
_OURS: Final = (MANAGED_BY, ORPHANED, *_BOUND)


async def release(engine: Engine, body: Mapping[str, Any], now: datetime) -> Change:
    """Takes the ownerReference and the label that it is managed by us off an object of exactly this UID.

    It is nobody's then, and still says for whom it was made: by that it can be taken up again.

    Never raises WriteError: a failure is a Change. Raises LeadershipLostError.
    """
    uid = dig(body, "metadata", "uid", default="")
    return await _amend(engine, ref_of(body), uid, now, labels=_OURS)


async def unbind(engine: Engine, ref: Ref, now: datetime) -> Change:
    """Takes the ownerReference off an object: it stays ours and no longer goes with its CoderDeployment."""
    return await _amend(engine, ref, "", now, labels=_BOUND)


async def _amend(
    engine: Engine, ref: Ref, uid: str, now: datetime, *, labels: tuple[str, ...]
) -> Change:
    try:
        live = await engine.port.live(ref)
        metadata = _without(live, labels) if live is not None else {}
        if live is None or not metadata or uid not in ("", dig(live, "metadata", "uid")):
            return Change(ref, Action.UNCHANGED)
        engine.check()
        waiting = contest.marked_again(engine.memory, live, now)
        if waiting is not None:
            return waiting
        version = dig(live, "metadata", "resourceVersion", default="")
        await engine.port.amend(ref, metadata, version=version)
    except ports.WriteError as error:
        return Change(ref, Action.FAILED, error.reason, error.message, error.retry_after)
    finally:
        engine.memory.forget(ref)
    is_nobodys = MANAGED_BY in labels
    what = "is nobody's now" if is_nobodys else "no longer goes with its CoderDeployment"
    return Change(ref, Action.RELEASED, message=f"{ref} {what}: it stays as it is")


def _without(live: Mapping[str, Any], labels: tuple[str, ...]) -> dict[str, Any]:
    """The merge that takes these labels and the references to CoderDeployments out; empty for none."""
    owners = dig(live, "metadata", "ownerReferences", default=[])
    others = [one for one in owners if dig(one, "kind") != "CoderDeployment"]
    there = dig(live, "metadata", "labels", default={})
    merge: dict[str, Any] = {}
    if others != owners:
        merge["ownerReferences"] = others or None
    # What somebody else has taken meanwhile keeps its labels.
    taken_off = {one: None for one in labels if one in there and there.get(MANAGED_BY) == MANAGER}
    if taken_off:
        merge["labels"] = taken_off
    return merge
