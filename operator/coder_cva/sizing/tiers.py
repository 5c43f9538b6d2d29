"""The figures of a spec in, the tier that they lead to out (CVA-GEN-003)."""

from dataclasses import dataclass

from coder_cva.api.v1alpha1.spec import Architecture
from coder_cva.catalogue.model import Architectures, Limits, Tier


@dataclass(frozen=True, slots=True)
class Choice:
    """The tier, what exceeds its limits, and how it was chosen, in words."""

    tier: Tier
    exceeded: tuple[str, ...]
    step: str


def choose(architecture: Architecture, tables: Architectures) -> Choice:
    """The tier that the spec names, else the smallest that holds every figure, else the largest.

    More than any one limit means the next tier. A tier that is named is kept, with what exceeds it.
    """
    edition = f"edition {tables.edition}"
    if architecture.tier is not None:
        named = tables.tier(architecture.tier)
        exceeded = exceeding(architecture, named.limits)
        step = f"Tier {named.name} of {edition}: as spec.architecture.tier says ({named.source})"
        return Choice(named, exceeded, step + _but(exceeded))
    said = ", ".join(f"{count:,} {what}" for what, count in _figures(architecture))
    for tier in tables.tiers:
        if not exceeding(architecture, tier.limits):
            limits = _limits(tier.limits)
            step = f"Tier {tier.name} of {edition}: {said} are within {limits} ({tier.source})"
            return Choice(tier, (), step)
    largest = tables.tiers[-1]
    exceeded = exceeding(architecture, largest.limits)
    step = f"Tier {largest.name} of {edition}: the largest there is ({largest.source})"
    return Choice(largest, exceeded, step + _but(exceeded))


def exceeding(architecture: Architecture, limits: Limits) -> tuple[str, ...]:
    """The figures above their limits, in words; a figure that is not said exceeds nothing."""
    return tuple(
        f"{count:,} {what} are more than its {getattr(limits, what):,}"
        for what, count in _figures(architecture)
        if count > getattr(limits, what)
    )


def _figures(architecture: Architecture) -> tuple[tuple[str, int], ...]:
    """The figures that the spec says, by the limits that they are compared with."""
    said = (
        ("users", architecture.users),
        ("workspaces", architecture.concurrent_workspaces),
        ("builds", architecture.concurrent_builds),
    )
    return tuple((what, count) for what, count in said if count is not None)


def _limits(limits: Limits) -> str:
    return f"{limits.users:,} users, {limits.workspaces:,} workspaces and {limits.builds:,} builds"


def _but(exceeded: tuple[str, ...]) -> str:
    return f"; but {' and '.join(exceeded)}" if exceeded else ""
