"""The guard on a pool: what was seen of it in, how firmly Pods are bound to it out (placement: Auto).

Clauses: CVA-NODE-003, CVA-NODE-005. A pool that cannot take Pods is preferred at once. One that can take
them again is required only when that has lasted: a node that comes and goes must not bind in its good
moments the Pods that it then lets wait.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.values import moment

REQUIRED: Final = "Required"
PREFERRED: Final = "Preferred"
LASTING: Final = timedelta(seconds=30)
"""How long a pool must take Pods before it is required again: three of a kubelet's reports, one every ten
seconds (nodeStatusUpdateFrequency)."""


@dataclass(frozen=True, slots=True)
class Word:
    """The mode, why, and since when a pool that is still preferred can take Pods again."""

    mode: str
    why: str
    since: datetime | None = None


def by_choice_or_unread(
    pool: NodePool, unread: list[str], before: Mapping[str, Any]
) -> Word | None:
    """The word where nothing that is seen in the pool matters; None where it does.

    What cannot be seen flips nothing: the mode stays as it was. The first one is the harmless one.
    """
    if pool.placement != "Auto":
        return Word(pool.placement, f"{pool.placement}, as the spec says")
    if unread:
        known = before.get("mode")
        mode = known if known in (REQUIRED, PREFERRED) else PREFERRED
        return Word(mode, f"{', '.join(unread)} cannot be read, so it stays {mode}")
    return None


def returning(
    word: Word, requirements: list[dict[str, Any]], before: Mapping[str, Any], now: datetime
) -> Word:
    """The same, but a pool that was only preferred until now stays so until it has taken Pods for a while.

    Another pool than before, and one of which nothing was said yet, is required at once.
    """
    is_back = word.mode == REQUIRED and before.get("mode") == PREFERRED
    if not is_back or before.get("requirements") != requirements:
        return word
    since = moment.parsed(before.get("steadySince") or "") or now
    if now - since >= LASTING:
        return word
    why = f"the pool can take Pods again, and is required once that has lasted {LASTING.seconds} s"
    return Word(PREFERRED, why, since)


def wait(placed: Mapping[str, Any], now: datetime) -> list[float]:
    """In how many seconds pools that are coming back are due, which no watch tells."""
    parts = (placed.get(name) or {} for name in ("controlPlane", "workspaces"))
    found = (moment.parsed(one.get("steadySince") or "") for one in parts)
    return [max((since + LASTING - now).total_seconds(), 0.0) for since in found if since]
