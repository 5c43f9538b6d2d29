"""Which Kubernetes Events a transition deserves: few, with stable reasons, about the CoderDeployment."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, TypeAlias

from coder_cva.desired.changes import Action, Change
from coder_cva.desired.placement import WEBHOOK
from coder_cva.desired.staying import STILL_OWNED
from coder_cva.desired.webhook_reach import NOT_REACHED
from coder_cva.ports import Event
from coder_cva.rules.model import NoticeKind
from coder_cva.sizing.load import Fit
from coder_cva.status.account import FIELD_LEFT
from coder_cva.status.reasons import Reason
from coder_cva.values.manifest import Ref

_WANTED: Final = (Reason.WRITING, Reason.MAINTENANCE, Reason.SUSPENDED)
"""Not ready because somebody wants it so for a while."""
_UNDER_WAY: Final = (Reason.STARTING, Reason.ROLLING_OUT, *_WANTED)
"""Not ready, and time will help."""
_CONFORMANCE: Final = {
    "True": "Conformant",
    "False": "NotConformant",
    "Unknown": "ConformanceUnknown",
}
_ENDS: Final = frozenset(
    {
        NoticeKind.RESTRICTION_HARMS,
        NoticeKind.CONFIRM_UNKNOWN,
        NoticeKind.CONFIRM_AGAIN,
        NoticeKind.ATTESTATION_ENDING,
        NoticeKind.ATTESTATION_ENDED,
        NoticeKind.WAIVER_ENDING,
        NoticeKind.WAIVER_ENDED,
    }
)
"""Notices of which somebody should hear who does not look at the status."""
_ABSENT: Final = ("", "", "")
_Truths: TypeAlias = dict[str, tuple[str, str, str]]
"""By type of condition: status, reason and message."""
MESSAGE_LIMIT: Final = 1024
"""The API's own limit for the note of an Event."""


def deserved(
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    changes: Iterable[Change],
    regarding: Ref,
    uid: str,
) -> tuple[Event, ...]:
    """Events for conditions that changed their truth, and for what was repaired or given up."""
    told = [
        *_transitions(before, after),
        *_repairs(changes),
        *_given_up(before, after),
        *_warnings(before, after),
        *_webhook(before, after),
        *_fit(before, after),
        *_confirmed(before, after),
        *_notices(before, after),
    ]
    return tuple(
        Event(regarding, uid, kind, reason, message[:MESSAGE_LIMIT])
        for kind, reason, message in told
    )


def _transitions(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    old, new = _truths(before), _truths(after)
    yield from _readiness(old, new)
    yield from _conformance(old, new)


def _readiness(old: _Truths, new: _Truths) -> Iterator[tuple[str, str, str]]:
    """Ready and Stalled as one: what is new about them, told once."""
    truth, reason, message = new.get("Ready", _ABSENT)
    was, because, _ = old.get("Ready", _ABSENT)
    stalled, stalled_before = (one.get("Stalled", _ABSENT)[1] for one in (new, old))
    if stalled:
        if stalled != stalled_before:
            yield "Warning", stalled, message
    elif truth == "True":
        if was != "True":
            yield "Normal", "Ready", message
    elif truth == "False" and reason in _UNDER_WAY:
        # On the way to Ready for the first time there is nothing to tell.
        if was == "True":
            yield "Normal" if reason in _WANTED else "Warning", "NotReady", message
    elif truth == "False" and reason != because:
        yield "Warning", "NotReady", message


def _conformance(old: _Truths, new: _Truths) -> Iterator[tuple[str, str, str]]:
    truth, _, message = new.get("Conformant", _ABSENT)
    was = old.get("Conformant", ("Unknown", "", ""))[0]
    if truth and truth != was:
        kind = "Warning" if truth == "False" else "Normal"
        yield kind, _CONFORMANCE[truth], message


def _repairs(changes: Iterable[Change]) -> Iterator[tuple[str, str, str]]:
    for change in changes:
        if change.repaired_from:
            who = ", ".join(change.repaired_from)
            yield "Normal", "Repaired", f"{change.ref} was brought back after an edit by {who}"
        if change.action is Action.EVICTED:
            yield "Normal", "Evicted", change.message
        if change.action is Action.RELEASED:
            yield "Normal", "Released", change.message


def _given_up(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    known, left = _left(before), _left(after)
    for field in sorted(left.keys() - known.keys()):
        yield "Warning", FIELD_LEFT, f"{field} is {left[field]}"


def _warnings(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """What is held back and may cost somebody coderd, told when it begins."""
    known = [one["message"] for one in _loud(before)]
    for one in _loud(after):
        if one["message"] not in known:
            yield "Warning", one["reason"], f"{one['subject']}: {one['message']}"


def _webhook(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """The API server does not get through to the webhook, and gets through again; told once each."""
    lost = _unreached(after)
    if lost and not _unreached(before):
        yield "Warning", NOT_REACHED, lost
    placed = after.get("placement") or {}
    if _unreached(before) and placed.get("engine") == WEBHOOK:
        yield (
            "Normal",
            "WebhookReached",
            "the API server gets through to the operator's webhook again",
        )


def _unreached(status: Mapping[str, Any]) -> str:
    found = status.get("withheld") or ()
    return next((one["message"] for one in found if one["reason"] == NOT_REACHED), "")


def _fit(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """A tier that is about to be outgrown, in time to do something; that it is, Conformant tells."""
    sizing = after.get("sizing") or {}
    was = (before.get("sizing") or {}).get("fit")
    if sizing.get("fit") == Fit.NEARLY_OUTGROWN and was in (None, Fit.FITS, Fit.OVERSIZED):
        better = sizing.get("betterTier")
        plan = f"plan tier {better}" if better else "no tier is larger: plan a further deployment"
        reasons = ", ".join(sizing.get("reasons") or ())
        yield "Warning", Fit.NEARLY_OUTGROWN, f"the tier is about to be outgrown: {reasons}; {plan}"


def _notices(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[tuple[str, str, str]]:
    """What ends, told once when it begins to be told; how many days are left is no news."""
    known = {(one["clause"], one["kind"]) for one in before.get("notices") or ()}
    for one in after.get("notices") or ():
        if one["kind"] in _ENDS and (one["clause"], one["kind"]) not in known:
            yield "Warning", one["kind"], one["message"]


def _confirmed(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    """A confirmation that restricts, and one that does not any more."""
    old, new = _by_hash(before), _by_hash(after)
    for one in sorted(new.keys() - old.keys()):
        where = ", ".join(sorted(new[one]))
        yield "Normal", "Confirmed", f"spec.network.confirm {one} is in force: {where}"
    if old and not new:
        yield "Normal", "TakenBack", f"spec.network.confirm {min(old)} restricts nothing any more"


def _by_hash(status: Mapping[str, Any]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for one in status.get("restrictions") or ():
        if one.get("by"):
            found.setdefault(one["by"], set()).add(f"{one['rule']} in {one['namespace']}")
    return found


def _loud(status: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [one for one in status.get("withheld") or () if one["reason"] == STILL_OWNED]


def _left(status: Mapping[str, Any]) -> dict[str, str]:
    found = status.get("findings") or ()
    return {
        f"{one['resource']}: {one.get('field', '')}": one.get("observed", "")
        for one in found
        if one["rule"] == FIELD_LEFT
    }


def _truths(status: Mapping[str, Any]) -> _Truths:
    return {
        one["type"]: (one["status"], one["reason"], one["message"])
        for one in status.get("conditions") or ()
    }
