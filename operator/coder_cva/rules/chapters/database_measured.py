"""The database as it was measured: round trips, and room for coderd's connections (CVA-DB-006, CVA-DB-010)."""

import math
from dataclasses import dataclass
from typing import Final

from coder_cva.rules import database_measured as look
from coder_cva.rules.database_faults import not_measured
from coder_cva.rules.model import Finding, Judgement, Rule, failed, passed, unknown, verdict
from coder_cva.rules.subjects import CODERD, no_coderd
from coder_cva.snapshot import environment
from coder_cva.snapshot.database_history import LIMIT_MS
from coder_cva.snapshot.database_seen import DatabaseSeen, Fault
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World

_POOL: Final = "CODER_PG_CONN_MAX_OPEN"
_DEFAULT_POOL: Final = 10
"""Connections that one replica opens at most. Source: Coder's server reference."""
_MARGIN: Final = 20
"""Percent on top. Source: Coder's best practices, scale Coder."""
_FROM: Final = "measured from where the operator runs"


def the_database_answers_within_10_ms(world: World) -> Judgement:
    """CVA-DB-006: the median of several round trips, slow and fast only when two looks in a row say so."""
    unmeasured, seen = not_measured(world), world.observed.database
    if unmeasured is not None or seen is None:
        return unmeasured or unknown("NotMeasuredYet", "the database was not measured yet")
    if seen.median_ms is None or seen.pace.slow is None:
        return unknown("MeasuredOnce", f"{seen.where} was slow once: the next look decides")
    if seen.elsewhere:
        return unknown(
            "MeasuredElsewhere",
            f"from here {seen.where} answers within {seen.median_ms:g} ms; what counts is the way from the "
            "cluster, which the operator measures",
        )
    told = f"{seen.where} answers within {seen.median_ms:g} ms (median, {_FROM})"
    return failed(told, [_slow(seen, seen.median_ms)]) if seen.pace.slow else passed(told)


def _slow(seen: DatabaseSeen, median_ms: float) -> Finding:
    return Finding(
        "CVA-DB-006",
        look.subject(seen),
        "round trip",
        f"under {LIMIT_MS:g} ms",
        f"{median_ms:g} ms, median of several, {_FROM}; Coder's own health check warns only from 15 ms",
        "bring the database and coderd's nodes into one region and, if possible, one zone; if they are, look at the "
        "CPU of the server and at what lies between (proxies, VPN, transit). From a coderd Pod's own place: "
        r"psql, \timing on, SELECT 1",
    )


def the_database_takes_coderds_connections(world: World) -> Judgement:
    """CVA-DB-010: max_connections holds the pools of all replicas and a fifth more."""
    unmeasured, seen = not_measured(world), world.observed.database
    if unmeasured is not None or seen is None:
        return _also_how_many(world, unmeasured)
    demand = _demand(world)
    if isinstance(demand, Judgement):
        return demand
    most = seen.server.max_connections
    if most is None:
        return unknown("MaxConnectionsNotSeen", f"{seen.where} does not say its max_connections")
    told = f"max_connections of {seen.where} is {most}; {demand.told}"
    findings = [] if most >= demand.wanted else [_too_few(seen, most, demand)]
    return verdict(findings, held=told, broken=told)


@dataclass(frozen=True, slots=True)
class _Demand:
    """The connections that coderd's replicas may open, and a fifth more; with the sum in words."""

    wanted: int
    told: str


def _demand(world: World) -> _Demand | Judgement:
    if world.coderd is None:
        return no_coderd(world)
    pool = _pool(world.coderd)
    if isinstance(pool, Judgement):
        return pool
    replicas = _replicas(world, world.coderd)
    wanted = replicas * pool + math.ceil(replicas * pool * _MARGIN / 100)
    sum_of = f"{replicas} * {pool} + {_MARGIN} % = {wanted}"
    return _Demand(wanted, f"replicas * {_POOL} ask for {sum_of}")


def _also_how_many(world: World, unmeasured: Judgement | None) -> Judgement:
    """Where the server takes no more connections, how many it would have to take."""
    if unmeasured is None:
        return unknown("NotMeasuredYet", "the database was not measured yet")
    demand = _demand(world) if unmeasured.reason == Fault.TOO_MANY else None
    if not isinstance(demand, _Demand):
        return unmeasured
    return unknown(unmeasured.reason, f"{unmeasured.message}; {demand.told}")


def _pool(coderd: Workload) -> int | Judgement:
    """The connections of one replica; unknown where they are said out of sight, or not as a number."""
    live = coderd.deployment
    if environment.is_elsewhere(live, _POOL):
        return unknown(
            "ValueNotSeen",
            f"{_POOL} of {live.meta.path} may come from a ConfigMap, a Secret or a file",
        )
    said = environment.literal(live, _POOL)
    if not said:
        return _DEFAULT_POOL
    if not (said.isascii() and said.isdigit() and int(said) > 0):
        return unknown("ValueNotUnderstood", f"{_POOL} of {live.meta.path} is no positive number")
    return int(said)


def _replicas(world: World, coderd: Workload) -> int:
    """As many as there may be: where an autoscaler scales coderd, its most."""
    live = coderd.deployment
    counts = [live.replicas]
    counts += [
        one.max_replicas
        for one in world.snapshot.items(Need.AUTOSCALERS)
        if one.meta.namespace == live.meta.namespace
        and one.target == ("Deployment", live.meta.name)
    ]
    return max(counts)


def _too_few(seen: DatabaseSeen, most: int, demand: _Demand) -> Finding:
    reserved = seen.server.reserved_connections or 0
    least = math.ceil((demand.wanted + reserved) / 10) * 10
    kept = f", {reserved} of them kept for superusers" if reserved else ""
    return Finding(
        "CVA-DB-010",
        look.subject(seen),
        "max_connections",
        f"{demand.wanted} or more: {demand.told}",
        f"{most}{kept}",
        f"as a superuser, psql -c 'ALTER SYSTEM SET max_connections = {least}', then restart the server at a quiet "
        "hour; of a managed one it is a parameter (parameter group, flag) of this name",
    )


RULES: Final = (
    Rule("CVA-DB-006", the_database_answers_within_10_ms, CODERD),
    Rule(
        "CVA-DB-010",
        the_database_takes_coderds_connections,
        CODERD | {Need.AUTOSCALERS},
    ),
)
