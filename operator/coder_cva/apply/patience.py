"""Who fights is outlasted: the same write again and again becomes rare, and is told.

Fields that another manager holds have a rule of their own (memory.py). This is for what no conflict
shows: an object that somebody deletes each time it is made, one that somebody makes each time it is
deleted, one that is changed under our own name, as by a second operator of another version.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from coder_cva.values.manifest import Ref

WINDOW: Final = timedelta(hours=1)
AT_ONCE: Final = 2
"""So often within the window a write is repeated at once; after that it is repeated rarely."""
PAUSES: Final = tuple(timedelta(minutes=one) for one in (1, 10, 20))
"""How long it waits then, ever longer: a third mistake is soon mended, and a fight costs a few writes an hour."""


@dataclass(frozen=True, slots=True)
class Quarrel:
    """What is repeated: a word for it, of which object (None for the status), and for whose owner (a UID).

    The owner "" is that of what no edit ends, because the edits are what fights.
    """

    what: str
    ref: Ref | None
    owner: str


@dataclass(slots=True)
class Patience:
    """When each repetition was made."""

    times: dict[Quarrel, list[datetime]] = field(default_factory=dict)
    generations: dict[str, int] = field(default_factory=dict)
    """By UID the generation of each CoderDeployment as it was looked at last."""

    def looked_at(self, owner: str, generation: int) -> None:
        """Whoever edits a CoderDeployment wants it in force now: nothing waits that was repeated before."""
        if self.generations.get(owner) != generation:
            self.times = {one: at for one, at in self.times.items() if one.owner != owner}
        self.generations[owner] = generation

    def left(self, what: Quarrel, now: datetime) -> timedelta | None:
        """How long the next repetition has to wait; None where it may be made now."""
        fresh = self._fresh(what, now)
        if len(fresh) < AT_ONCE:
            return None
        pause = PAUSES[min(len(fresh) - AT_ONCE, len(PAUSES) - 1)]
        remaining = fresh[-1] + pause - now
        return remaining if remaining > timedelta() else None

    def count(self, what: Quarrel, now: datetime) -> int:
        """How often it was repeated within the window."""
        return len(self._fresh(what, now))

    def note(self, what: Quarrel, now: datetime) -> None:
        """It is repeated now."""
        self.times[what] = [*self._fresh(what, now), now]

    def forget(self, what: Quarrel) -> None:
        """What comes next is no repetition."""
        self.times.pop(what, None)

    def _fresh(self, what: Quarrel, now: datetime) -> list[datetime]:
        fresh = [one for one in self.times.get(what, ()) if now - one < WINDOW]
        if not fresh:
            self.times.pop(what, None)
        return fresh
