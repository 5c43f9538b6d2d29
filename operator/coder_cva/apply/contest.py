"""Objects over which somebody fights without a conflict that would show who: outlasted, and told.

The counterpart for single fields is in memory.py. What is done at once twice an hour is done ever more
seldom then, at last every twenty minutes, for as long as it goes on.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from coder_cva.apply.memory import Memory
from coder_cva.apply.patience import AT_ONCE, PAUSES, Quarrel
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.metadata import MANAGED_BY, MANAGER, OWNER_UID
from coder_cva.status.reasons import Reason
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest, dig, ref_of
from coder_cva.values.moment import timestamp

SECOND_OPERATOR: Final = (
    "kubectl get deployments --all-namespaces -l app.kubernetes.io/name=coder-cva-operator"
)
"""How a second operator is found."""
_MADE: Final = "made"
_GONE: Final = "gone"
_CHANGED: Final = "changed"
_STATUS: Final = "status"
_MARKED: Final = "marked"
_TAKEN_UP: Final = "taken up"


def stands(memory: Memory, manifest: Manifest) -> None:
    """Notes that this object is there for its owner."""
    ref = ref_of(manifest)
    memory.there[ref] = _owner(manifest)
    memory.gone.pop(ref, None)


def deleted(memory: Memory, body: Mapping[str, Any], now: datetime) -> None:
    """Notes that we have deleted it: when it is made again, that is by us, or repeated by somebody else."""
    ref, owner = ref_of(body), _owner(body)
    uid: str = dig(body, "metadata", "uid", default="")
    if memory.gone.get(ref, uid) != uid:
        memory.patience.note(Quarrel(_GONE, ref, owner), now)
    memory.gone[ref] = uid
    memory.there.pop(ref, None)
    memory.patience.forget(Quarrel(_MADE, ref, owner))
    memory.forget(ref)


def deleted_again(memory: Memory, manifest: Manifest, now: datetime) -> Change | None:
    """What somebody deletes each time it is made; None where it is to be made now."""
    ref, owner = ref_of(manifest), _owner(manifest)
    if memory.there.get(ref) != owner:
        memory.patience.forget(Quarrel(_GONE, ref, owner))
        return None
    return _repeated(
        memory,
        Quarrel(_MADE, ref, owner),
        now,
        "somebody else deletes it each time it is made; the API server's audit log says who. A GitOps tool that "
        f"prunes must leave out what has the label {MANAGED_BY}={MANAGER}. It is made again",
    )


def made_again(memory: Memory, body: Mapping[str, Any], now: datetime) -> Change | None:
    """What somebody makes each time it is deleted; None where it is to be deleted now."""
    ref = ref_of(body)
    if memory.gone.get(ref) in (None, dig(body, "metadata", "uid")):
        return None
    return _held(
        memory,
        Quarrel(_GONE, ref, _owner(body)),
        now,
        "somebody else makes it each time it is deleted, with our labels: take it out of what is applied there, "
        f"or look for a second operator: {SECOND_OPERATOR}. It is deleted again",
    )


def changed_again(memory: Memory, live: Mapping[str, Any], now: datetime) -> Change | None:
    """What is changed each time it is as it should be, by nobody who holds a field of ours against us."""
    managers = sorted(
        {
            dig(one, "manager", default="")
            for one in dig(live, "metadata", "managedFields", default=())
            if not dig(one, "subresource")
        }
        - {MANAGER, ""}
    )
    who = f"either by {' or '.join(managers)}, or " if managers else ""
    return _repeated(
        memory,
        Quarrel(_CHANGED, ref_of(live), _owner(live)),
        now,
        f"it is changed each time it is as this operator wants it, {who}by a second operator of another version: "
        f"{SECOND_OPERATOR}. It is brought back",
    )


def marked_again(memory: Memory, live: Mapping[str, Any], now: datetime) -> Change | None:
    """What gets our marks again each time it was let go; None where it is to be let go now."""
    return _repeated(
        memory,
        Quarrel(_MARKED, ref_of(live), _owner(live)),
        now,
        "somebody else puts our labels or a CoderDeployment's ownerReference back on it each time it is let go: take "
        "them out of what is applied there. With an ownerReference it goes with its CoderDeployment, unless that is "
        "deleted with --cascade=orphan. It is let go again",
    )


def taken_up_again(memory: Memory, live: Mapping[str, Any], now: datetime) -> Change | None:
    """What was let go and is to be ours again, again and again; None where it is to be taken up now.

    No edit of the CoderDeployment ends this waiting, for it is edits that fight: two that apply it, of which one says
    Managed. Letting go never waits for them, so what waits is what nobody owns, and coderd runs on.
    """
    what = Quarrel(_TAKEN_UP, ref_of(live), "")
    left = memory.patience.left(what, now)
    if left is None or what.ref is None:
        memory.patience.note(what, now)
        return None
    message = (
        f"{what.ref}: it was let go and taken up again and again, as spec.controlPlane.management of its CoderDeployment "
        "was changed back and forth: kubectl get cdep --show-managed-fields -o yaml says by whom. It runs on as nobody's, "
        f"and is taken up at {timestamp(now + left)}"
    )
    return Change(what.ref, Action.WAITING, Reason.CONTESTED, message, left.total_seconds())


def overwritten(
    memory: Memory, uid: str, status: Mapping[str, Any], now: datetime
) -> tuple[bool, str]:
    """Whether a status is left for now as somebody else wrote it, and a sentence where that begins to be news.

    ``status`` is what was read. Where this process wrote it, or has never written it, nobody fights.
    """
    what = Quarrel(_STATUS, None, uid)
    if memory.told.get(uid) in (None, digest(status)):
        return False, ""
    if memory.patience.left(what, now) is not None:
        return True, ""
    memory.patience.note(what, now)
    if memory.patience.count(what, now) < AT_ONCE:
        return False, ""
    return False, (
        "somebody else writes the status of this CoderDeployment again and again; look for a second operator: "
        f"{SECOND_OPERATOR}. From now on this one writes it every {_minutes(PAUSES[-1])} minutes"
    )


def _repeated(memory: Memory, what: Quarrel, now: datetime, why: str) -> Change | None:
    held = _held(memory, what, now, why)
    if held is None:
        memory.patience.note(what, now)
    return held


def _held(memory: Memory, what: Quarrel, now: datetime, why: str) -> Change | None:
    left = memory.patience.left(what, now)
    if left is None or what.ref is None:
        return None
    message = (
        f"{what.ref}: {why} at {timestamp(now + left)}, or as soon as the CoderDeployment is edited"
    )
    return Change(what.ref, Action.WAITING, Reason.CONTESTED, message, left.total_seconds())


def _minutes(span: timedelta) -> int:
    return int(span.total_seconds() // 60)


def _owner(body: Mapping[str, Any]) -> str:
    owner: str = dig(body, "metadata", "labels", OWNER_UID, default="")
    return owner
