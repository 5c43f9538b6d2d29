"""What the engine remembers between two passes; losing it costs a dry run an object, nothing else."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from coder_cva.desired.changes import Yielded
from coder_cva.ports import FieldOwner
from coder_cva.values.manifest import Ref

RETAKES_ALLOWED: Final = 3
RETAKE_WINDOW: Final = timedelta(hours=1)
"""A field retaken three times in an hour is left and reported with its manager's name."""


@dataclass(slots=True)
class Memory:
    """Settled pairs (what we render, what is live) and how often a field was taken back."""

    settled: dict[Ref, tuple[str, str]] = field(default_factory=dict)
    retakes: dict[tuple[Ref, Yielded], list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )

    armed: datetime | None = None
    """When an admission policy or binding was last created or changed by this process."""

    def is_settled(self, ref: Ref, rendered: str, live: str) -> bool:
        """Whether this rendering was already seen to change nothing in this live object."""
        return self.settled.get(ref) == (rendered, live)

    def settle(self, ref: Ref, rendered: str, live: str) -> None:
        """Remembers that applying this rendering leaves the live object as it is."""
        self.settled[ref] = (rendered, live)

    def forget(self, ref: Ref) -> None:
        """The object is gone or its state unknown: look again next time."""
        self.settled.pop(ref, None)

    def yields(self, ref: Ref, now: datetime) -> tuple[Yielded, ...]:
        """The fields that are left to their managers at this time, sorted."""
        self._expire(now)
        return tuple(
            sorted(
                field
                for (of, field), times in self.retakes.items()
                if of == ref and len(times) >= RETAKES_ALLOWED
            )
        )

    def retaken(self, ref: Ref, owners: tuple[FieldOwner, ...], now: datetime) -> None:
        """Notes that these managers hold fields of ours, which are about to be taken back."""
        for owner in owners:
            self.retakes[ref, Yielded(owner.field, owner.manager)].append(now)

    def _expire(self, now: datetime) -> None:
        for key, times in list(self.retakes.items()):
            fresh = [one for one in times if now - one < RETAKE_WINDOW]
            if fresh:
                self.retakes[key] = fresh
            else:
                del self.retakes[key]
