"""What waits for admission: the first Pods of a new Deployment must meet the policies that place them.

The API server looks for new admission policies about once a second (measured on 1.37: a Pod that is
created within that second is admitted as if there were none). It is asked only about what does not
exist yet: a Deployment that is there is never held up. Where it is still being tried whether the operator's
webhook can be reached, a new one waits for the answer too, but not for long.
"""

from datetime import datetime, timedelta
from typing import Final

from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.metadata import OWNER_UID
from coder_cva.values.manifest import Manifest, Ref, dig, ref_of

TAKES_EFFECT_AFTER: Final = timedelta(seconds=2)
TRIED_FOR: Final = timedelta(seconds=60)
"""Whatever keeps it from being known whether the webhook is reached, coderd is made then."""
_LOOK_AGAIN: Final = 2.0
_ADMISSION: Final = "admissionregistration.k8s.io/"


def note(memory: Memory, ref: Ref, now: datetime) -> None:
    """Remembers that this object was written, where it acts at admission."""
    if ref.api_version.startswith(_ADMISSION):
        memory.armed = now


def takes_effect_in(memory: Memory, now: datetime) -> float | None:
    """Seconds until everything acts that was written at admission; None where it does."""
    if memory.armed is None:
        return None
    left = memory.armed + TAKES_EFFECT_AFTER - now
    return left.total_seconds() if left > timedelta() else None


def awaits(memory: Memory, uid: str, now: datetime, *, is_tried: bool) -> None:
    """Remembers since when it is being tried whether a webhook can place the Pods of this CoderDeployment."""
    if is_tried:
        memory.awaiting.setdefault(uid, now)
    else:
        memory.awaiting.pop(uid, None)


def held_up(manifest: Manifest, memory: Memory, now: datetime) -> Change | None:
    """A new Deployment while admission does not act yet; None for everything else."""
    if manifest["kind"] != "Deployment":
        return None
    ref, left = ref_of(manifest), takes_effect_in(memory, now)
    if left is not None:
        why = "the API server places Pods by the new admission policies"
    elif _is_awaiting(manifest, memory, now):
        why, left = (
            "it is known whether the API server gets through to the operator's webhook",
            _LOOK_AGAIN,
        )
    else:
        return None
    return Change(ref, Action.WAITING, message=f"{ref} is made as soon as {why}", retry_after=left)


def _is_awaiting(manifest: Manifest, memory: Memory, now: datetime) -> bool:
    owner = dig(manifest, "metadata", "labels", OWNER_UID, default="")
    since = memory.awaiting.get(str(owner))
    return since is not None and now - since < TRIED_FOR
