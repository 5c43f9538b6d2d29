"""Nodes and equal replicas in, how many find room out: the arithmetic of a static pool (CVA-CTL-002)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from coder_cva.values.quantity import byte_text, cpu_text

_MEBIBYTE: Final = 1024**2


@dataclass(frozen=True, slots=True)
class Amount:
    """CPU in millicores, memory in bytes, and Pods."""

    cpu: int = 0
    memory: int = 0
    pods: int = 0

    def plus(self, other: "Amount") -> "Amount":
        """Both together."""
        return Amount(self.cpu + other.cpu, self.memory + other.memory, self.pods + other.pods)

    def minus(self, other: "Amount") -> "Amount":
        """What is left without the other; negative where it is more."""
        return Amount(self.cpu - other.cpu, self.memory - other.memory, self.pods - other.pods)

    def holds(self, replica: "Amount") -> int:
        """How many replicas fit into it; a replica is one Pod at least."""
        pairs = ((self.cpu, replica.cpu), (self.memory, replica.memory), (self.pods, replica.pods))
        return max(0, min(have // asked for have, asked in pairs if asked))

    @property
    def text(self) -> str:
        """CPU and memory in words, the memory to the mebibyte below."""
        return f"{cpu_text(self.cpu)} CPU and {byte_text(self.memory // _MEBIBYTE * _MEBIBYTE)}"


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the pool: what it has, and what of it Pods other than coderd's request."""

    name: str
    whole: Amount
    others: Amount


@dataclass(frozen=True, slots=True)
class Question:
    """How many replicas of which size have to find room on a pool."""

    replicas: int
    replica: Amount
    apart: bool = False
    """Whether each needs a node of its own."""
    spare: bool = False
    """Whether they have to find it with one node less, whichever that is."""

    def room(self, place: Place, others: Amount | None = None) -> int:
        """How many find room on a node beside the Pods that are there, or beside others."""
        taken = place.others if others is None else others
        held = place.whole.minus(taken).holds(self.replica)
        return min(held, 1) if self.apart else held

    def held(self, rooms: Sequence[int]) -> int:
        """How many of all find room, by the room of each node."""
        return sum(rooms) - (max(rooms, default=0) if self.spare else 0)

    def lacking(self, rooms: Sequence[int], one_more: int) -> int:
        """How many further nodes with room for ``one_more``, at least one, it takes."""
        count = 0
        while self.held([*rooms, *[one_more] * count]) < self.replicas:
            count += 1
        return count


def everywhere(places: Sequence[Place]) -> Amount:
    """What others request on every node alike, at most: such as the Pods of DaemonSets."""
    return Amount(
        min(one.others.cpu for one in places),
        min(one.others.memory for one in places),
        min(one.others.pods for one in places),
    )
