"""What a measurement says about clauses that others judge, and what helps against each fault."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules import database_faults
from coder_cva.rules import database_measured as look
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Verdict
from coder_cva.snapshot.database_seen import Fault
from coder_cva.snapshot.observations import Observations
from support import builders, database_looks
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.installation import ROOT

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

GIB = 2**30


def world(**said: Any) -> World:
    """A world in which the database was looked at."""
    return builders.world(
        adopted("coder"),
        builders.pools(),
        builders.all_running([chart_coderd(replicas=3)], ["control-plane-1"]),
        observed=Observations(database=database_looks.seen(said)),
    )


def fields(said: dict[str, Any]) -> list[str]:
    return [one.field for one in look.findings_server(world(**said))]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({}, []),
        ({"pooler": "session"}, []),
        ({"pooler": None, "version_number": None}, []),
        ({"pooler": "transaction"}, ["pool_mode"]),
        ({"version": "13.0", "version_number": 130_000}, []),
        ({"version": "12.22", "version_number": 120_022}, ["server_version"]),
        ({"in_recovery": True, "fault": "Standby"}, ["pg_is_in_recovery()"]),
        ({"in_recovery": True, "fault": "PasswordRefused"}, []),
        (
            {"version": "9.6.24", "version_number": 90_624, "pooler": "transaction"},
            ["server_version", "pool_mode"],
        ),
    ],
)
def test_which_server_coderd_is_connected_to(said: dict[str, Any], expected: list[str]) -> None:
    assert fields(said) == expected


def test_nothing_is_said_where_nothing_was_seen() -> None:
    """An empty answer is no pass: whoever asks has to know it."""
    nothing = builders.world(adopted("coder"))

    assert look.measured(nothing) is None
    assert look.findings_server(nothing) == []
    assert look.findings_storage(nothing, 1) == []
    assert look.size(nothing) is None
    assert look.is_replicated(nothing) is None


@pytest.mark.parametrize(
    ("size", "growth", "is_told"),
    [(50, None, False), (81, None, True), (50, 1, False), (50, 2, True), (50, -2, False)],
)
def test_a_disk_of_a_hundred_gibibytes(size: int, growth: int | None, is_told: bool) -> None:
    found = look.findings_storage(
        world(size=size * GIB, growth=None if growth is None else growth * GIB), 100 * GIB
    )

    assert bool(found) is is_told
    if found:
        assert f"{size}.0 GiB" in found[0].observed


def test_who_follows() -> None:
    """That nobody is seen following proves nothing."""
    assert look.is_replicated(world(replicas=1)) is True
    assert look.is_replicated(world(in_recovery=True)) is True
    assert look.is_replicated(world(replicas=0)) is None
    assert look.is_replicated(world(replicas=None)) is None


@pytest.mark.parametrize("fault", Fault)
def test_every_fault_is_unknown_by_its_own_word_with_a_remedy(fault: Fault) -> None:
    """For both clauses; the one of a Secret has its remedy from whoever tried to read it."""
    said = {"fault": fault.value, "message": "what was seen"}
    results = {one.id: one for one in evaluate(world(**said), strict=True).results}

    for clause in ("CVA-DB-006", "CVA-DB-010"):
        assert results[clause].verdict is Verdict.UNKNOWN
        assert results[clause].reason == fault.value
        assert "what was seen" in results[clause].message
    assert bool(database_faults.remedy(fault)) is (fault is not Fault.UNREAD)


def test_the_reference_lists_every_fault() -> None:
    """Each word with what is seen then, and none that is never said."""
    page = (ROOT / "docs/reference/database-probe.md").read_text(encoding="utf-8")

    listed = re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE)

    assert sorted(listed) == sorted(one.value for one in Fault)
