"""What a server says of itself; what it does not say, or the user may not see, stays None."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

import asyncpg

from coder_cva.postgres.session import Session
from coder_cva.snapshot.database_seen import Server

_SETTINGS: Final = """
SELECT current_setting('server_version'), current_setting('server_version_num')::int,
       current_setting('max_connections')::int,
       current_setting('superuser_reserved_connections')::int
       + coalesce(current_setting('reserved_connections', true)::int, 0),
       pg_is_in_recovery()
"""
_CONNECTIONS: Final = "SELECT count(*)::int FROM pg_stat_activity WHERE datname IS NOT NULL"
_REPLICAS: Final = (
    "SELECT count(*)::int FROM pg_stat_replication"
    " WHERE coalesce(state, 'streaming') IN ('streaming', 'catchup')"
)
"""A base backup stands there too. Whoever may not see the state sees that there is somebody."""
_SIZE: Final = "SELECT pg_database_size(current_database())::bigint"
_HAS_SCHEMA: Final = "SELECT to_regclass('schema_migrations') IS NOT NULL"
_SCHEMA: Final = "SELECT version::bigint, dirty FROM schema_migrations LIMIT 1"
"""The table in which Coder's migrations note how far they have come."""
_LONGEST: Final = 32
"""Of a version as it is told. What a server says is taken for what it was asked for, whatever it says."""


async def read(session: Session) -> Server:
    """Everything that is known of the server behind this session."""
    found: dict[str, Any] = {"tls": session.tls}
    for part in (_settings, _connections, _replicas, _size, _schema):
        found |= await _tolerant(part, session)
    return Server(**found)


async def _tolerant(
    part: Callable[[Session], Awaitable[dict[str, Any]]], session: Session
) -> dict[str, Any]:
    """Nothing where the server refuses: one right that is missing hides no other answer."""
    try:
        return await part(session)
    except (asyncpg.PostgresError, TypeError, ValueError, OverflowError):
        return {}


async def _settings(session: Session) -> dict[str, Any]:
    version, number, most, reserved, in_recovery = await session.row(_SETTINGS)
    return {
        "version": str(version).partition(" ")[0][:_LONGEST],
        "version_number": int(number),
        "max_connections": int(most),
        "reserved_connections": int(reserved),
        "in_recovery": bool(in_recovery),
    }


async def _connections(session: Session) -> dict[str, Any]:
    (count,) = await session.row(_CONNECTIONS)
    return {"connections": int(count)}


async def _replicas(session: Session) -> dict[str, Any]:
    (count,) = await session.row(_REPLICAS)
    return {"replicas": int(count)}


async def _size(session: Session) -> dict[str, Any]:
    (size,) = await session.row(_SIZE)
    return {"size": int(size)}


async def _schema(session: Session) -> dict[str, Any]:
    (is_there,) = await session.row(_HAS_SCHEMA)
    if not is_there:
        return {}
    version, dirty = await session.row(_SCHEMA)
    return {"schema_version": int(version), "schema_dirty": bool(dirty)}
