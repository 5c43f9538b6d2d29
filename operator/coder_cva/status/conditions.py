"""Conditions as kstatus, Flux, Argo CD and kubectl read them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal

from coder_cva.values.moment import timestamp

MESSAGE_LIMIT: Final = 1024
"""Characters of a condition's message; the API allows 32,768, a terminal shows far fewer."""

Truth = Literal["True", "False", "Unknown"]
ABNORMAL: Final = ("Reconciling", "Stalled")
"""Abnormal-true: present only while they are True."""


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition to be: the transition time is worked out against the one before."""

    type: str
    status: Truth
    reason: str
    message: str


def render(
    wanted: Iterable[Condition],
    previous: Iterable[Mapping[str, Any]],
    generation: int,
    now: datetime,
) -> list[dict[str, Any]]:
    """The list for the status, in the order given; ``lastTransitionTime`` moves only with ``status``."""
    before = {one.get("type"): one for one in previous}
    return [_rendered(one, before.get(one.type), generation, now) for one in wanted]


def _rendered(
    condition: Condition, before: Mapping[str, Any] | None, generation: int, now: datetime
) -> dict[str, Any]:
    same = before is not None and before.get("status") == condition.status
    since = before.get("lastTransitionTime") if before is not None and same else None
    return {
        "type": condition.type,
        "status": condition.status,
        "observedGeneration": generation,
        "lastTransitionTime": since or timestamp(now),
        "reason": condition.reason,
        "message": _bounded(condition.message),
    }


def _bounded(message: str) -> str:
    return message if len(message) <= MESSAGE_LIMIT else message[: MESSAGE_LIMIT - 1] + "…"
