"""One look at a database: a connection URL in, what was measured out, within a bounded time."""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Final

from coder_cva.postgres import facts, pooler, round_trips
from coder_cva.postgres.faults import Unmeasured, of_login
from coder_cva.postgres.greeting import allowed
from coder_cva.postgres.session import Session, opened
from coder_cva.snapshot.database_seen import Fault, Pooler, Server
from coder_cva.values.addresses import Permit, anywhere
from coder_cva.values.postgres_url import PostgresUrl

LOOK_SECONDS: Final = 15.0
_REST_SECONDS: Final = 4.0
"""For what the server says of itself, and for what stands between; the measurement does not wait for it."""
_WRITABLE: Final = frozenset({"read-write", "primary"})


@dataclass(frozen=True, slots=True)
class Measured:
    """What one look has measured."""

    where: str
    medians_ms: tuple[float, ...]
    """Of each round, in the order of time."""
    server: Server
    pooler: Pooler | None


def place(url: PostgresUrl, host: str, port: int) -> str:
    """Where a database is, in words: ``host:5432/coder``."""
    return f"[{host}]:{port}/{url.database}" if ":" in host else f"{host}:{port}/{url.database}"


async def measure(url: PostgresUrl, *, rounds: int = 1, permit: Permit = anywhere) -> Measured:
    """The first of the URL's servers that answers as it asks. Raises Unmeasured where none does.

    Servers whose addresses are not permitted are not asked.
    """
    try:
        async with asyncio.timeout(LOOK_SECONDS):
            return await _first(url, rounds, permit)
    except TimeoutError:
        raise Unmeasured(
            Fault.TOO_SLOW, f"the look was not over after {LOOK_SECONDS:g} seconds"
        ) from None


async def _first(url: PostgresUrl, rounds: int, permit: Permit) -> Measured:
    problem: Unmeasured | None = None
    standby: Measured | None = None
    for host, port in url.hosts:
        try:
            await allowed(host, port, permit)
            found = await _server(url, host, port, rounds)
        except Unmeasured as error:
            at = place(url, host, port)
            problem = problem or Unmeasured(error.fault, f"{at}: {error.message}")
        else:
            if url.target not in _WRITABLE or not found.server.in_recovery:
                return found
            standby = standby or found
    if standby is not None:
        return standby
    raise problem or Unmeasured(Fault.NO_ROUTE, "no server is named")


async def _server(url: PostgresUrl, host: str, port: int, rounds: int) -> Measured:
    async with opened(url, host, port) as session:
        try:
            medians = [await round_trips.median_ms(session) for _ in range(rounds)]
        except Unmeasured:
            raise
        except Exception as error:  # noqa: BLE001 - the driver raises errors of many families
            raise of_login(error, encrypted=session.tls) from None
        server, between = Server(tls=session.tls), None
        # Whatever it is: what is not told by a server that behaves oddly stays unknown.
        with contextlib.suppress(Exception):
            async with asyncio.timeout(_REST_SECONDS):
                server = await facts.read(session)
                between = await _between(url, host, port, session)
        return Measured(place(url, host, port), tuple(medians), server, between)


async def _between(url: PostgresUrl, host: str, port: int, session: Session) -> Pooler | None:
    return await pooler.between(session, opened(url, host, port))
