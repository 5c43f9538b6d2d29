"""Truths of which some cannot be told: True, False, or None (Kleene's strong logic)."""

from collections.abc import Iterable
from typing import TypeAlias

Truth: TypeAlias = bool | None
"""True, False, or None where it cannot be told."""


def all_of(truths: Iterable[Truth]) -> Truth:
    """False where one is False, else None where one cannot be told, else True."""
    found = set(truths)
    return False if False in found else None if None in found else True


def any_of(truths: Iterable[Truth]) -> Truth:
    """True where one is True, else None where one cannot be told, else False."""
    found = set(truths)
    return True if True in found else None if None in found else False


def agreed(truths: Iterable[Truth]) -> Truth:
    """What all possible worlds agree on; None where they differ, or one of them cannot tell.

    Raises ValueError where there is no world.
    """
    found = set(truths)
    if not found:
        raise ValueError("no world was asked")
    return found.pop() if len(found) == 1 else None
