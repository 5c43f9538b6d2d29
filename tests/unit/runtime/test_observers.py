"""Looks beside the cluster's API: at once for a report, in the background for the operator."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.runtime import observers
from coder_cva.runtime.observers import AtOnce, InBackground
from support import builders
from support.api_server import until
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.api.v1alpha1.resource import CoderDeployment

KEY = ("coder", "coder")


@dataclass(frozen=True)
class Seen:
    """Stands for Observations, with a part of the test's own."""

    it: Any = None
    other: Any = None


def shown(seen: Any) -> Any:
    """That part."""
    return seen.it


@dataclass
class Look:
    """Sees what it is told to see; the last of it again and again."""

    script: list[Any]
    part: str = "it"
    interval: float = 1.0
    asked: list[tuple[int, Any]] = field(default_factory=list)

    async def look(self, deployment: CoderDeployment, before: Any) -> Any:
        """The next of the script; an exception is raised."""
        self.asked.append((deployment.generation, before))
        seen = self.script.pop(0) if len(self.script) > 1 else self.script[0]
        if isinstance(seen, Exception):
            raise seen
        return seen


class Pauses:
    """Pauses that end when the test says so."""

    def __init__(self) -> None:
        self.asked: list[float] = []
        self.over = asyncio.Event()

    async def __call__(self, seconds: float) -> None:
        """One pause."""
        self.asked.append(seconds)
        await self.over.wait()
        self.over.clear()


@pytest.fixture(autouse=True)
def _parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(observers, "Observations", Seen)


def deployment(generation: int = 1, uid: str | None = None) -> CoderDeployment:
    """A CoderDeployment of that generation."""
    body = builders.live(adopted("coder"))
    body["metadata"]["generation"] = generation
    if uid:
        body["metadata"]["uid"] = uid
    return builders.coder_deployment(body)


async def test_a_report_waits_for_every_look() -> None:
    """All are asked, without a memory."""
    look = Look([7])

    seen = await AtOnce([look]).observations(deployment())

    assert shown(seen) == 7
    assert look.asked == [(1, None)]


async def test_a_pass_never_waits_and_is_followed_by_another() -> None:
    """Nothing is known at first; the key is told when a look saw something, and not when it saw the same."""
    pauses, told = Pauses(), list[Any]()
    observer = InBackground([Look([7, 7, 8])], on_change=told.append, pause=pauses, patience=0)
    async with observer.running():
        assert shown(await observer.observations(deployment())) is None
        await until(lambda: len(pauses.asked) == 1)
        assert shown(await observer.observations(deployment())) == 7
        assert told == [KEY]
        pauses.over.set()
        await until(lambda: len(pauses.asked) == 2)
        assert told == [KEY]
        pauses.over.set()
        await until(lambda: len(pauses.asked) == 3)

        assert shown(await observer.observations(deployment())) == 8
    assert told == [KEY, KEY]


async def test_the_first_pass_gives_the_first_looks_a_moment() -> None:
    """So a restart of the operator is no news; a look that crashes has answered too."""
    looks = [Look([RuntimeError("no")], "other"), Look([7])]
    observer = InBackground(looks, on_change=lambda _: None, pause=Pauses())
    async with observer.running():
        assert shown(await observer.observations(deployment())) == 7


async def test_a_changed_spec_is_looked_at_at_once() -> None:
    """No pause has to end for it, and the look knows what was seen before."""
    pauses, look = Pauses(), Look([7])
    observer = InBackground([look], on_change=lambda _: None, pause=pauses, patience=0)
    async with observer.running():
        await observer.observations(deployment(1))
        await until(lambda: len(pauses.asked) == 1)
        await observer.observations(deployment(2))
        await until(lambda: len(pauses.asked) == 2)

    assert look.asked == [(1, None), (2, 7)]


async def test_a_look_that_crashes_leaves_what_was_seen() -> None:
    """It is tried again, and not in the next seconds: each crash is a page in the log."""
    pauses, look = Pauses(), Look([7, RuntimeError("no"), 8])
    observer = InBackground([look], on_change=lambda _: None, pause=pauses, patience=0)
    async with observer.running():
        await observer.observations(deployment())
        await until(lambda: len(pauses.asked) == 1)
        pauses.over.set()
        await until(lambda: len(pauses.asked) == 2)
        assert shown(await observer.observations(deployment())) == 7
        pauses.over.set()
        await until(lambda: len(pauses.asked) == 3)

        assert shown(await observer.observations(deployment())) == 8
    assert pauses.asked == [1.0, observers.CRASH_SECONDS, 1.0]


async def test_a_report_is_made_whatever_crashes(caplog: pytest.LogCaptureFixture) -> None:
    """The other looks are told all the same, and the crash is in the log."""
    seen = await AtOnce([Look([RuntimeError("no")], "other"), Look([7])]).observations(deployment())

    assert shown(seen) == 7
    assert "a look at the other of coder/coder crashed" in caplog.text


async def test_only_who_leads_looks() -> None:
    """A replica that stands by begins none, and one whose Lease is over looks no more."""
    leads, pauses, look = [False], Pauses(), Look([7])
    observer = InBackground(
        [look], on_change=lambda _: None, leads=lambda: leads[0], pause=pauses, patience=0
    )
    async with observer.running():
        assert shown(await observer.observations(deployment())) is None
        leads[0] = True
        await observer.observations(deployment())
        await until(lambda: len(pauses.asked) == 1)
        leads[0] = False
        pauses.over.set()
        await until(lambda: len(pauses.asked) == 2)

    assert look.asked == [(1, None)]


async def test_who_leads_no_longer_forgets() -> None:
    """What was seen in an earlier term is too old to be told in the next one."""
    pauses, look = Pauses(), Look([7])
    observer = InBackground([look], on_change=lambda _: None, pause=pauses, patience=0)
    async with observer.running():
        await observer.observations(deployment())
        await until(lambda: len(pauses.asked) == 1)
        observer.stop()

        assert shown(await observer.observations(deployment())) is None
        await until(lambda: len(pauses.asked) == 2)
    assert look.asked == [(1, None), (1, None)]


async def test_a_namesake_is_another_one() -> None:
    """Nothing that was seen of the one that is gone is said of the one that came."""
    pauses, look = Pauses(), Look([7])
    observer = InBackground([look], on_change=lambda _: None, pause=pauses, patience=0)
    async with observer.running():
        await observer.observations(deployment())
        await until(lambda: len(pauses.asked) == 1)

        assert shown(await observer.observations(deployment(uid="another"))) is None
        await until(lambda: len(pauses.asked) == 2)
    assert look.asked == [(1, None), (1, None)]


async def test_what_is_gone_is_not_looked_at_any_more() -> None:
    """Its looks end, and those of all others with the operator."""
    pauses, look = Pauses(), Look([7])
    observer = InBackground([look], on_change=lambda _: None, pause=pauses, patience=0)
    async with observer.running():
        await observer.observations(deployment())
        await until(lambda: len(pauses.asked) == 1)
        observer.forget(KEY)
        observer.forget(KEY)
        pauses.over.set()
        await asyncio.sleep(0)

    assert look.asked == [(1, None)]
    assert not [one for one in asyncio.all_tasks() if one is not asyncio.current_task()]
