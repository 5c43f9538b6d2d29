"""What waits for admission: the first Pods of a new Deployment must meet the policies that place them.

The API server looks for new admission policies about once a second (measured on 1.37: a Pod that is
created within that second is admitted as if there were none). It is asked only about what does not
exist yet: a Deployment that is there is never held up.
"""

from datetime import datetime, timedelta
from typing import Final

from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action, Change
from coder_cva.values.manifest import Manifest, Ref, ref_of

TAKES_EFFECT_AFTER: Final = timedelta(seconds=2)
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


def held_up(manifest: Manifest, memory: Memory, now: datetime) -> Change | None:
    """A new Deployment while admission does not act yet; None for everything else."""
    left = takes_effect_in(memory, now)
    if manifest["kind"] != "Deployment" or left is None:
        return None
    ref = ref_of(manifest)
    return Change(
        ref,
        Action.WAITING,
        message=f"{ref} is made as soon as the API server places Pods by the new admission policies",
        retry_after=left,
    )
