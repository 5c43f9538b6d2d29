"""The queue of CoderDeployments that are due: coalesced, with back-off, drained by the leader alone."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

COALESCE_SECONDS: Final = 0.1
"""How long a first wake-up waits for others: a storm of Pod events becomes a handful of passes."""
BACKOFF_FIRST: Final = 1.0
BACKOFF_LIMIT: Final = 60.0

Key = tuple[str, str]
"""Namespace and name."""


@dataclass(slots=True)
class _Row:
    """Failures one after the other, and when the next try is due."""

    count: int
    until: float


@dataclass
class WakeQueue:
    """Keys with the moment at which they are due. ``now`` is a monotonic clock in seconds."""

    now: Callable[[], float]
    _due: dict[Key, float] = field(default_factory=dict)
    _failures: dict[Key, _Row] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def wake(self, key: Key, delay: float = COALESCE_SECONDS) -> None:
        """Makes a key due after a delay in seconds; an earlier moment that stands already is kept."""
        at = self.now() + delay
        known = self._due.get(key)
        if known is None or at < known:
            self._due[key] = at
            self._changed.set()

    def failed(self, key: Key, retry_after: float | None) -> None:
        """Makes a key due again with back-off; ``retry_after`` is the error's own least wait.

        A pass that was woken before its next try was due is none: however many events come by, the
        wait grows with the tries alone, and is not put off by them.
        """
        now, row = self.now(), self._failures.get(key)
        early = row is not None and now < row.until
        count = 1 if row is None else row.count + (not early)
        backoff = min(BACKOFF_FIRST * 2 ** min(count - 1, 10), BACKOFF_LIMIT)
        wait = max(backoff, retry_after or 0.0) if count > 1 else retry_after or backoff
        until = min(now + wait, row.until) if row is not None and early else now + wait
        self._failures[key] = _Row(count, until)
        self.wake(key, until - now)

    def succeeded(self, key: Key) -> None:
        """Ends a row of failures."""
        self._failures.pop(key, None)

    def forget(self, key: Key) -> None:
        """The CoderDeployment is gone. A wake-up that came meanwhile stands: it may be there again."""
        self._failures.pop(key, None)

    async def next(self) -> Key:
        """The next key that is due; waits until there is one."""
        while True:
            self._changed.clear()
            if self._due:
                key, at = min(self._due.items(), key=lambda one: (one[1], one[0]))
                wait = at - self.now()
                if wait <= 0:
                    del self._due[key]
                    return key
            else:
                wait = None
            await self._pause(wait)

    async def _pause(self, wait: float | None) -> None:
        try:
            async with asyncio.timeout(wait):
                await self._changed.wait()
        except TimeoutError:
            return
