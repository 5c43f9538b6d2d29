"""One object: what we render in, what became of it out. Writes only where the API server would change something.

The comparison is the API server's own: a dry run of the apply against the live object. What it
showed to change nothing is remembered, so a quiet cluster sees neither writes nor dry runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coder_cva import ports
from coder_cva.apply import arming, contest
from coder_cva.apply.fingerprint import fingerprint, without
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action, Change, Yielded
from coder_cva.desired.metadata import MANAGED_BY, MANAGER, OWNER_NAME, OWNER_UID, SHARED
from coder_cva.desired.plan import Eviction
from coder_cva.snapshot.managers import is_released
from coder_cva.snapshot.parse_meta import meta
from coder_cva.values.canonical import digest
from coder_cva.values.manifest import Manifest, Ref, dig, ref_of


class LeadershipLostError(Exception):
    """This process may no longer write: another replica of the operator leads."""


@dataclass(frozen=True, slots=True)
class _Rehearsal:
    """What a dry run showed: what is to be applied, what comes of it, whose fields it takes back."""

    manifest: Manifest
    result: Mapping[str, Any]
    taken: tuple[ports.FieldOwner, ...] = ()


@dataclass(slots=True)
class Engine:
    """Applies, deletes and evicts; asks before each write whether it still may."""

    port: ports.ApplyPort
    memory: Memory
    may_write: Callable[[], bool]

    async def apply(
        self,
        manifest: Manifest,
        cached: Mapping[str, Any] | None,
        now: datetime,
        unforced: frozenset[str] = frozenset(),
    ) -> Change:
        """Brings one object about. ``cached`` is it as the watches saw it last, None if they did not.

        ``unforced`` are the fields of it in which another manager's value stands. Never raises
        WriteError: a failure is a Change with the error's reason. Raises LeadershipLostError where
        this process may no longer write.
        """
        ref = ref_of(manifest)
        yielded = self.memory.yields(ref, now)
        rendered = _rendered(manifest, yielded, unforced)
        if cached is not None and self.memory.is_settled(ref, rendered, fingerprint(cached)):
            return Change(ref, Action.UNCHANGED, yielded=yielded)
        try:
            return await self._bring_about(manifest, unforced, now)
        except ports.WriteError as error:
            self.memory.forget(ref)
            yielded = self.memory.yields(ref, now)
            return Change(
                ref, Action.FAILED, error.reason, error.message, error.retry_after, yielded=yielded
            )

    async def delete(self, body: Mapping[str, Any], now: datetime) -> Change:
        """Deletes an object of ours, of exactly this UID; one that comes back each time only rarely."""
        ref, uid = ref_of(body), dig(body, "metadata", "uid", default="")
        self.check()
        waiting = contest.made_again(self.memory, body, now)
        if waiting is not None:
            return waiting
        try:
            await self.port.delete(ref, uid=uid)
        except ports.WriteError as error:
            return Change(ref, Action.FAILED, error.reason, error.message, error.retry_after)
        contest.deleted(self.memory, body, now)
        return Change(ref, Action.DELETED)

    async def evict(self, eviction: Eviction) -> Change:
        """Asks a Pod of exactly this UID to make way; disruption budgets are respected."""
        self.check()
        try:
            await self.port.evict(eviction.ref, uid=eviction.uid)
        except ports.WriteError as error:
            return Change(
                eviction.ref, Action.FAILED, error.reason, error.message, error.retry_after
            )
        return Change(eviction.ref, Action.EVICTED, message=eviction.why)

    async def _bring_about(
        self, manifest: Manifest, unforced: frozenset[str], now: datetime
    ) -> Change:
        ref = ref_of(manifest)
        live = await self.port.live(ref)
        if live is None:
            return await self._create(manifest, unforced, now)
        if not _is_ours(live, manifest):
            return _foreign(ref, live)
        if dig(live, "metadata", "deletionTimestamp") or _is_owned_by_another(live, manifest):
            return Change(ref, Action.FAILED, "BeingDeleted", "the old object is still going", 1.0)
        rehearsal = await self._rehearse(manifest, unforced, now)
        yielded = self.memory.yields(ref, now)
        rendered = _rendered(manifest, yielded, unforced)
        if fingerprint(rehearsal.result) == fingerprint(live):
            self._settle(rehearsal, rendered, fingerprint(live))
            return Change(ref, Action.UNCHANGED, yielded=yielded)
        waiting = self._fought_over(live, rehearsal, rendered, now)
        if waiting is not None:
            return waiting
        await self._write(rehearsal, rendered, now)
        managers = tuple(sorted({one.manager for one in rehearsal.taken}))
        return Change(ref, Action.CONFIGURED, yielded=yielded, repaired_from=managers)

    def _fought_over(
        self, live: Mapping[str, Any], rehearsal: _Rehearsal, rendered: str, now: datetime
    ) -> Change | None:
        """Why an object is left for now as it is, although it is not as it should be."""
        if not rehearsal.taken and self.memory.is_rendered(ref_of(live), rendered):
            return contest.changed_again(self.memory, live, now)
        # What serves every CoderDeployment names none, and is never let go.
        reference = dig(rehearsal.manifest, "metadata", "annotations", OWNER_NAME, default="")
        if reference and is_released(meta(live["metadata"]), reference):
            return contest.taken_up_again(self.memory, live, now)
        return None

    async def _create(self, manifest: Manifest, unforced: frozenset[str], now: datetime) -> Change:
        """Of what is not there nobody holds a field, so all of it is applied, and nothing is forced."""
        waiting = arming.held_up(manifest, self.memory, now)
        waiting = waiting or contest.deleted_again(self.memory, manifest, now)
        if waiting is not None:
            return waiting
        ref = ref_of(manifest)
        self.memory.stay_theirs(ref, (), now)
        await self._write(_Rehearsal(manifest, {}), _rendered(manifest, (), unforced), now)
        return Change(ref, Action.CREATED)

    async def _rehearse(
        self, manifest: Manifest, unforced: frozenset[str], now: datetime
    ) -> _Rehearsal:
        """The API server's own word on what an apply would change, and on who is in its way."""
        try:
            result = await self.port.apply(manifest, dry_run=True)
        except ports.FieldConflict as conflict:
            return await self._give_way(manifest, conflict, unforced, now)
        self.memory.stay_theirs(ref_of(manifest), (), now)
        return _Rehearsal(manifest, result)

    async def _give_way(
        self,
        manifest: Manifest,
        conflict: ports.FieldConflict,
        unforced: frozenset[str],
        now: datetime,
    ) -> _Rehearsal:
        """The same without the fields that are left to others; what else they hold is taken back.

        A field is left out in the very pass in which another manager is seen to hold it. Were it
        taken back first and left out later, nobody would own it: the API server removes such a
        field or resets it to its default (one replica, a Service without its load balancer).
        Raises the conflict where a field cannot be left out, since it must not be forced either.
        """
        disputed = tuple(one for one in conflict.owners if one.field not in unforced)
        theirs = unforced | self.memory.stay_theirs(ref_of(manifest), disputed, now)
        left = sorted({one.field for one in conflict.owners} & theirs)
        if any(without(manifest, (one,)) == manifest for one in left):
            raise conflict
        taken = tuple(one for one in disputed if one.field not in theirs)
        reduced = without(manifest, tuple(left))
        result = await self.port.apply(reduced, force=bool(taken), dry_run=True)
        return _Rehearsal(reduced, result, taken)

    async def _write(self, rehearsal: _Rehearsal, rendered: str, now: datetime) -> None:
        ref = ref_of(rehearsal.manifest)
        self.check()
        # What changed hands since the dry run is a conflict, and looked at again.
        result = await self.port.apply(rehearsal.manifest, force=bool(rehearsal.taken))
        self.memory.retaken(ref, rehearsal.taken, now)
        arming.note(self.memory, ref, now)
        self._settle(rehearsal, rendered, fingerprint(result))

    def _settle(self, rehearsal: _Rehearsal, rendered: str, live: str) -> None:
        ref = ref_of(rehearsal.manifest)
        self.memory.settle(ref, rendered, live)
        contest.stands(self.memory, rehearsal.manifest)

    def check(self) -> None:
        """Raises LeadershipLostError where this process may no longer write."""
        if not self.may_write():
            raise LeadershipLostError


