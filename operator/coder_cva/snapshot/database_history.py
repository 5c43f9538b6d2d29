"""Looks at a database in the order of time: when it counts as slow, how it grows, what is told anew.

Pure: the time of a look comes with it.
"""

import math
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from coder_cva.snapshot.database_seen import Pace, Size

LIMIT_MS: Final = 10.0
"""Round trips that take as long are slow. Source: CVA-DB-006, under 10 ms."""
CLEARLY_FAST_MS: Final = 9.0
"""A database that was slow is not until it is clearly below the limit."""
LOOKS: Final = 2
"""So many looks in a row have to say the other thing."""
KEPT_SIZES: Final = 48
BETWEEN_SIZES: Final = timedelta(hours=1)
WATCHED: Final = timedelta(hours=6)
"""No growth is told of a shorter time: one day would be many times what was seen."""
_NOTABLE: Final = 0.2


def settle(before: Pace, median_ms: float) -> Pace:
    """Whether the database is slow after one more measurement."""
    if before.slow:
        return _turned(before, says_other=median_ms < CLEARLY_FAST_MS)
    if median_ms < LIMIT_MS:
        return Pace(slow=False)
    return _turned(before, says_other=True)


def _turned(before: Pace, *, says_other: bool) -> Pace:
    against = before.against + 1 if says_other else 0
    return Pace(not before.slow) if against >= LOOKS else Pace(before.slow, against)


def told(before: float | None, now: float, pace: Pace) -> float:
    """The median as it is told: what was told stands while the new one is about the same and fits the verdict."""
    if (
        before is not None
        and _fits(before, pace)
        and abs(now - before) <= max(0.5, _NOTABLE * before)
    ):
        return before
    return round(now, 1)


def _fits(median_ms: float, pace: Pace) -> bool:
    return median_ms >= CLEARLY_FAST_MS if pace.slow else median_ms < LIMIT_MS


def remembered(sizes: Sequence[Size], size: int, now: datetime) -> tuple[Size, ...]:
    """The sizes with the one of now, if an hour has gone by; the oldest are forgotten."""
    if sizes and now - sizes[-1].at < BETWEEN_SIZES:
        return tuple(sizes)
    return (*sizes, Size(now, size))[-KEPT_SIZES:]


def growth(sizes: Sequence[Size], size: int, now: datetime) -> int | None:
    """Bytes a day since the oldest size that is known; None where that is too short a time."""
    if not sizes or now - sizes[0].at < WATCHED:
        return None
    days = (now - sizes[0].at) / timedelta(days=1)
    return round((size - sizes[0].bytes) / days)


def two_digits(amount: int | None) -> int | None:
    """An amount as it is told: 8,123,456 as 8,100,000, so that it does not move with every look."""
    if not amount:
        return amount
    unit = 10 ** max(0, math.floor(math.log10(abs(amount))) - 1)
    return int(round(amount / unit) * unit)
