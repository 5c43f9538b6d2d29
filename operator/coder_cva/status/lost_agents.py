"""Agents that coderd has lost while their Pods are Ready: only Coder itself knows of them (spec.coderAPI).

It counts them over all of Coder, and some are always missed: a Pod that was evicted, a workspace whose agent
crashed. So what is told is a rise above the most that Coder missed in the hour before, by more than one in a
hundred of the workspaces that run.
"""

from itertools import pairwise
from typing import Final

from coder_cva.rules import coder_word
from coder_cva.snapshot.world import World

_CHURN: Final = 100
"""One in so many running workspaces is no news."""


def before(world: World) -> int | None:
    """How many agents Coder misses at most, as far as it was looked at; None where that was not seen.

    At two looks in a row, as those that it misses now are counted: a restart of coderd an hour ago hides nothing.
    """
    seen = coder_word.seen(world)
    missed = coder_word.value(seen.lost_agents)
    if missed is None:
        return None
    return max((missed, *(min(pair) for pair in pairwise(seen.lost_lately))))


def is_known(world: World) -> bool:
    """Whether Coder says how many it misses now."""
    return coder_word.value(coder_word.seen(world).lost_agents) is not None


def risen(world: World, known: int | None) -> int | None:
    """How many it misses now, where that is more than so many and more than churn; else None."""
    seen = coder_word.seen(world)
    missed = coder_word.value(seen.lost_agents)
    if known is None or missed is None:
        return None
    running = coder_word.value(seen.running_workspaces)
    churn = (world.running_workspaces if running is None else running) // _CHURN
    return missed if missed > known + churn else None
