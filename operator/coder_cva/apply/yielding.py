"""What isolates yields where a connection in use cannot be kept open beside it.

A policy that keeps one open may be refused by somebody's webhook or quota, or deleted again and again. Then
nothing of ours isolates in that namespace: what closes goes, and what keeps other connections open is open
for everything, since it isolates its Pods as well. When the missing one can be made, all is as it should be.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from coder_cva import ports
from coder_cva.apply import openness
from coder_cva.apply.engine import Engine
from coder_cva.desired.changes import Action, Change
from coder_cva.desired.network_exceptions import IN_USE
from coder_cva.status.reasons import Reason
from coder_cva.values.manifest import Manifest, Ref, dig, ref_of

_NOT_THERE: Final = (Action.FAILED, Action.FOREIGN, Action.WAITING)
_Identity = tuple[str, str, str, str]


@dataclass(frozen=True, slots=True)
class Missing:
    """Exceptions that cannot be made now, with what became of them, and those that were made."""

    changes: dict[Ref, Change] = field(default_factory=dict)
    made: dict[Ref, Change] = field(default_factory=dict)

    def whole(self, change: Change) -> Change:
        """What became of an object in both writes."""
        is_first = change.action is Action.UNCHANGED
        return self.made.get(change.ref, change) if is_first else change

    def instead(self, manifest: Manifest) -> Manifest | Change:
        """What is to be applied in place of an object, or why it is not."""
        ref = ref_of(manifest)
        if ref in self.changes:
            return self.changes[ref]
        missing = next((one for one in self.changes if one.namespace == ref.namespace), None)
        if missing is None or manifest["kind"] != "NetworkPolicy":
            return manifest
        if _is_exception(manifest):
            return openness.opened(manifest)
        if openness.has_rules(manifest):
            return manifest
        message = f"{ref} is not kept while {missing} is not there: it would cut what is in use"
        why = self.changes[missing].message
        return Change(ref, Action.WAITING, Reason.EXCEPTION_MISSING, f"{message}. {why}")


async def make_exceptions(
    objects: Iterable[Manifest], engine: Engine, seen: Collection[_Identity], now: datetime
) -> Missing:
    """Makes first what keeps connections open, open for everything where it would cut another one's.

    ``seen`` are ours that the watches show. What was made a moment ago is not opened again: that would
    be a hole.
    """
    policies = [one for one in objects if one["kind"] == "NetworkPolicy"]
    there = {ref_of(one).identity for one in policies if await _is_there(ref_of(one), engine, seen)}
    first = {ref_of(one): one for one in openness.before(policies, there)}
    missing = Missing()
    for manifest in policies:
        ref = ref_of(manifest)
        is_new = _is_exception(manifest) and ref.identity not in seen
        if is_new or ref in first:
            change = await engine.apply(first.get(ref, manifest), None, now)
            if change.action is Action.CREATED:
                missing.made[ref] = change
            elif is_new and change.action in _NOT_THERE:
                missing.changes[ref] = change
    return missing


def _is_exception(manifest: Manifest) -> bool:
    return dig(manifest, "metadata", "annotations", IN_USE) is not None


async def _is_there(ref: Ref, engine: Engine, seen: Collection[_Identity]) -> bool:
    if ref.identity in seen:
        return True
    try:
        return await engine.port.live(ref) is not None
    except ports.WriteError:
        return True
