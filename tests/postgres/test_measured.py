"""What a look at a real server measures: round trips, and what the server says of itself."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import statistics
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.postgres import probe, round_trips
from coder_cva.snapshot.database_history import LIMIT_MS, settle
from coder_cva.snapshot.database_seen import Pace, Pooler
from coder_cva.values.postgres_url import parse
from support import pgbouncer, postgres
from support.slow_proxy import SlowProxy
from support.transaction_pooler import TransactionPooler

if TYPE_CHECKING:
    from coder_cva.postgres.probe import Measured
    from support.postgres import PostgresServer, Programs

pytestmark = pytest.mark.postgres

CODER: dict[str, Any] = {"user": "coder", "password": "coder", "database": "coder"}


async def look(url: str, *, rounds: int = 1) -> Measured:
    return await probe.measure(parse(url), rounds=rounds)


async def test_a_server_nearby_is_fast(server: PostgresServer) -> None:
    """A few hundred microseconds, by coderd's own role; what it says of itself is all there."""
    found = await look(server.url(**CODER))

    assert found.where == f"127.0.0.1:{server.port}/coder"
    assert 0 < statistics.median(found.medians_ms) < LIMIT_MS
    said = found.server
    assert said.major is not None
    assert said.major >= 13
    assert said.version.startswith(f"{said.major}.")
    assert (said.max_connections, said.reserved_connections) == (20, 3)
    assert said.in_recovery is False
    assert said.replicas == 0
    assert said.tls is False
    assert (said.schema_version, said.schema_dirty) == (394, False)
    assert said.connections is not None
    assert said.connections >= 1
    assert said.size is not None
    assert said.size > 1_000_000
    assert found.pooler is Pooler.NONE


async def test_a_database_that_coder_has_not_filled_yet(server: PostgresServer) -> None:
    """No schema is no fault."""
    assert (await look(server.url())).server.schema_version is None


async def test_a_password_of_special_characters(server: PostgresServer) -> None:
    """Every printable character that is none of a letter or a digit, and some beyond ASCII."""
    password = "".join(map(chr, range(32, 127))).replace("'", "") + "ä€"
    server.sql(f"CREATE ROLE special LOGIN PASSWORD '{password}'")

    assert (await look(server.url("special", password))).server.version


async def test_looking_leaves_nothing_behind(server: PostgresServer) -> None:
    """No connection stays open, also of a look that was cut short."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(0.02):
            await look(server.url(**CODER))
    await look(server.url(**CODER))

    ours = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'coder-cva-operator'"
    for _ in range(100):
        if server.sql(ours).strip() == "0":
            return
        await asyncio.sleep(0.05)
    pytest.fail("a connection of the look is still there")


async def test_round_trips_of_more_than_ten_milliseconds(server: PostgresServer) -> None:
    """Seven on each way make fourteen, and two looks make it slow; it is fast again when the way is."""
    pace = Pace()
    with SlowProxy(server.port, 0.007) as proxy:
        url = server.url(**CODER, port=proxy.port)
        found = await look(url, rounds=2)
        assert [one for one in found.medians_ms if 13 < one < 200] == list(found.medians_ms)
        for one in found.medians_ms:
            pace = settle(pace, one)
        assert pace.slow
        proxy.delay = 0.0
        for _ in range(2):
            for one in (await look(url)).medians_ms:
                pace = settle(pace, one)
    assert not pace.slow


async def test_a_very_slow_server_is_measured_too(server: PostgresServer) -> None:
    """A round ends with what it has: 300 ms on each way."""
    with SlowProxy(server.port, 0.3) as proxy:
        found = await look(server.url(**CODER, port=proxy.port))

    assert found.medians_ms[0] > 600


async def test_time_in_which_the_operator_computes_is_not_the_databases(
    server: PostgresServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pass over a large cluster in the same process must not make a fast database a slow one."""
    monkeypatch.setattr(round_trips, "ROUND_SECONDS", 30.0)

    async def other_work() -> None:
        while True:
            for _ in range(3):
                await asyncio.sleep(0)
            sum(range(400_000))
            await asyncio.sleep(0.03)

    busy = asyncio.create_task(other_work())
    found = await look(server.url(**CODER))
    busy.cancel()

    assert found.medians_ms[0] < LIMIT_MS


async def test_a_standby_and_the_server_that_it_follows(programs: Programs) -> None:
    """The one says that it is in recovery, the other that somebody follows; a URL can ask for the primary."""
    for primary in postgres.serving(programs, settings={"max_wal_senders": "4"}):
        for standby in postgres.replica(primary):
            for _ in range(100):
                if (await look(primary.url())).server.replicas == 1:
                    break
                await asyncio.sleep(0.1)
            followed = (await look(primary.url())).server
            assert (followed.replicas, followed.in_recovery) == (1, False)
            assert (await look(standby.url())).server.in_recovery is True
            both = (
                standby.url()
                .replace("@", f"@127.0.0.1:{standby.port},")
                .replace(f",127.0.0.1:{standby.port}", f",127.0.0.1:{primary.port}")
            )
            found = await look(f"{both}&target_session_attrs=read-write")
            assert found.where.endswith(f":{primary.port}/postgres")


async def test_a_stand_in_for_a_transaction_pooler(server: PostgresServer) -> None:
    """One backend for two clients that are both connected."""
    pooler = TransactionPooler(server.port, "coder")
    async with pooler.serving():
        found = await look(server.url(**CODER, port=pooler.port))

    assert found.pooler is Pooler.TRANSACTION
    assert found.server.version


@pytest.mark.parametrize(
    ("mode", "expected"), [("transaction", Pooler.TRANSACTION), ("session", Pooler.SESSION)]
)
async def test_pgbouncer(server: PostgresServer, mode: str, expected: Pooler) -> None:
    """The real one, where the machine has it."""
    if shutil.which("pgbouncer") is None:
        pytest.skip("no pgbouncer on this machine; a stand-in plays its part in the test above")
    for port in pgbouncer.serving(server, "coder", "coder", mode):
        found = await look(server.url(**CODER, port=port))

        assert found.pooler is expected
        assert found.server.max_connections == 20
