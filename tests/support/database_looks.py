"""What a look at the database saw, for tests, from a few words."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coder_cva.snapshot.database_seen import DatabaseSeen, Fault, Pace, Pooler, Server

if TYPE_CHECKING:
    from collections.abc import Mapping

WHERE = "db.example.com:5432/coder"
SERVER = Server(
    version="16.4",
    version_number=160_004,
    max_connections=100,
    reserved_connections=3,
    in_recovery=False,
    replicas=0,
    tls=True,
    schema_version=394,
    connections=12,
    size=8_000_000_000,
)


def seen(said: Mapping[str, Any] | None = None) -> DatabaseSeen:
    """A fast server of today, with what is said laid over it.

    ``fault``, ``message``, ``median_ms``, ``slow``, ``pooler``, ``size``, ``growth``, and the fields of Server.
    """
    words = dict(said or {})
    fault, pooler = words.pop("fault", None), words.pop("pooler", "none")
    found = DatabaseSeen(
        fault=Fault(fault) if fault else None,
        message=words.pop("message", ""),
        where=words.pop("where", WHERE),
        median_ms=words.pop("median_ms", 1.2),
        pace=Pace(slow=words.pop("slow", False)),
        pooler=Pooler(pooler) if pooler else None,
        told_size=words.pop("size", 8_000_000_000),
        elsewhere=words.pop("elsewhere", False),
        told_growth=words.pop("growth", None),
    )
    return replace(found, server=replace(SERVER, **words))
