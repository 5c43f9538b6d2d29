"""What is kept of databases that the cluster itself runs, and of what backs one up."""

from dataclasses import dataclass

from coder_cva.snapshot.records import Meta


@dataclass(frozen=True, slots=True)
class PostgresCluster:
    """A Cluster of CloudNativePG: its instances, and what each of them has; 0 for what is not said.

    ``last_backup`` is the end of the last backup that succeeded, as its status has it (RFC 3339), else "".
    """

    meta: Meta
    instances: int = 1
    cpu_millicores: int = 0
    memory_bytes: int = 0
    storage_bytes: int = 0
    last_backup: str = ""


@dataclass(frozen=True, slots=True)
class PostgresBackup:
    """A Backup of CloudNativePG: of which Cluster of its namespace, and when it succeeded, "" while it has not."""

    meta: Meta
    cluster: str
    succeeded: str = ""


@dataclass(frozen=True, slots=True)
class ScheduledBackup:
    """A ScheduledBackup of CloudNativePG: of which Cluster of its namespace, and when (six fields of cron)."""

    meta: Meta
    cluster: str
    schedule: str = ""
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class CronJob:
    """A CronJob. ``dumps`` is the word by which it looks like a dump of PostgreSQL, "" where it does not."""

    meta: Meta
    schedule: str = ""
    suspended: bool = False
    last_success: str = ""
    dumps: str = ""
