"""From a real server to the verdict: Secret, URL, measurement, rule; and a remedy that is typed in."""

from __future__ import annotations

import re
import shlex
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules import database_measured
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import RuleResult, Verdict
from coder_cva.runtime.database_look import DatabaseLook
from coder_cva.snapshot.observations import Observations
from support import builders, postgres
from support.coder_manifests import chart_coderd
from support.corpus import merged
from support.database_looks import OneSecret
from support.deployments import managed
from support.slow_proxy import SlowProxy
from support.transaction_pooler import TransactionPooler

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World
    from support.postgres import PostgresServer, Programs

pytestmark = pytest.mark.postgres

CODER: dict[str, Any] = {"user": "coder", "password": "coder", "database": "coder"}


async def seen(url: str, replicas: int = 1) -> World:
    """The world of a Coder whose Secret holds this URL, after one look."""
    cr = merged(managed("coder"), {"spec": {"database": {"probe": {"enabled": True}}}})
    connection: Any = OneSecret(url)
    found = await DatabaseLook(connection).look(builders.coder_deployment(cr), None)
    coderd = builders.all_running([chart_coderd(replicas=replicas)], ["control-plane-1"])
    observed = Observations(database=found)
    return builders.world(cr, builders.pools(), coderd, observed=observed)


def result(world: World, clause: str) -> RuleResult:
    """What is judged of a clause."""
    return next(one for one in evaluate(world, strict=True).results if one.id == clause)


def verdicts(world: World) -> tuple[str, str]:
    """Of latency and connections; the reason where it is unknown."""
    found = (result(world, one) for one in ("CVA-DB-006", "CVA-DB-010"))
    latency, connections = (one.reason or one.verdict.value for one in found)
    return latency, connections


async def test_a_server_nearby_with_room(server: PostgresServer) -> None:
    """Twenty connections hold one replica's ten and a fifth more."""
    assert verdicts(await seen(server.url(**CODER))) == ("passed", "passed")


async def test_a_slow_way(server: PostgresServer) -> None:
    """One look of a report measures twice, and knows."""
    with SlowProxy(server.port, 0.008) as proxy:
        world = await seen(server.url(**CODER, port=proxy.port))

    assert verdicts(world) == ("failed", "passed")


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({"password": "no"}, "PasswordRefused"),
        ({"database": "absent"}, "NoSuchDatabase"),
        ({"more": "sslmode=require"}, "TLSNotOffered"),
        ({"more": "sslmode=on"}, "NotAConnectionURL"),
    ],
)
async def test_a_fault_makes_both_unknown(
    server: PostgresServer, said: dict[str, str], reason: str
) -> None:
    assert verdicts(await seen(server.url(**{**CODER, **said}))) == (reason, reason)


async def test_a_standby(programs: Programs) -> None:
    """It is fast, and none that coderd can use; that is told of CVA-DB-001 too."""
    for primary in postgres.serving(programs):
        for standby in postgres.replica(primary):
            world = await seen(standby.url())

    assert verdicts(world) == ("Standby", "Standby")
    (found,) = database_measured.findings_server(world)
    assert found.observed == "a standby"


async def test_a_transaction_pooler(server: PostgresServer) -> None:
    """Its round trips are judged as they are; what it is, is told of CVA-DB-001."""
    pooler = TransactionPooler(server.port, "coder")
    async with pooler.serving():
        world = await seen(server.url(**CODER, port=pooler.port))

    (found,) = database_measured.findings_server(world)
    assert found.field == "pool_mode"


async def test_the_remedy_for_too_few_connections_is_typed_in(programs: Programs) -> None:
    """As it stands in the finding; after a restart it holds."""
    for small in postgres.serving(programs, settings={"max_connections": ""}):
        small.sql("ALTER SYSTEM SET max_connections = 20")
        small.stop()
        small.start()
        before = result(await seen(small.url(), replicas=3), "CVA-DB-010")
        assert before.verdict is Verdict.FAILED
        typed = re.search(r"psql -c '[^']+'", before.findings[0].remedy)
        assert typed is not None
        small.sql(shlex.split(typed[0])[-1])
        small.stop()
        small.start()
        after = result(await seen(small.url(), replicas=3), "CVA-DB-010")

    assert after.verdict is Verdict.PASSED
    assert "is 40" in after.message
