"""One object: what we render in, what became of it out. Writes only where the API server would change something.

The comparison is the API server's own: a dry run of the apply against the live object. What it
showed to change nothing is remembered, so a quiet cluster sees neither writes nor dry runs.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from coder_cva import ports
from coder_cva.apply import arming
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


@dataclass(slots=True)
class Engine:
    """Applies, deletes and evicts; asks before each write whether it still may."""

    port: ports.ApplyPort
    memory: Memory
    may_write: Callable[[], bool]

    async def apply(
        self, manifest: Manifest, cached: Mapping[str, Any] | None, now: datetime
    ) -> Change:
        """Brings one object about. ``cached`` is it as the watches saw it last, None if they did not.

        Never raises WriteError: a failure is a Change with the error's reason. Raises
        LeadershipLostError where this process may no longer write.
        """
        ref = ref_of(manifest)
        yielded = self.memory.yields(ref, now)
        wanted = without(manifest, tuple(one.field for one in yielded))
        rendered = digest(wanted)
        waiting = arming.held_up(manifest, cached, self.memory, now)
        if waiting is not None:
            return waiting
        if cached is not None and self.memory.is_settled(ref, rendered, fingerprint(cached)):
            return Change(ref, Action.UNCHANGED, yielded=yielded)
        try:
            return await self._bring_about(ref, wanted, rendered, yielded, now)
        except ports.WriteError as error:
            self.memory.forget(ref)
            return Change(
                ref, Action.FAILED, error.reason, error.message, error.retry_after, yielded=yielded
            )

    async def delete(self, body: Mapping[str, Any]) -> Change:
        """Deletes an object of ours, of exactly this UID."""
        ref = ref_of(body)
        self.check()
        try:
            await self.port.delete(ref, uid=dig(body, "metadata", "uid", default=""))
        except ports.WriteError as error:
            return Change(ref, Action.FAILED, error.reason, error.message, error.retry_after)
        self.memory.forget(ref)
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
        self, ref: Ref, wanted: Manifest, rendered: str, yielded: tuple[Yielded, ...], now: datetime
    ) -> Change:
        live = await self.port.live(ref)
        if live is None:
            return await self._write(ref, wanted, rendered, Action.CREATED, yielded, now)
        if not _is_ours(live, wanted):
            return _foreign(ref, live)
        if dig(live, "metadata", "deletionTimestamp") or _is_owned_by_another(live, wanted):
            return Change(ref, Action.FAILED, "BeingDeleted", "the old object is still going", 1.0)
        managers: tuple[str, ...] = ()
        try:
            result = await self.port.apply(wanted, dry_run=True)
        except ports.FieldConflict as conflict:
            self.memory.retaken(ref, conflict.owners, now)
            managers = tuple(sorted({one.manager for one in conflict.owners}))
            result = await self.port.apply(wanted, force=True, dry_run=True)
        if fingerprint(result) == fingerprint(live):
            self.memory.settle(ref, rendered, fingerprint(live))
            return Change(ref, Action.UNCHANGED, yielded=yielded)
        change = await self._write(ref, wanted, rendered, Action.CONFIGURED, yielded, now)
        return Change(ref, change.action, yielded=yielded, repaired_from=managers)

    async def _write(
        self,
        ref: Ref,
        wanted: Manifest,
        rendered: str,
        action: Action,
        yielded: tuple[Yielded, ...],
        now: datetime,
    ) -> Change:
        self.check()
        result = await self.port.apply(wanted, force=True)
        arming.note(self.memory, ref, now)
        self.memory.settle(ref, rendered, fingerprint(result))
        return Change(ref, action, yielded=yielded)

    def check(self) -> None:
        """Raises LeadershipLostError where this process may no longer write."""
        if not self.may_write():
            raise LeadershipLostError


def _is_ours(live: Mapping[str, Any], wanted: Manifest) -> bool:
    """Whether we made the live object, for a CoderDeployment of this name or for all of them."""
    has, wants = live["metadata"], wanted["metadata"]
    labels = has.get("labels") or {}
    if SHARED in wants["labels"]:
        return SHARED in labels and labels.get(MANAGED_BY) == MANAGER
    if labels.get(MANAGED_BY) != MANAGER:
        return is_released(meta(has), wants["annotations"][OWNER_NAME])
    same_uid = labels.get(OWNER_UID) == wants["labels"].get(OWNER_UID)
    reference = dig(has, "annotations", OWNER_NAME)
    return bool(same_uid or reference == wants["annotations"][OWNER_NAME])


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
