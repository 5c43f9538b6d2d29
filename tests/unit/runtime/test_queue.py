"""The queue coalesces wake-ups, backs off, and never loses a key."""

from __future__ import annotations

import asyncio

from coder_cva.runtime.queue import BACKOFF_LIMIT, WakeQueue

KEY = ("coder", "coder")
OTHER = ("emea", "coder")


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


async def taken(queue: WakeQueue) -> tuple[str, str] | None:
    """The next key if one is due now."""
    try:
        return await asyncio.wait_for(queue.next(), 0.02)
    except TimeoutError:
        return None


async def test_a_storm_is_one_pass() -> None:
    """A thousand wake-ups of one key are one pass."""
    clock = Clock()
    queue = WakeQueue(clock)
    for _ in range(1000):
        queue.wake(KEY)
    clock.now = 1.0

    assert await taken(queue) == KEY
    assert await taken(queue) is None


async def test_a_wake_up_during_a_pass_is_not_lost() -> None:
    """What happens while a pass runs makes the key due again."""
    clock = Clock()
    queue = WakeQueue(clock)
    queue.wake(KEY, 0)
    assert await taken(queue) == KEY

    queue.wake(KEY, 0)

    assert await taken(queue) == KEY


async def test_an_earlier_moment_wins() -> None:
    """A look in ten minutes does not hold up a look now."""
    clock = Clock()
    queue = WakeQueue(clock)
    queue.wake(KEY, 600)
    queue.wake(KEY, 0)

    assert await taken(queue) == KEY


async def test_the_first_due_comes_first() -> None:
    """Keys come in the order in which they are due."""
    clock = Clock()
    queue = WakeQueue(clock)
    queue.wake(KEY, 2)
    queue.wake(OTHER, 1)
    clock.now = 3

    assert [await taken(queue), await taken(queue)] == [OTHER, KEY]


async def test_failures_back_off_within_bounds() -> None:
    """The wait grows with each failure in a row, stops at its limit, and begins anew after a success."""
    clock = Clock()
    queue = WakeQueue(clock)
    waits = []
    for _ in range(12):
        queue.failed(KEY, None)
        waits.append(queue._due[KEY].at - clock.now)
        queue._due.clear()
    queue.succeeded(KEY)
    queue.failed(KEY, None)

    assert waits == sorted(waits)
    assert waits[-1] == BACKOFF_LIMIT
    assert queue._due[KEY].at - clock.now == waits[0]
