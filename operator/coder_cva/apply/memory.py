"""What the engine remembers between two passes; losing it costs a dry run an object, nothing else."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from coder_cva.apply.patience import Patience
from coder_cva.desired.changes import Yielded
from coder_cva.ports import FieldOwner
from coder_cva.values.manifest import Ref

LEFT_AT: Final = 3
"""A field that others set for the third time in an hour is left to them and reported with their name."""
QUARREL_WINDOW: Final = timedelta(hours=1)
"""How long a retake counts, and how long a field is left before the count begins anew."""


@dataclass(frozen=True, slots=True)
class Left:
    """A field that is not applied, because these managers hold it; since when."""

    managers: tuple[str, ...]
    since: datetime


@dataclass(slots=True)
class Memory:
    """Settled pairs (what we render, what is live), and the quarrels over single fields."""

    settled: dict[Ref, tuple[str, str]] = field(default_factory=dict)
    retakes: dict[tuple[Ref, str], list[datetime]] = field(
        default_factory=lambda: defaultdict(list)
    )
    left: dict[tuple[Ref, str], Left] = field(default_factory=dict)

    armed: datetime | None = None
    """When an admission policy or binding was last created or changed by this process."""
    awaiting: dict[str, datetime] = field(default_factory=dict)
    """By the UID of a CoderDeployment since when it is being tried whether a webhook can place its Pods."""
    patience: Patience = field(default_factory=Patience)
    there: dict[Ref, str] = field(default_factory=dict)
    """Objects that were seen to be there, and were not deleted by us since, with their owner's UID."""
    gone: dict[Ref, str] = field(default_factory=dict)
    """Objects that we deleted, with their UID."""
    told: dict[str, str] = field(default_factory=dict)
    """By the UID of a CoderDeployment a digest of the status that this process wrote last."""

    def is_settled(self, ref: Ref, rendered: str, live: str) -> bool:
        """Whether this rendering was already seen to change nothing in this live object."""
        return self.settled.get(ref) == (rendered, live)

    def is_rendered(self, ref: Ref, rendered: str) -> bool:
        """Whether this very rendering was in force when the object was looked at last."""
        return self.settled.get(ref, ("",))[0] == rendered

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
                Yielded(path, manager)
                for (of, path), left in self.left.items()
                if of == ref
                for manager in left.managers
            )
        )

    def stay_theirs(self, ref: Ref, owners: Iterable[FieldOwner], now: datetime) -> frozenset[str]:
        """Which of the fields that others hold against us now are left to them; the rest may be retaken.

        ``owners`` are all of the conflict of one apply, () where there was none: a field that was
        left and that nobody holds against us any more is ours again.
        """
        self._expire(now)
        held: defaultdict[str, set[str]] = defaultdict(set)
        for one in owners:
            held[one.field].add(one.manager)
        for of, path in list(self.left):
            if of == ref and path not in held:
                del self.left[of, path]
        for path, managers in held.items():
            known = self.left.get((ref, path))
            if known is not None or len(self.retakes.get((ref, path), ())) + 1 >= LEFT_AT:
                since = known.since if known is not None else now
                self.left[ref, path] = Left(tuple(sorted(managers)), since)
                self.retakes.pop((ref, path), None)
        return frozenset(path for path in held if (ref, path) in self.left)

    def retaken(self, ref: Ref, owners: Iterable[FieldOwner], now: datetime) -> None:
        """Notes that these fields were taken back; one that several managers held counts once."""
        for path in {one.field for one in owners}:
            self.retakes[ref, path].append(now)

    def taken_back(self, ref: Ref, path: str, now: datetime) -> int:
        """How often a field was set by us within the last hour."""
        self._expire(now)
        return len(self.retakes.get((ref, path), ()))

    def _expire(self, now: datetime) -> None:
        for key, times in list(self.retakes.items()):
            fresh = [one for one in times if now - one < QUARREL_WINDOW]
            if fresh:
                self.retakes[key] = fresh
            else:
                del self.retakes[key]
        for key, left in list(self.left.items()):
            if now - left.since >= QUARREL_WINDOW:
                del self.left[key]
