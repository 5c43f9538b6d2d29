"""Which Kubernetes Events a transition deserves: few, with stable reasons, about the CoderDeployment."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from coder_cva.desired.changes import Action, Change
from coder_cva.ports import Event
from coder_cva.values.manifest import Ref

_TOLD: Final = ("Ready", "Stalled", "Conformant")
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
    told = [*_transitions(before, after), *_repairs(changes)]
    return tuple(
        Event(regarding, uid, kind, reason, message[:MESSAGE_LIMIT])
        for kind, reason, message in told
    )


def _transitions(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[tuple[str, str, str]]:
    old, new = _truths(before), _truths(after)
    for name in _TOLD:
        truth, reason, message = new.get(name, ("", "", ""))
        if name not in new or old.get(name, ("",))[0] == truth:
            continue
        if truth == "Unknown" and name not in old:
            continue
        is_good = (truth == "True") is (name != "Stalled")
        word = "" if truth == "True" else "Not" if truth == "False" else "Maybe"
        yield (
            "Normal" if is_good else "Warning",
            f"{word}{name}" if name != "Stalled" else reason,
            message,
        )


def _repairs(changes: Iterable[Change]) -> Iterator[tuple[str, str, str]]:
    for change in changes:
        if change.repaired_from:
            who = ", ".join(change.repaired_from)
            yield "Normal", "Repaired", f"{change.ref} was brought back after an edit by {who}"
        if change.action is Action.FOREIGN:
            yield "Warning", change.reason, change.message


def _truths(status: Mapping[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {
        one["type"]: (one["status"], one["reason"], one["message"])
        for one in status.get("conditions") or ()
    }
