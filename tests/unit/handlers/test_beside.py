"""kopf beside the operator: its end is not ours."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import kopf
import pytest

from coder_cva.handlers.beside import Beside
from support.api_server import until

if TYPE_CHECKING:
    from collections.abc import Callable


class Kopf:
    """Stands for `kopf.operator`: fails as often as it is told to, then runs until it is stopped."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.starts: list[int] = []
        self.stops = 0

    async def __call__(self, *, stop_flag: asyncio.Event, **_: Any) -> None:
        self.starts.append(threading.get_ident())
        if len(self.starts) <= self.failures:
            # What kopf does to its loop when it fails.
            for task in asyncio.all_tasks() - {asyncio.current_task()}:
                task.cancel()
            raise RuntimeError("404 page not found")
        await stop_flag.wait()
        self.stops += 1


@pytest.fixture
def play(monkeypatch: pytest.MonkeyPatch) -> Callable[[Kopf], Beside]:
    """Puts a stand-in into kopf's place."""

    def played(stand_in: Kopf) -> Beside:
        monkeypatch.setattr(kopf, "operator", stand_in)
        return Beside(kopf.OperatorRegistry(), [0.01] * 50)

    return played


async def test_it_runs_in_a_thread_of_its_own_and_ends_with_the_context(
    play: Callable[[Kopf], Beside],
) -> None:
    """Stopped as kopf wants to be stopped, and no thread is left."""
    stand_in = Kopf()
    before = set(threading.enumerate())

    async with play(stand_in).running():
        await until(lambda: stand_in.starts)

    assert stand_in.starts != [threading.get_ident()]
    assert stand_in.stops == 1
    left = [one.name for one in threading.enumerate() if one not in before]
    assert "kopf" not in left
    assert len(left) <= 1  # the pool's thread that waited for the end


async def test_its_failures_touch_no_task_of_ours(play: Callable[[Kopf], Beside]) -> None:
    """It is started again and again, while what runs in our loop runs on."""
    stand_in = Kopf(failures=3)
    ours = asyncio.create_task(asyncio.sleep(60))

    async with play(stand_in).running():
        await until(lambda: len(stand_in.starts) == 4)
        assert not ours.done()

    assert stand_in.stops == 1
    ours.cancel()


async def test_an_end_at_once_is_an_end(play: Callable[[Kopf], Beside]) -> None:
    """Left before kopf was even started, nothing is started that nobody stops."""
    stand_in = Kopf()

    async with asyncio.timeout(120):
        async with play(stand_in).running():
            pass

    assert len(stand_in.starts) == stand_in.stops
