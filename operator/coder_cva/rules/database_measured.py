"""What a measurement says about the clauses of the database whose rules look at other things too.

CVA-DB-001 (what coderd is connected to), CVA-DB-003 (used space and growth), CVA-DB-004 (who follows). Without a
measurement they say nothing: whoever asks must not take that for a pass.
"""

from dataclasses import dataclass
from typing import Final

from coder_cva.rules import database_faults
from coder_cva.rules.model import Finding
from coder_cva.snapshot.database_seen import DatabaseSeen, Fault, Pooler
from coder_cva.snapshot.world import World

OLDEST: Final = 13
"""The oldest major version that Coder supports. Source: Coder's requirements, PostgreSQL 13 or later."""
_FULL: Final = 0.8
_DAYS: Final = 30
"""Ours: the architecture names no figure for how full a disk may be, or how soon it fills."""


@dataclass(frozen=True, slots=True)
class MeasuredSize:
    """The size of Coder's database and its growth a day, in bytes, as far as they are known."""

    size: int
    growth: int | None


def measured(world: World) -> DatabaseSeen | None:
    """What the last look saw of a server that answered; None where there was none.

    A standby answers, and is none that coderd can use: what it says of itself counts all the same.
    """
    seen = world.observed.database
    return seen if seen is not None and seen.fault in (None, Fault.STANDBY) else None


def subject(seen: DatabaseSeen) -> str:
    """The database as findings name it: ``Database db.example.com:5432/coder``."""
    return f"Database {seen.where}"


def findings_server(world: World) -> list[Finding]:
    """For CVA-DB-001: a version that Coder does not support, a transaction pooler, a standby."""
    seen = measured(world)
    if seen is None:
        return []
    found = [_version(seen), _pooler(seen), _standby(seen)]
    return [one for one in found if one is not None]


def size(world: World) -> MeasuredSize | None:
    """For CVA-DB-003: the measured size; None where there is none."""
    seen = measured(world)
    if seen is None or seen.told_size is None:
        return None
    return MeasuredSize(seen.told_size, seen.told_growth)


def findings_storage(world: World, capacity: int) -> list[Finding]:
    """For CVA-DB-003: a disk of this many bytes that is nearly full, or soon will be."""
    seen, known = measured(world), size(world)
    if seen is None or known is None:
        return []
    left = capacity - known.size
    fills = known.growth is not None and known.growth > 0 and left < known.growth * _DAYS
    if known.size <= _FULL * capacity and not fills:
        return []
    grows = "" if known.growth is None else f", growing by {_amount(known.growth)} a day"
    return [
        Finding(
            "CVA-DB-003",
            subject(seen),
            "storage",
            f"a fifth of {_amount(capacity)} free, and room for {_DAYS} days of growth",
            f"{_amount(known.size)} in this one database{grows}",
            "enlarge the disk of the database, then spec.database.declared.storage; what is never deleted is told "
            "by CODER_AUDIT_LOGS_RETENTION and its like, whose default keeps everything",
        )
    ]


def is_replicated(world: World) -> bool | None:
    """For CVA-DB-004: True where a server follows this one, or it follows another; None where that is not seen.

    Never False: a cloud keeps its second server where no view of PostgreSQL shows it.
    """
    seen = measured(world)
    if seen is not None and (seen.server.replicas or seen.server.in_recovery):
        return True
    return None


def _version(seen: DatabaseSeen) -> Finding | None:
    major = seen.server.major
    if major is None or major >= OLDEST:
        return None
    return Finding(
        "CVA-DB-001",
        subject(seen),
        "server_version",
        f"PostgreSQL {OLDEST} or later",
        f"PostgreSQL {seen.server.version}",
        "upgrade the server (pg_upgrade, or a dump into a newer one) after a backup, while coderd is scaled to none",
    )


def _pooler(seen: DatabaseSeen) -> Finding | None:
    if seen.pooler is not Pooler.TRANSACTION:
        return None
    return Finding(
        "CVA-DB-001",
        subject(seen),
        "pool_mode",
        "a session of its own for each connection: coderd listens to notifications (LISTEN) on it",
        "a pooler that gives one session to several clients (transaction pooling)",
        "name the server itself in the connection URL, or set pool_mode = session for this database in the pooler",
    )


def _standby(seen: DatabaseSeen) -> Finding | None:
    if not seen.server.in_recovery:
        return None
    return Finding(
        "CVA-DB-001",
        subject(seen),
        "pg_is_in_recovery()",
        "a server that takes writes",
        "a standby",
        database_faults.remedy(Fault.STANDBY),
    )


def _amount(count: int) -> str:
    return f"{count / 2**30:,.1f} GiB" if count >= 2**30 else f"{count / 2**20:,.0f} MiB"
