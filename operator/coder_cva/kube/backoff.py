"""How long to wait before the next try: longer with each failure, never in step with others."""

from collections.abc import Callable
from dataclasses import dataclass
from random import SystemRandom
from typing import Final

CHANCE: Final = SystemRandom().random
"""The chance of a real process; tests bring their own."""


@dataclass(slots=True)
class Backoff:
    """Exponential, jittered. ``chance`` gives numbers in [0, 1); all times are seconds."""

    chance: Callable[[], float]
    first: float = 0.5
    longest: float = 30.0
    failures: int = 0

    def reset(self) -> None:
        """After a success."""
        self.failures = 0

    def next(self) -> float:
        """The pause after one more failure: between half of it and all of it, never above longest."""
        pause = min(self.longest, self.first * 2.0 ** min(self.failures, 16))
        self.failures += 1
        return pause * (0.5 + self.chance() / 2)
