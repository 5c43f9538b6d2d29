"""What became of each object: the outcome of writing, as values."""

from dataclasses import dataclass
from enum import StrEnum

from coder_cva.values.manifest import Ref


class Action(StrEnum):
    """What was done.

    ``FOREIGN``: somebody else's object of that name, left alone. ``WAITING``: not made yet, because
    something else has to take effect first. ``WITHHELD``: could not be done, nothing depends on it, and
    it is told among what is held back. ``RELEASED``: no longer ours, or no longer bound to its
    CoderDeployment, and otherwise as it was.
    """

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    RELEASED = "released"
    EVICTED = "evicted"
    FOREIGN = "foreign"
    WAITING = "waiting"
    WITHHELD = "withheld"
    FAILED = "failed"


WRITTEN = frozenset({Action.CREATED, Action.CONFIGURED, Action.DELETED})


@dataclass(frozen=True, slots=True, order=True)
class Yielded:
    """A field that somebody set again and again, and that is left to the manager that wants it."""

    field: str
    manager: str


@dataclass(frozen=True, slots=True)
class Change:
    """The outcome for one object; ``reason`` where it failed or is foreign, ``message`` where one must say why."""

    ref: Ref
    action: Action
    reason: str = ""
    message: str = ""
    retry_after: float | None = None
    yielded: tuple[Yielded, ...] = ()
    repaired_from: tuple[str, ...] = ()
    """Managers whose edits of our fields were undone by this write."""
