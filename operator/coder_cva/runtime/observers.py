"""Looks at what is not in the cluster's API: each in the background, its last result at hand.

A pass does not wait for a database or a server of somebody else: it takes what the last look saw, and
another pass follows when a look has seen something else. Only the first one gives the first looks a moment.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, Final, Protocol

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.runtime.queue import Key
from coder_cva.snapshot.observations import Observations

log = logging.getLogger(__name__)

CRASH_SECONDS: Final = 60.0
"""After a look that crashed at least so long: what crashes once mostly does so again, and is logged each time."""
PATIENCE_SECONDS: Final = 3.0
"""How long the first pass over a CoderDeployment waits for the first looks at what its spec asks for."""


class Look(Protocol):
    """One kind of look."""

    @property
    def part(self) -> str:
        """The field of Observations that it fills."""
        ...

    @property
    def interval(self) -> float:
        """Seconds from the end of one look to the next."""
        ...

    async def look(self, deployment: CoderDeployment, before: Any) -> Any:
        """What is seen now, None where the spec does not ask; ``before`` is what was seen last.

        It bounds its own time, and says in the result what went wrong.
        """
        ...


class AtOnce:
    """Every look while one waits for it: for a report that is made once."""

    def __init__(self, looks: Iterable[Look]) -> None:
        self._looks = tuple(looks)

    async def observations(self, deployment: CoderDeployment) -> Observations:
        """What is seen now, all at the same time."""
        seen = await asyncio.gather(*(self._seen(one, deployment) for one in self._looks))
        return Observations(**dict(zip((one.part for one in self._looks), seen, strict=True)))

    async def _seen(self, look: Look, deployment: CoderDeployment) -> Any:
        """What one look saw; one that crashes takes nothing from the others."""
        try:
            return await look.look(deployment, None)
        except Exception:
            log.exception("a look at the %s of %s crashed", look.part, deployment.reference)
            return None


@dataclass(frozen=True, slots=True)
class _Turn:
    """One look at one CoderDeployment, again and again."""

    look: Look
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    """The spec is another one."""
    answered: asyncio.Event = field(default_factory=asyncio.Event)
    """It has ended once, however it did."""


@dataclass(slots=True)
class _Watched:
    """One CoderDeployment that is looked after."""

    deployment: CoderDeployment
    turns: tuple[_Turn, ...]
    seen: dict[str, Any] = field(default_factory=dict)
    tasks: list[asyncio.Task[None]] = field(default_factory=list)


class InBackground:
    """The last results at hand. ``on_change`` is called with the key whose look saw something else.

    ``leads`` says whether this process may look: of several replicas one does. ``patience`` is how many
    seconds the very first pass gives the first looks: a restart of the operator is no news about a database.
    """

    def __init__(
        self,
        looks: Iterable[Look],
        *,
        on_change: Callable[[Key], None],
        leads: Callable[[], bool] = lambda: True,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self._patience = patience
        self._looks = tuple(looks)
        self._on_change = on_change
        self._leads = leads
        self._pause = pause
        self._watched: dict[Key, _Watched] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Looks while the context is open, at every CoderDeployment that was asked about."""
        try:
            yield
        finally:
            self.stop()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def observations(self, deployment: CoderDeployment) -> Observations:
        """What the last looks saw; the first ones begin now. A changed spec is looked at at once."""
        key = (deployment.namespace, deployment.name)
        known = self._watched.get(key)
        if known is not None and known.deployment.uid != deployment.uid:
            self.forget(key)
            known = None
        if known is None and not self._leads():
            return Observations()
        if known is None:
            known = self._begin(key, deployment)
            if self._patience:
                await self._first_of(known)
        elif known.deployment.generation != deployment.generation:
            known.deployment = deployment
            for turn in known.turns:
                turn.changed.set()
        return Observations(**known.seen)

    def forget(self, key: Key) -> None:
        """The CoderDeployment is gone."""
        known = self._watched.pop(key, None)
        for task in known.tasks if known is not None else ():
            task.cancel()

    def stop(self) -> None:
        """Another replica looks from now on: all looks end, and what they saw will be old when ours comes again."""
        for key in tuple(self._watched):
            self.forget(key)

    def _begin(self, key: Key, deployment: CoderDeployment) -> _Watched:
        watched = _Watched(deployment, tuple(_Turn(look) for look in self._looks))
        self._watched[key] = watched
        for turn in watched.turns:
            task = asyncio.create_task(self._keep(key, watched, turn))
            watched.tasks.append(task)
            # Those that were forgotten too: the operator waits for their end.
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return watched

    async def _first_of(self, watched: _Watched) -> None:
        """Until all have answered once, or patience is over; one that is not asked answers at once."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._patience):
                for turn in watched.turns:
                    await turn.answered.wait()

    async def _keep(self, key: Key, watched: _Watched, turn: _Turn) -> None:
        look = turn.look
        while True:
            turn.changed.clear()
            # The Lease may be lost before anybody could tell.
            wait = await self._once(key, watched, look) if self._leads() else look.interval
            turn.answered.set()
            await self._wait(wait, turn.changed)

    async def _once(self, key: Key, watched: _Watched, look: Look) -> float:
        """One look; in how many seconds the next one is due."""
        before = watched.seen.get(look.part)
        try:
            seen = await look.look(watched.deployment, before)
        except Exception:
            # A fault of ours: what was seen last stands, and the next look may do better.
            log.exception("%s/%s: a look at its %s crashed", *key, look.part)
            return max(look.interval, CRASH_SECONDS)
        watched.seen[look.part] = seen
        if seen != before:
            self._on_change(key)
        return look.interval

    async def _wait(self, seconds: float, changed: asyncio.Event) -> None:
        """Until the time is over, or the spec is another one."""
        waits = [
            asyncio.ensure_future(self._pause(seconds)),
            asyncio.ensure_future(changed.wait()),
        ]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
