"""The process from start to end: connect, watch, lead, drain the queue, stop cleanly."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import Final

from coder_cva.apply.engine import Engine, LeadershipLostError
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action
from coder_cva.kube.connection import Connection
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.leases import Elector
from coder_cva.kube.paths import VALIDATING_WEBHOOKS
from coder_cva.kube.reflector import DEFAULT_PACE
from coder_cva.kube.teller import Teller
from coder_cva.kube.writer import Writer
from coder_cva.ports import WriteError
from coder_cva.reconcile import Outcome, Shell, greet, reconcile
from coder_cva.runtime import endpoints, looks, report
from coder_cva.runtime.admission import Admission
from coder_cva.runtime.losses import Losses
from coder_cva.runtime.observers import InBackground
from coder_cva.runtime.queue import COALESCE_SECONDS, Key, WakeQueue
from coder_cva.runtime.settings import Settings
from coder_cva.snapshot.model import Gathered
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import PROJECTIONS
from coder_cva.telemetry import metrics
from coder_cva.values.addresses import anywhere, is_remote

log = logging.getLogger(__name__)

CRASH_RETRY_SECONDS: Final = 10.0
STORM_FACTOR: Final = 4.0
LONGEST_COALESCE_SECONDS: Final = 5.0
"""A pass may have been long because the API server, or this process, stood still for a while."""

GREETING_SECONDS: Final = 1.0
"""How often, while the cluster is being read, it is looked for CoderDeployments without a status."""

NOBODY: Final[Key] = ("", "")
"""No CoderDeployment has this name: a pass over it only sweeps what those that are gone have left."""


class Operator:
    """Everything that runs, over one connection, within one event loop."""

    def __init__(self, settings: Settings, connection: Connection) -> None:
        self.settings = settings
        self.queue = WakeQueue(time.monotonic)
        self.known: set[Key] = set()
        self._losses = Losses()
        self.connection = connection
        self.gatherer = Gatherer(
            connection,
            PROJECTIONS,
            on_change=self.wake_all,
            on_nodes=self.look_at_nodes,
            pace=replace(DEFAULT_PACE, watch=settings.watch_seconds),
        )
        self.elector = Elector(connection, settings.namespace)
        self.admission = Admission(
            settings,
            connection,
            on_change=self.wake_all,
            leads=self.elector.holds,
            entries=partial(self.gatherer.owned.of, VALIDATING_WEBHOOKS),
        )
        self.observer = InBackground(
            looks.over(connection, permit=is_remote if settings.in_pod else anywhere),
            on_change=self.queue.wake,
            leads=self.elector.holds,
        )
        self.shell = self._shell()
        self._tasks: list[asyncio.Task[None]] = []
        self._pass_seconds = 0.0

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Watches, leads and works while the context is open, and serves the endpoints.

        It ends in the order in which nothing half-done is left: work, lease, watches.
        """
        async with self.gatherer.running(), self.observer.running(), self.admission.running():
            jobs = (self.elector.run(self._leadership), self._work(), self._resync())
            self._tasks = [asyncio.create_task(job) for job in jobs]
            runner = await endpoints.serve(self.settings.port, self.is_alive, self.is_ready)
            try:
                yield
            finally:
                for task in reversed(self._tasks):
                    task.cancel()
                    await asyncio.gather(task, return_exceptions=True)
                await runner.cleanup()

    def _shell(self) -> Shell:
        writer = Writer(self.connection, self.gatherer.owned.objects)
        return Shell(
            reader=self.gatherer,
            observer=self.observer,
            engine=Engine(writer, Memory(), self.elector.holds),
            teller=Teller(self.connection),
            clock=lambda: datetime.now(UTC),
            operator_namespace=self.settings.namespace,
            may_annotate_nodes=self.settings.may_annotate_nodes,
            autoscaler_namespaces=self.settings.autoscaler_namespaces,
            webhook=self.admission.webhook,
        )

    def is_alive(self) -> bool:
        """Whether every task that has to run still runs."""
        return bool(self._tasks) and all(not task.done() for task in self._tasks)

    def is_ready(self) -> bool:
        """Whether every watched kind has had its first answer, whatever it was."""
        return self.gatherer.is_synced

    def wake(self, key: Key) -> None:
        """A CoderDeployment was seen, in whatever state."""
        self.known.add(key)
        self.queue.wake(key)

    def wake_all(self) -> None:
        """Something in the cluster changed: every CoderDeployment may be concerned.

        The wait for more of it grows with what a pass costs, so that a storm of thousands of Pod
        events takes at most a fifth of the process's time.
        """
        delay = min(STORM_FACTOR * self._pass_seconds, LONGEST_COALESCE_SECONDS)
        self._wake_each(max(delay, COALESCE_SECONDS))

    def look_at_nodes(self) -> None:
        """A node changed. A loss waits for no storm: until admission knows of it, Pods are bound to what is gone."""
        reading = self.gatherer.reflectors[Need.NODES].reading()
        if isinstance(reading, Gathered) and self._losses.are_news(reading.items):
            self._wake_each(COALESCE_SECONDS)
        else:
            self.wake_all()

    def _wake_each(self, delay: float) -> None:
        for key in self.known | self.gatherer.keys():
            self.queue.wake(key, delay)

    def _leadership(self, leads: bool) -> None:  # noqa: FBT001 - the elector's callback
        metrics.leading(leads=leads)
        if leads:
            # What another replica wrote meanwhile is nobody's meddling.
            self.shell.engine.memory.told.clear()
        else:
            self.observer.stop()
            metrics.stand_by()
        log.info("this replica leads" if leads else "this replica leads no longer; it only watches")
        self.queue.wake(NOBODY)
        self.wake_all()

    async def _greet(self) -> None:
        """Until the cluster has been read, a first status for whoever has none."""
        synced = asyncio.create_task(self.gatherer.synced())
        try:
            while not synced.done():
                if self.elector.holds():
                    await self._greeted()
                await asyncio.wait({synced}, timeout=GREETING_SECONDS)
        finally:
            synced.cancel()
            await asyncio.gather(synced, return_exceptions=True)

    async def _greeted(self) -> None:
        try:
            await greet(self.shell)
        except (WriteError, LeadershipLostError) as error:
            log.debug("no first status could be told: %s", error)
        except Exception:
            log.exception("telling a first status crashed; it is tried again")

    async def _work(self) -> None:
        await self._greet()
        await self.admission.known()
        log.info("the cluster has been read")
        while True:
            key = await self.queue.next()
            if not self.elector.holds():
                continue
            started = time.monotonic()
            outcome = await self._pass(key)
            self._pass_seconds = time.monotonic() - started
            if key != NOBODY:
                metrics.reconciled(*key, outcome.word, self._pass_seconds)
            self._settle(key, outcome)

    async def _pass(self, key: Key) -> Outcome:
        """One pass; whatever goes wrong in it is an outcome, because the worker must not die."""
        try:
            return await reconcile(key, self.shell)
        except LeadershipLostError:
            return Outcome("not-leading", {})
        except WriteError as error:
            log.warning("%s/%s: %s: %s", *key, error.reason, error)
            return Outcome("failed", {}, retry_after=error.retry_after)
        except Exception:
            log.exception("%s/%s: a pass crashed; it is tried again", *key)
            return Outcome("failed", {}, retry_after=CRASH_RETRY_SECONDS)

    def _settle(self, key: Key, outcome: Outcome) -> None:
        report.told(key, outcome, self._readable(), leads=self.elector.holds())
        if not outcome.is_looked_after:
            self.observer.forget(key)
        if outcome.word == "gone":
            self.known.discard(key)
            self.queue.forget(key)
        elif outcome.word == "failed":
            self.queue.failed(key, outcome.retry_after)
        else:
            self._look_again(key, outcome)

    def _look_again(self, key: Key, outcome: Outcome) -> None:
        """After a pass that came to its end; what it could not write makes it a failure all the same."""
        if outcome.status:
            # It may have come while the pass before this one looked at its namesake that went.
            self.known.add(key)
        refused = [one for one in outcome.changes if one.action is Action.FAILED]
        if refused:
            self.queue.failed(key, min(one.retry_after or 0.0 for one in refused))
        else:
            self.queue.succeeded(key)
        if outcome.retry_after is not None:
            self.queue.wake(key, outcome.retry_after)

    def _readable(self) -> dict[str, bool]:
        reflectors = self.gatherer.reflectors.items()
        return {need.value: isinstance(one.reading(), Gathered) for need, one in reflectors}

    async def _resync(self) -> None:
        """Dates in a spec pass without an event, and a deletion may go unseen while we look away."""
        while True:
            with contextlib.suppress(WriteError):
                for body in await self.gatherer.deployments():
                    self.wake((body["metadata"]["namespace"], body["metadata"]["name"]))
            self.queue.wake(NOBODY)
            self.wake_all()
            await asyncio.sleep(self.settings.resync_seconds)
