"""What a look at the database saw, for tests, from a few words."""

from __future__ import annotations

import base64
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from coder_cva.kube.connection import Answer, NoAnswer
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


class OneSecret:
    """A connection to a cluster in which there is one Secret, with this URL; None is a connection that breaks."""

    def __init__(self, url: str) -> None:
        encoded = base64.b64encode(url.encode()).decode()
        self.answer: Answer | None = Answer(200, {"data": {"url": encoded}})

    async def request(self, *_: Any) -> Answer:
        """The Secret, or what was set in its place."""
        if self.answer is None:
            raise NoAnswer("it is gone")
        return self.answer
