"""What of ours is no longer wanted: of a living CoderDeployment, and of those that are gone."""

from collections.abc import Iterable, Mapping
from typing import Any

from coder_cva.desired.metadata import ORPHANED, OWNER_UID, SHARED
from coder_cva.values.manifest import Ref, dig, ref_of


def unwanted(
    owned: Iterable[Mapping[str, Any]],
    uid: str,
    wanted: frozenset[Ref],
    keep_kinds: frozenset[str],
) -> tuple[Mapping[str, Any], ...]:
    """Objects made for the CoderDeployment of this UID that its plan neither holds nor keeps.

    Of ``keep_kinds`` nothing goes: what they should be could not be worked out this time.
    """
    return _sorted(
        body
        for body in owned
        if _owner(body) == uid and ref_of(body) not in wanted and body["kind"] not in keep_kinds
    )


def abandoned(
    owned: Iterable[Mapping[str, Any]], living: frozenset[str]
) -> tuple[Mapping[str, Any], ...]:
    """Objects whose CoderDeployment is gone, and the shared ones when the last is gone.

    ``living`` are the UIDs of a complete, live list. What its owner left behind on purpose stays.
    Objects with an ownerReference belong to the garbage collector, which knows the live owner too.
    """
    return _sorted(body for body in owned if _is_abandoned(body, living))


def _is_abandoned(body: Mapping[str, Any], living: frozenset[str]) -> bool:
    labels = dig(body, "metadata", "labels", default={})
    if ORPHANED in labels or dig(body, "metadata", "ownerReferences"):
        return False
    if SHARED in labels:
        return not living
    owner = labels.get(OWNER_UID, "")
    return bool(owner) and owner not in living


def _owner(body: Mapping[str, Any]) -> str:
    owner: str = dig(body, "metadata", "labels", OWNER_UID, default="")
    return owner


def _sorted(bodies: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    going = (body for body in bodies if not dig(body, "metadata", "deletionTimestamp"))
    return tuple(sorted(going, key=ref_of))
