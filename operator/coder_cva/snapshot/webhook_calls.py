"""What calls of the operator's own webhook came to, one after the other: whether the API server gets through.

Only what was asked on trial counts, so that nobody's Pod has to wait for the answer. Few figures decide, and
no clock: whoever asks keeps to the pace that is told here.
"""

import re
from collections import Counter
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

FIRST_PACE: Final = 2.0
"""Seconds from one call to the next while nothing is known: whoever is new waits for it."""
QUICK_PACE: Final = 5.0
"""While it is changing."""
STEADY_PACE: Final = 30.0
"""While it is as it was. A dry run writes nothing, but stands in audit logs."""
FIRST_TRIES: Final = 10
"""So many calls in vain before it counts as out of reach at the beginning: a replica that has just started
answers nobody until the Service leads to it (a readiness probe every ten seconds)."""
RECENT: Final = 5
MOST_FAILED: Final = 2
"""Of the recent calls so many may fail while the webhook acts. It does not act any more after the next one."""
SURE: Final = 3
"""So many answers in a row bring it back; twice as many with each further loss."""
SUREST: Final = 48
CALM: Final = 120
"""After so many answers in a row, an hour, earlier losses are forgotten."""
LONGEST: Final = 300
"""Characters of the API server's words that are told."""

_SOURCE: Final = re.compile(r"\S+:\d+->")
"""The near end of a connection, with a port that is another one each time."""


class Came(StrEnum):
    """How a call ended."""

    ANSWERED = "answered"
    FAILED = "failed"
    """The API server says that it did not get an answer."""
    UNASKED = "unasked"
    """It admitted or refused the request without asking."""
    UNKNOWN = "unknown"
    """It did not answer itself, so nothing is known about the webhook."""


@dataclass(frozen=True, slots=True)
class Call:
    """One of them, and why it failed."""

    came: Came
    why: str = ""

    @property
    def is_answered(self) -> bool:
        """Whether a replica of the operator was reached."""
        return self.came is Came.ANSWERED


@dataclass(frozen=True, slots=True)
class Reach:
    """What is known of it now."""

    is_reached: bool | None = True
    """None while it is being tried."""
    why: str = ""
    """Why it is not, in the API server's words."""
    is_partly: bool = False
    """Whether some calls were answered, and not enough of them."""


@dataclass(frozen=True, slots=True)
class Calls:
    """What the calls so far have shown."""

    is_reached: bool | None = None
    recent: tuple[Call, ...] = ()
    answers: int = 0
    """In a row, the last call included."""
    losses: int = 0
    is_partly: bool = False

    @property
    def reach(self) -> Reach:
        """For whoever decides by it; it says the same until something is new."""
        if self.is_reached is not False:
            return Reach(self.is_reached)
        return Reach(is_reached=False, why=_cause(self.recent), is_partly=self.is_partly)

    @property
    def pace(self) -> float:
        """In how many seconds to call again."""
        if self.is_reached is None:
            return FIRST_PACE
        if self.is_reached:
            return QUICK_PACE if _failed(self.recent) else STEADY_PACE
        return QUICK_PACE if self.answers else STEADY_PACE

    def after(self, call: Call) -> "Calls":
        """The same with one more call."""
        if call.came is Came.UNKNOWN:
            return self
        if self.is_reached is None:
            return self._tried(call)
        return self._acting(call) if self.is_reached else self._lost(call)

    def _tried(self, call: Call) -> "Calls":
        """At the beginning one answer is enough."""
        if call.is_answered:
            return Calls(is_reached=True, answers=1)
        recent = (*self.recent, call)
        return replace(
            self, recent=recent, is_reached=False if len(recent) >= FIRST_TRIES else None
        )

    def _acting(self, call: Call) -> "Calls":
        recent = (*self.recent, call)[-RECENT:]
        answers = self.answers + 1 if call.is_answered else 0
        losses = 0 if answers >= CALM else self.losses
        if _failed(recent) <= MOST_FAILED:
            return replace(self, recent=recent, answers=min(answers, CALM), losses=losses)
        is_partly = any(one.is_answered for one in _since_first_failure(recent))
        return Calls(
            is_reached=False,
            recent=tuple(one for one in recent if not one.is_answered),
            losses=losses + 1,
            is_partly=is_partly,
        )

    def _lost(self, call: Call) -> "Calls":
        if not call.is_answered:
            recent = (*self.recent, call)[-RECENT:]
            is_partly = self.is_partly or self.answers > 0
            return replace(self, recent=recent, answers=0, is_partly=is_partly)
        answers = self.answers + 1
        if answers < min(SURE * 2 ** max(self.losses - 1, 0), SUREST):
            return replace(self, answers=answers)
        return Calls(is_reached=True, answers=answers, losses=self.losses)


def _failed(calls: tuple[Call, ...]) -> int:
    return sum(not one.is_answered for one in calls)


def _since_first_failure(calls: tuple[Call, ...]) -> tuple[Call, ...]:
    first = next((at for at, one in enumerate(calls) if not one.is_answered), len(calls))
    return calls[first:]


def _cause(calls: tuple[Call, ...]) -> str:
    """The one that was told most often of late, the older of two, so that it does not change with each call."""
    said = Counter(_plain(one.why) for one in calls[-RECENT:] if one.why)
    return said.most_common(1)[0][0] if said else ""


def _plain(why: str) -> str:
    """On one line, without what is another one each time, and no longer than fits a status."""
    line = " ".join(_SOURCE.sub("", why).split())
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
