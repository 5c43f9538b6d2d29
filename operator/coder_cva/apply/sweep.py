"""What of ours is no longer wanted: of a living CoderDeployment, and of those that are gone.

In the order in which it goes, so that every prefix of it is safe: first what acts at admission, then
what closes before what keeps it open, last what others stand on.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1 import coder_placement
from coder_cva.apply import openness
from coder_cva.desired.metadata import ORPHANED, OWNER_NAME, OWNER_UID, SHARED
from coder_cva.values.manifest import Ref, dig, ref_of

_AT_ADMISSION: Final = ("Binding", "Configuration", "Policy")
"""What kinds of the admission group end with: without its binding a policy acts on nothing."""
_DISARMING, _CLOSING, _OPENING, _ALLOWING, _CARRYING = -1, 3, 4, 5, 6
"""The ranks around those: the parameter, without which nothing acts at admission; policies that only close, that keep open, that allow what another closes; the rest."""


def unwanted(
    owned: Iterable[Mapping[str, Any]],
    uid: str,
    reference: str,
    wanted: frozenset[Ref],
    keep_kinds: frozenset[str],
) -> tuple[Mapping[str, Any], ...]:
    """Objects made for the CoderDeployment of this UID that its plan neither holds nor keeps.

    What an earlier one of its ``namespace/name`` left behind is taken up with it, and goes likewise. Of
    ``keep_kinds`` nothing goes: what they should be could not be worked out this time. An object is
    wanted in whatever version it is watched: the plan may know of a newer one already.
    """
    stays = frozenset(one.identity for one in wanted)
    return _sorted(
        body
        for body in owned
        if (_owner(body) == uid or _is_left_for(body, reference))
        and ref_of(body).identity not in stays
        and body["kind"] not in keep_kinds
    )


def abandoned(
    owned: Iterable[Mapping[str, Any]], living: frozenset[str]
) -> tuple[Mapping[str, Any], ...]:
    """Objects whose CoderDeployment is gone, and the shared ones when the last is gone.

    ``living`` are the UIDs of a complete, live list. What its owner left behind on purpose stays.
    Objects with an ownerReference belong to the garbage collector, which knows the live owner too; only
    the parameter of admission waits for nobody.
    """
    return _sorted(body for body in owned if _is_abandoned(body, living))


def _is_abandoned(body: Mapping[str, Any], living: frozenset[str]) -> bool:
    labels = dig(body, "metadata", "labels", default={})
    if body["kind"] == coder_placement.KIND:
        # Sooner than the garbage collector, and also where it was told to leave it.
        return labels.get(OWNER_UID, "") not in living
    if ORPHANED in labels or dig(body, "metadata", "ownerReferences"):
        return False
    if SHARED in labels:
        return not living
    if _is_at_home(body):
        return False
    owner = labels.get(OWNER_UID, "")
    return bool(owner) and owner not in living


def _is_at_home(body: Mapping[str, Any]) -> bool:
    """Whether it is in its owner's own namespace, where everything of ours has an ownerReference.

    Without one there, somebody took it off: ``kubectl delete --cascade=orphan`` does, so that it stays.
    """
    namespace = dig(body, "metadata", "namespace", default="")
    home = dig(body, "metadata", "annotations", OWNER_NAME, default="").partition("/")[0]
    return bool(namespace) and home in ("", namespace)


def _is_left_for(body: Mapping[str, Any], reference: str) -> bool:
    is_free = not dig(body, "metadata", "ownerReferences")
    return is_free and dig(body, "metadata", "annotations", OWNER_NAME) == reference


def _owner(body: Mapping[str, Any]) -> str:
    owner: str = dig(body, "metadata", "labels", OWNER_UID, default="")
    return owner


def _sorted(bodies: Iterable[Mapping[str, Any]]) -> tuple[Mapping[str, Any], ...]:
    going = (body for body in bodies if not dig(body, "metadata", "deletionTimestamp"))
    return tuple(sorted(going, key=lambda body: (_rank(body), ref_of(body))))


def _rank(body: Mapping[str, Any]) -> int:
    """The earlier what restricts more."""
    ref = ref_of(body)
    if ref.kind == coder_placement.KIND:
        return _DISARMING
    if ref.group == "admissionregistration.k8s.io":
        return next(at for at, one in enumerate(_AT_ADMISSION) if ref.kind.endswith(one))
    if ref.kind == "NetworkPolicy":
        return _OPENING if openness.has_rules(body) else _CLOSING
    return _ALLOWING if ref.kind == "CiliumNetworkPolicy" else _CARRYING
