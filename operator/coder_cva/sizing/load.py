"""A tier and the load on it in, how the two fit out: outgrown, about to be, larger than needed (CVA-GEN-003)."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction
from typing import Final

from coder_cva.catalogue.model import Architectures, Limits, Tier

NEAR: Final = Fraction(80, 100)
"""From this part of any limit on a tier is about to be outgrown: time to order machines."""
NEAR_NO_MORE: Final = Fraction(75, 100)
"""Below this part of every limit it no longer is: load that goes up and down tells nothing twice."""


class Fit(StrEnum):
    """How a tier fits its load."""

    FITS = "Fits"
    NEARLY_OUTGROWN = "AboutToOutgrow"
    OUTGROWN = "Outgrown"
    OVERSIZED = "Oversized"
    """A smaller tier would hold the load, and be no nearer to its limits than ``NEAR``."""


@dataclass(frozen=True, slots=True)
class Load:
    """How many users there are, and how many workspaces and builds at once; None where nobody knows."""

    users: int | None = None
    workspaces: int | None = None
    builds: int | None = None
    is_whole: bool = False
    """Whether it is the most that is expected, and not just what runs at this moment."""

    def against(self, limits: Limits) -> Iterator[tuple[str, int, int]]:
        """What is known of it, each with its limit: what it is, how many, how many at most."""
        figures = (
            ("users", self.users, limits.users),
            ("workspaces", self.workspaces, limits.workspaces),
            ("builds", self.builds, limits.builds),
        )
        for what, count, most in figures:
            if count is not None:
                yield what, count, most


@dataclass(frozen=True, slots=True)
class Fitting:
    """How they fit, the figures that say so in words, and the tier that would fit where there is one."""

    fit: Fit
    reasons: tuple[str, ...] = ()
    better: str = ""


def fitting(tier: Tier, tables: Architectures, load: Load, was: str = "") -> Fitting:
    """How the tier fits the load; ``was`` is the fit that was told last, for the hysteresis.

    The first limit that is exceeded decides. Oversized is said only where the load is known as a whole:
    a tier that looks too large on a Sunday night may not be.
    """
    over = _beyond(load, tier.limits)
    if over:
        return Fitting(Fit.OUTGROWN, over, _smallest(tables, load))
    bound = NEAR_NO_MORE if was == Fit.NEARLY_OUTGROWN else NEAR
    near = _reaching(load, tier.limits, bound)
    if near:
        return Fitting(Fit.NEARLY_OUTGROWN, near, _next(tables, tier))
    for smaller in tables.tiers[: tables.tiers.index(tier)] if load.is_whole else ():
        if not _reaching(load, smaller.limits, NEAR):
            return Fitting(Fit.OVERSIZED, _figures(load, smaller.limits), smaller.name)
    return Fitting(Fit.FITS, _figures(load, tier.limits))


def _smallest(tables: Architectures, load: Load) -> str:
    """The smallest tier that holds the load; "" where none does."""
    holding = (one.name for one in tables.tiers if not _beyond(load, one.limits))
    return next(holding, "")


def _next(tables: Architectures, tier: Tier) -> str:
    larger = tables.tiers[tables.tiers.index(tier) + 1 :]
    return larger[0].name if larger else ""


def _beyond(load: Load, limits: Limits) -> tuple[str, ...]:
    return tuple(
        f"{count:,} {what} are more than its {most:,}"
        for what, count, most in load.against(limits)
        if count > most
    )


def _reaching(load: Load, limits: Limits, part: Fraction) -> tuple[str, ...]:
    return tuple(
        f"{count:,} of {most:,} {what} are {count * 100 // most} %"
        for what, count, most in load.against(limits)
        if count >= most * part
    )


def _figures(load: Load, limits: Limits) -> tuple[str, ...]:
    return tuple(f"{count:,} of {most:,} {what}" for what, count, most in load.against(limits))
