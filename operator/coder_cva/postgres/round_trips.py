"""How long the way to the server and back takes: several times the smallest question, and the median."""

import statistics
import time
from typing import Final

from coder_cva.postgres.faults import Unmeasured
from coder_cva.postgres.session import Session
from coder_cva.snapshot.database_seen import Fault

SAMPLES: Final = 11
FEWEST: Final = 5
_TRIES: Final = 4 * SAMPLES
ROUND_SECONDS: Final = 3.0
"""A round ends then, with the samples that it has: a very slow server is measured too."""
_QUIET: Final = 0.25
_NEGLIGIBLE: Final = 0.002


async def median_ms(session: Session) -> float:
    """The median of a round, in milliseconds. Raises Unmeasured where nothing could be measured."""
    kept: list[float] = []
    tries = 0
    end = time.perf_counter() + ROUND_SECONDS
    while len(kept) < SAMPLES and tries < _TRIES and (tries < FEWEST or time.perf_counter() < end):
        elapsed, busy = await _sample(session)
        tries += 1
        if busy < max(_NEGLIGIBLE, _QUIET * elapsed):
            kept.append(elapsed)
    if len(kept) < min(FEWEST, tries):
        raise Unmeasured(
            Fault.BUSY, "the operator's own process had no quiet moment in which to measure"
        )
    return statistics.median(kept) * 1000


async def _sample(session: Session) -> tuple[float, float]:
    """Seconds of one round trip, and how long this process was computing meanwhile."""
    began, computed = time.perf_counter(), time.process_time()
    await session.connection.execute("SELECT 1")
    return time.perf_counter() - began, time.process_time() - computed
