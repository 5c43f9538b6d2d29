"""The backups of coderd's database that the cluster shows: schedules of CloudNativePG, and CronJobs with a dump.

What a CronJob dumps stands in Secrets and scripts: one beside coderd, or beside its database, is taken for
a backup of it. Backups of a provider's own are not seen.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from coder_cva.rules import databases
from coder_cva.rules.databases import DATABASE
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records_databases import (
    CronJob,
    PostgresBackup,
    PostgresCluster,
    ScheduledBackup,
)
from coder_cva.snapshot.world import World
from coder_cva.values.cron import longest_gap
from coder_cva.values.moment import parsed

BACKUPS = DATABASE | {Need.CRON_JOBS, Need.SCHEDULED_BACKUPS, Need.POSTGRES_BACKUPS}
"""What seeing the backups takes."""


@dataclass(frozen=True, slots=True)
class Backup:
    """Something that backs the database up by a schedule, and its successes, the oldest first."""

    kind: str
    namespace: str
    name: str
    schedule: str
    suspended: bool
    made: datetime | None
    succeeded: tuple[datetime, ...]

    @property
    def resource(self) -> str:
        """As findings name it."""
        return f"{self.kind} {self.namespace}/{self.name}"

    @property
    def gap(self) -> timedelta | None:
        """The longest time between two runs; None where the schedule is not understood."""
        return longest_gap(self.schedule)


def backups(world: World) -> tuple[Backup, ...]:
    """All of them, those of CloudNativePG first."""
    here = databases.cluster(world)
    found = list(_scheduled(world, here)) if here is not None else []
    return (*found, *(_dump(one) for one in _dumps(world)))


def spaces(world: World) -> tuple[str, ...]:
    """The namespaces in which a dump is taken for one of this database: coderd's, and the database's own."""
    here = databases.cluster(world)
    names = {databases.home(world), *([here.meta.namespace] if here is not None else [])}
    return tuple(sorted(names))


def last_before(world: World, moment: datetime) -> datetime | None:
    """When the last backup before a moment succeeded, also one that somebody took by hand."""
    here = databases.cluster(world)
    done = [
        *(at for one in backups(world) for at in one.succeeded),
        *(_successes(world, here) if here is not None else ()),
    ]
    return max((at for at in done if at <= moment), default=None)


def _scheduled(world: World, cluster: PostgresCluster) -> Iterator[Backup]:
    space, done = cluster.meta.namespace, _successes(world, cluster)
    schedules: tuple[ScheduledBackup, ...] = world.snapshot.within(Need.SCHEDULED_BACKUPS, space)
    for one in schedules:
        if one.cluster == cluster.meta.name:
            made = parsed(one.meta.created)
            name = one.meta.name
            yield Backup("ScheduledBackup", space, name, one.schedule, one.suspended, made, done)


def _successes(world: World, cluster: PostgresCluster) -> tuple[datetime, ...]:
    """When backups of a Cluster succeeded, whatever asked for them."""
    found: tuple[PostgresBackup, ...] = world.snapshot.within(
        Need.POSTGRES_BACKUPS, cluster.meta.namespace
    )
    ends = [one.succeeded for one in found if one.cluster == cluster.meta.name]
    return _moments(cluster.last_backup, *ends)


def _dumps(world: World) -> Iterator[CronJob]:
    for space in spaces(world):
        yield from (one for one in world.snapshot.within(Need.CRON_JOBS, space) if one.dumps)


def _dump(job: CronJob) -> Backup:
    return Backup(
        "CronJob",
        job.meta.namespace,
        job.meta.name,
        job.schedule,
        job.suspended,
        parsed(job.meta.created),
        _moments(job.last_success),
    )


def _moments(*texts: str) -> tuple[datetime, ...]:
    return tuple(sorted({at for at in map(parsed, texts) if at is not None}))
