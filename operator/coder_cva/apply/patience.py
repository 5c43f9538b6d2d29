"""Who fights is outlasted: the same write again and again becomes rare, and is told.

Fields that another manager holds have a rule of their own (memory.py). This is for what no conflict
shows: an object that somebody deletes each time it is made, one that somebody makes each time it is
deleted, one that is changed under our own name, as by a second operator of another version.
"""

from collections.abc import Hashable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

WINDOW: Final = timedelta(hours=1)
AT_ONCE: Final = 2
"""So often within the window a write is repeated at once; after that it is repeated rarely."""
PAUSE: Final = timedelta(minutes=20)


@dataclass(slots=True)
class Patience:
    """When each repetition was made."""

    times: dict[Hashable, list[datetime]] = field(default_factory=dict)

    def left(self, what: Hashable, now: datetime) -> timedelta | None:
        """How long the next repetition has to wait; None where it may be made now."""
        fresh = self._fresh(what, now)
        if len(fresh) < AT_ONCE:
            return None
        remaining = fresh[-1] + PAUSE - now
        return remaining if remaining > timedelta() else None

    def count(self, what: Hashable, now: datetime) -> int:
        """How often it was repeated within the window."""
        return len(self._fresh(what, now))

    def note(self, what: Hashable, now: datetime) -> None:
        """It is repeated now."""
        self.times[what] = [*self._fresh(what, now), now]

    def forget(self, what: Hashable) -> None:
        """What comes next is no repetition."""
        self.times.pop(what, None)

    def _fresh(self, what: Hashable, now: datetime) -> list[datetime]:
        fresh = [one for one in self.times.get(what, ()) if now - one < WINDOW]
        if not fresh:
            self.times.pop(what, None)
        return fresh
