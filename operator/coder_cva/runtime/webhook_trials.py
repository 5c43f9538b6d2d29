"""The leader tries again and again whether the API server gets through to the webhook, while there is an entry for it.

The entry is written with all else (desired/webhook_probe.py): where none is wanted there is none, and nobody is
asked. What the trials came to is at hand for the passes, and another pass follows when it is something else.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Final

from coder_cva.desired import webhook_probe
from coder_cva.kube import webhook_trial
from coder_cva.kube.connection import Connection
from coder_cva.snapshot.webhook import Webhook
from coder_cva.snapshot.webhook_calls import Calls, Came
from coder_cva.telemetry import metrics
from coder_cva.values.manifest import ref_of

log = logging.getLogger(__name__)

LOOK_SECONDS: Final = 0.5
"""How often it is looked whether there is an entry, and whether it is another one."""
KNOWN_AFTER: Final = 1.0
"""Seconds until the API server acts by an entry that is new or was changed."""


class Trials:
    """What is known, and the task that keeps it known. ``entries`` are our webhook configurations as watched."""

    def __init__(
        self,
        connection: Connection,
        entries: Callable[[], tuple[Mapping[str, Any], ...]],
        *,
        leads: Callable[[], bool],
        on_change: Callable[[], None],
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._connection = connection
        self._entries = entries
        self._leads = leads
        self._on_change = on_change
        self._pause = pause
        self._caller: str | None = None
        self._calls = Calls()
        self._entry: Mapping[str, Any] | None = None
        self._due = 0.0

    def completed(self, webhook: Webhook) -> Webhook:
        """The same, with who calls on trial and what came of it."""
        return replace(
            webhook,
            caller=self._caller,
            reach=self._calls.reach,
            is_known=webhook.is_known and self._caller is not None,
        )

    async def run(self) -> None:
        """Tries until it is cancelled."""
        while True:
            await self.turn()
            await self._pause(LOOK_SECONDS)
            self._due -= LOOK_SECONDS

    async def turn(self) -> None:
        """One look, and a call where one is due."""
        if not self._leads():
            self._look_at(None)
            return
        if self._caller is None:
            await self._learn()
        self._look_at(self._first())
        if self._entry is None or self._due > 0:
            return
        await self._try(self._entry)
        self._due = self._calls.pace

    def _first(self) -> Mapping[str, Any] | None:
        found = [one for one in self._entries() if webhook_probe.is_probe(ref_of(one))]
        return min(found, key=ref_of, default=None)

    def _look_at(self, entry: Mapping[str, Any] | None) -> None:
        """An entry that came or was changed is tried soon; without one nothing is known any more."""
        if entry == self._entry:
            return
        self._entry, self._due = entry, KNOWN_AFTER
        if entry is None:
            self._become(Calls())

    async def _learn(self) -> None:
        known = await webhook_trial.caller(self._connection)
        if known is not None and known != self._caller:
            self._caller = known
            self._on_change()

    async def _try(self, entry: Mapping[str, Any]) -> None:
        began = time.monotonic()
        call = await webhook_trial.call(self._connection, *webhook_probe.deployment_of(entry))
        took = time.monotonic() - began
        if not self._leads():
            return
        metrics.probed(call.came.value, took if call.is_answered else None)
        if not call.is_answered:
            # What is known already is no news in a log.
            level = logging.DEBUG if self._calls.is_reached is False else logging.INFO
            log.log(
                level, "the webhook was tried, and not reached: %s: %s", call.came.value, call.why
            )
        self._become(self._calls.after(call))
        if call.came is Came.UNASKED:
            # Somebody else's credentials may have come into use: the entry knows us by our name.
            await self._learn()

    def _become(self, calls: Calls) -> None:
        before, self._calls = self._calls, calls
        if calls.reach == before.reach:
            return
        metrics.webhook_reached(is_reached=calls.is_reached)
        if calls.is_reached is not None and calls.is_reached != before.is_reached:
            _tell(calls)
        self._on_change()


def _tell(calls: Calls) -> None:
    if calls.is_reached:
        log.info("the API server gets through to the webhook")
    else:
        log.warning("the API server does not get through to the webhook: %s", calls.reach.why)
