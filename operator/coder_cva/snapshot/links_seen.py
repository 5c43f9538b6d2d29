"""What following the support links showed."""

from dataclasses import dataclass, field
from datetime import datetime


@dataclass(frozen=True, slots=True)
class LinkSeen:
    """One address: the status that it answered in the end, or 0 and why there was no answer.

    ``reason`` is Private where it leads to no address of the internet, which is not asked, else NotReached.
    """

    target: str
    status: int = 0
    reason: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class LinksSeen:
    """All addresses that were followed; ``words`` say why there are none."""

    links: tuple[LinkSeen, ...] = ()
    words: str = ""
    at: datetime | None = field(default=None, compare=False)
    """When they were followed."""

    def of(self, target: str) -> LinkSeen | None:
        """What was seen of an address; None where it was not followed yet."""
        return next((one for one in self.links if one.target == target), None)
