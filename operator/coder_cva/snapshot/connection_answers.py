"""What is said of a connection: the view of each end, and the answer that both give together."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

from coder_cva.snapshot.three_valued import Truth, all_of

Direction: TypeAlias = Literal["egress", "ingress"]


@dataclass(frozen=True, slots=True)
class Side:
    """One end's view: whether it lets the connection through, why, and which policies isolate it.

    ``possible`` is None where it cannot be told.
    """

    direction: Direction
    possible: Truth
    why: str
    policies: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Answer:
    """The views of the ends that are Pods; the connection is possible where all let it through."""

    sides: tuple[Side, ...]

    @property
    def possible(self) -> Truth:
        """False where an end closes it, None where an end cannot be told, else True."""
        return all_of(one.possible for one in self.sides)

    @property
    def deciding(self) -> tuple[Side, ...]:
        """The ends by which the answer is what it is."""
        return tuple(one for one in self.sides if one.possible is self.possible)

    @property
    def why(self) -> str:
        """The reason in words."""
        return "; ".join(one.why for one in self.deciding)

    @property
    def policies(self) -> tuple[str, ...]:
        """The policies on which it hangs, ``namespace/name``, sorted."""
        return tuple(sorted({name for one in self.deciding for name in one.policies}))


def best(answers: Iterable[Answer]) -> Answer:
    """The most hopeful of several answers; one way is enough. Raises ValueError where there is none."""
    found = list(answers)
    for wanted in (True, None):
        for one in found:
            if one.possible is wanted:
                return one
    if not found:
        raise ValueError("nothing was asked")
    return found[0]
