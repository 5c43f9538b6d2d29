"""The queue coalesces wake-ups, backs off, and never loses a key."""

from __future__ import annotations

import asyncio

import pytest

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


def due_in(queue: WakeQueue, clock: Clock) -> float:
    """In how many seconds the key is due."""
    return queue._due[KEY] - clock.now


async def test_failures_back_off_within_bounds() -> None:
    """The wait grows with each failure in a row, stops at its limit, and begins anew after a success."""
    clock = Clock()
    queue = WakeQueue(clock)
    waits = []
    for _ in range(12):
        queue.failed(KEY, None)
        waits.append(due_in(queue, clock))
        clock.now += waits[-1]
        assert await taken(queue) == KEY
    queue.succeeded(KEY)
    queue.failed(KEY, None)

    assert waits == sorted(waits)
    assert waits[-1] == BACKOFF_LIMIT
    assert due_in(queue, clock) == waits[0]


async def test_an_error_that_says_when_is_believed_at_first_and_never_hurried() -> None:
    """What asks for one second is tried after one, then ever later; what asks for five minutes has them."""
    clock = Clock()
    queue = WakeQueue(clock)
    waits: dict[float, list[float]] = {0.5: [], 300.0: []}
    for asked, found in waits.items():
        for _ in range(9):
            queue.failed(KEY, asked)
            found.append(due_in(queue, clock))
            clock.now += found[-1]
            await taken(queue)
        queue.succeeded(KEY)

    assert waits == {0.5: [0.5, 2, 4, 8, 16, 32, 60, 60, 60], 300.0: [300.0] * 9}


async def test_a_storm_makes_no_failure_of_many() -> None:
    """Passes that events woke before the next try was due neither put it off nor lengthen the wait."""
    clock = Clock()
    queue = WakeQueue(clock)
    queue.failed(KEY, 1.0)
    for _ in range(20):
        clock.now += 0.02
        queue.failed(KEY, 1.0)

    assert due_in(queue, clock) == pytest.approx(0.6)
    clock.now = 1.0
    assert await taken(queue) == KEY
    queue.failed(KEY, 1.0)
    assert due_in(queue, clock) == 2.0


async def test_a_quicker_error_is_not_held_up_by_an_earlier_one() -> None:
    """After a refusal that waits for a minute, one that asks for a second is tried after a second."""
    clock = Clock()
    queue = WakeQueue(clock)
    queue.failed(KEY, 60.0)
    clock.now = 5.0
    queue._due.clear()

    queue.failed(KEY, 1.0)

    assert due_in(queue, clock) == 1.0


async def test_an_event_wakes_in_the_midst_of_a_long_wait() -> None:
    """Back-off is for what no watch tells: an event makes the key due at once."""
    clock = Clock()
    queue = WakeQueue(clock)
    for _ in range(8):
        queue.failed(KEY, None)
        clock.now += due_in(queue, clock)
        await taken(queue)
    queue.failed(KEY, None)
    queue.wake(KEY, 0)

    assert await taken(queue) == KEY
    assert await taken(queue) is None


async def test_what_comes_again_while_it_goes_is_not_lost() -> None:
    """Applied anew during the pass that finds it gone: that pass's end must not swallow the event."""
    clock = Clock()
    queue = WakeQueue(clock)
    queue.wake(KEY, 0)
    assert await taken(queue) == KEY

    queue.wake(KEY, 0)
    queue.forget(KEY)

    assert await taken(queue) == KEY
    assert await taken(queue) is None


@pytest.mark.parametrize("steps", range(6))
async def test_an_end_that_meets_a_wake_up_is_an_end(steps: int) -> None:
    """Cancelled at whatever step of a wake-up, the one who waits ends, and the process with it."""
    queue = WakeQueue(Clock())
    queue.wake(OTHER, 200.0)
    waiting = asyncio.create_task(queue.next())
    await asyncio.sleep(0)
    queue.wake(KEY, 100.0)
    for _ in range(steps):
        await asyncio.sleep(0)

    waiting.cancel()

    with pytest.raises(asyncio.CancelledError):
        async with asyncio.timeout(60):
            await waiting
