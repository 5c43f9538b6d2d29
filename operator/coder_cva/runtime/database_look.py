"""The look at the database: Secret, URL, measurement, and what is made of it beside what was seen before."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Protocol

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.kube import secrets
from coder_cva.kube.connection import Connection
from coder_cva.postgres import probe
from coder_cva.postgres.faults import Unmeasured
from coder_cva.postgres.probe import Measured
from coder_cva.snapshot import database_history as history
from coder_cva.snapshot.database_seen import DatabaseSeen, Fault
from coder_cva.telemetry import metrics
from coder_cva.values import postgres_url
from coder_cva.values.postgres_url import NotAUrl, PostgresUrl

TICK_SECONDS: Final = 5.0
"""How often it is seen whether a look is due; when it is, the CoderDeployment says."""


class Measure(Protocol):
    """How a database is measured."""

    def __call__(self, url: PostgresUrl, *, rounds: int) -> Awaitable[Measured]:
        """One look. Raises Unmeasured."""
        ...


class DatabaseLook:
    """Implements the protocol of looks for ``Observations.database``."""

    part = "database"
    interval = TICK_SECONDS

    def __init__(
        self,
        connection: Connection,
        *,
        elsewhere: bool = False,
        measure: Measure = probe.measure,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._connection = connection
        self._elsewhere = elsewhere
        self._measure = measure
        self._clock = clock

    async def look(self, deployment: CoderDeployment, before: Any) -> DatabaseSeen | None:
        """What is seen now; what was seen last while no look is due, None where none is asked for."""
        asked = deployment.spec.database.probe if deployment.spec.database is not None else None
        if asked is None or not asked.enabled or _has_none(deployment):
            metrics.database_round_trip(deployment.namespace, deployment.name, None)
            return None
        now = self._clock()
        known = before if isinstance(before, DatabaseSeen) else None
        if known is not None and not _is_due(known, deployment, asked.interval_seconds, now):
            return known
        seen = await self._seen(deployment, known or DatabaseSeen())
        measured = None if seen.latest_ms is None else seen.latest_ms / 1000
        metrics.database_round_trip(deployment.namespace, deployment.name, measured)
        return replace(seen, at=now, generation=deployment.generation, elsewhere=self._elsewhere)

    async def _seen(self, deployment: CoderDeployment, before: DatabaseSeen) -> DatabaseSeen:
        try:
            url = await self._url(deployment)
            rounds = history.LOOKS if before.pace.slow is None else 1
            return self._beside(before, await self._measure(url, rounds=rounds))
        except Unmeasured as error:
            # What was measured stays: one refused look makes no slow database a fast one.
            return replace(before, fault=error.fault, message=error.message, latest_ms=None)

    async def _url(self, deployment: CoderDeployment) -> PostgresUrl:
        database = deployment.spec.database
        ref = database.url_secret_ref if database is not None else None
        if ref is None:
            raise Unmeasured(Fault.UNNAMED, "no Secret with a connection URL is named")
        found = await secrets.value(self._connection, deployment.namespace, ref.name, ref.key)
        if found.problem:
            raise Unmeasured(Fault.UNREAD, found.problem)
        try:
            return postgres_url.parse(found.value)
        except NotAUrl as error:
            where = f"the Secret {deployment.namespace}/{ref.name} under {ref.key}"
            raise Unmeasured(
                Fault.NOT_A_URL, f"what stands in {where} is no URL: {error}"
            ) from None

    def _beside(self, before: DatabaseSeen, measured: Measured) -> DatabaseSeen:
        """A measurement, laid beside those before it."""
        now, server = self._clock(), measured.server
        pace = before.pace if before.where in ("", measured.where) else DatabaseSeen().pace
        for median in measured.medians_ms:
            pace = history.settle(pace, median)
        latest, sizes = measured.medians_ms[-1], before.sizes
        growth = None
        if server.size is not None:
            sizes = history.remembered(sizes, server.size, now)
            growth = history.growth(sizes, server.size, now)
        return DatabaseSeen(
            fault=Fault.STANDBY if server.in_recovery else None,
            message="the server is in recovery: it takes no writes" if server.in_recovery else "",
            where=measured.where,
            median_ms=history.told(before.median_ms, latest, pace),
            latest_ms=latest,
            pace=pace,
            server=server,
            pooler=measured.pooler,
            told_size=history.two_digits(server.size),
            told_growth=history.two_digits(growth),
            sizes=sizes,
        )


def _has_none(deployment: CoderDeployment) -> bool:
    """A region has no database of its own."""
    return deployment.spec.control_plane.management == "None"


def _is_due(seen: DatabaseSeen, deployment: CoderDeployment, seconds: int, now: datetime) -> bool:
    if seen.at is None or seen.generation != deployment.generation:
        return True
    return now - seen.at >= timedelta(seconds=seconds)