def _rendered(manifest: Manifest, yielded: tuple[Yielded, ...], unforced: frozenset[str]) -> str:
    """A digest of what is rendered, and of the fields in which it may differ from what is there."""
    return digest([manifest, sorted({one.field for one in yielded}), sorted(unforced)])


def _is_ours(live: Mapping[str, Any], wanted: Manifest) -> bool:
    """Whether we made the live object, for this CoderDeployment, for one of its name, or for all of them.

    A label that was taken off makes nothing foreign: our owner's UID, in our label or as the
    controller, is enough. One that says that somebody else manages it now does, unless it still has
    our controller.
    """
    has, wants = live["metadata"], wanted["metadata"]
    labels = has.get("labels") or {}
    uid = wants["labels"].get(OWNER_UID, "")
    if uid and _controller(has) == uid:
        return True
    if labels.get(MANAGED_BY, MANAGER) != MANAGER:
        return False
    if SHARED in wants["labels"]:
        return SHARED in labels
    reference = wants["annotations"][OWNER_NAME]
    if MANAGED_BY not in labels:
        # The label was taken off, or the object was let go and nobody has taken it since.
        return is_released(meta(has), reference)
    return bool(labels.get(OWNER_UID) == uid or dig(has, "annotations", OWNER_NAME) == reference)


def _controller(metadata: Mapping[str, Any]) -> str:
    owners = metadata.get("ownerReferences") or ()
    return next((one["uid"] for one in owners if one.get("controller")), "")


def _is_owned_by_another(live: Mapping[str, Any], wanted: Manifest) -> bool:
    """Whether it belongs to an earlier CoderDeployment of this name, and goes with it.

    Without an ownerReference it was left behind on purpose (``deletionPolicy: Orphan``, ``kubectl
    delete --cascade=orphan``), and is taken up again.
    """
    uid = dig(wanted, "metadata", "labels", OWNER_UID)
    owners = dig(live, "metadata", "ownerReferences", default=[])
    return bool(owners) and all(one.get("uid") != uid for one in owners)


def _foreign(ref: Ref, live: Mapping[str, Any]) -> Change:
    manager = dig(live, "metadata", "labels", MANAGED_BY, default="somebody else")
    return Change(
        ref,
        Action.FOREIGN,
        "ForeignObject",
        f"{ref} exists and was not made for this CoderDeployment (managed by {manager}): it is left "
        f"alone. Rename or remove it, and ours is created.",
        60.0,
    )
