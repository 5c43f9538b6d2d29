"""Metrics: labels are bounded, what is not known has no sample, and what is over is over."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.catalogue.clauses import SEVERITIES, clauses
from coder_cva.rules.model import Verdict
from coder_cva.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

WHO = ("team", "coder")
STATUS: dict[str, Any] = {
    "verdicts": {"CVA-NODE-003": "passed", "CVA-DB-001": "unknown (NotImplemented)"},
    "conditions": [{"type": "Ready", "status": "True"}, {"type": "Stalled", "status": "True"}],
    "findingsBySeverity": {"high": 3, "low": 48},
    "findings": [{"severity": "high"}],
    "workspaces": {"count": 7},
}


@pytest.fixture(autouse=True)
def nothing_known() -> Iterator[None]:
    """Before and after each test no sample of any CoderDeployment."""
    metrics.stand_by()
    yield
    metrics.stand_by()


def samples(name: str = "coder_cva_") -> dict[str, float]:
    """What a scrape gives, by series, of metrics whose names begin so."""
    text = metrics.exposition()[0].decode()
    found = re.findall(r"^(\S+?(?:\{.*\})?) (\S+)$", text, re.MULTILINE)
    return {series: float(value) for series, value in found if series.startswith(name)}


def about(namespace: str, name: str) -> set[str]:
    """The series of one CoderDeployment."""
    words = (f'namespace="{namespace}"', f'name="{name}"')
    return {one for one in samples() if all(word in one for word in words)}


def test_a_status_becomes_samples() -> None:
    """One series for each verdict that a clause may have, and each status of a condition."""
    metrics.show_status(*WHO, STATUS)

    found = samples()
    who = 'name="coder",namespace="team"'
    assert found[f'coder_cva_clause_verdict{{clause="CVA-NODE-003",{who},verdict="passed"}}'] == 1
    assert found[f'coder_cva_clause_verdict{{clause="CVA-NODE-003",{who},verdict="failed"}}'] == 0
    assert found[f'coder_cva_clause_verdict{{clause="CVA-DB-001",{who},verdict="unknown"}}'] == 1
    assert found[f'coder_cva_condition{{condition="Ready",{who},status="True"}}'] == 1
    assert found[f"coder_cva_workspaces{{{who}}}"] == 7


def test_all_findings_are_counted_also_those_that_a_status_has_no_room_for() -> None:
    """By severity, every one of them with a sample, so that an alert sees the fall to 0."""
    metrics.show_status(*WHO, STATUS)

    who = 'name="coder",namespace="team"'
    found = samples("coder_cva_findings")
    assert found == {
        f'coder_cva_findings{{{who},severity="{one}"}}': {"high": 3, "low": 48}.get(one, 0)
        for one in metrics.SEVERITIES
    }


def test_labels_are_bounded() -> None:
    """As many series as there are clauses, verdicts, conditions and severities, whatever was found."""
    status = {
        **STATUS,
        "verdicts": {one.id: "failed" for one in clauses()},
        "findings": [{"severity": "high", "resource": f"Pod a/{n}"} for n in range(5_000)],
    }

    for workspaces in range(3):
        metrics.show_status(*WHO, {**status, "workspaces": {"count": workspaces}})

    bound = len(clauses()) * len(metrics.VERDICTS) + 2 * len(metrics.TRUTHS)
    assert len(about(*WHO)) == bound + len(metrics.SEVERITIES) + 1
    assert "Pod a/" not in metrics.exposition()[0].decode()


def test_the_vocabulary_is_that_of_the_catalogue() -> None:
    """A severity or a verdict of which there is no label would not be counted."""
    assert set(metrics.SEVERITIES) == {one.value for one in SEVERITIES}
    assert set(metrics.VERDICTS) == {one.value for one in Verdict}


def test_hostile_names_stay_within_their_quotes() -> None:
    """Names come from an API server; quotes, backslashes and newlines must not make series of their own."""
    metrics.reconciled('a"b', "c\\d\ne", "settled", 0.1)

    assert (
        r'coder_cva_reconciles_total{name="c\\d\ne",namespace="a\"b",outcome="settled"}'
        in samples("coder_cva_reconciles_total")
    )


def test_what_a_status_no_longer_says_goes() -> None:
    """A condition that is over, and a count of what may no longer be read: absent, not 0 and not as before."""
    metrics.show_status(*WHO, STATUS)

    metrics.show_status(*WHO, {**STATUS, "conditions": STATUS["conditions"][:1], "workspaces": {}})

    assert not [one for one in about(*WHO) if "Stalled" in one]
    assert samples("coder_cva_workspaces") == {}
    assert [one for one in about(*WHO) if 'condition="Ready"' in one]


def test_a_deployment_that_is_gone_leaves_nothing() -> None:
    """Neither gauges nor the counter of its passes; a namesake elsewhere keeps all of its own."""
    for who in (WHO, ("other", "coder"), ("team", "coder-2")):
        metrics.show_status(*who, STATUS)
        for outcome in metrics.OUTCOMES:
            metrics.reconciled(*who, outcome, 0.1)
    kept = about("other", "coder") | about("team", "coder-2")

    metrics.forget(*WHO)

    assert about(*WHO) == set()
    assert about("other", "coder") | about("team", "coder-2") == kept != set()


def test_what_was_never_known_can_be_forgotten() -> None:
    """A CoderDeployment may go before its first pass."""
    metrics.forget("never", "seen")

    assert about("never", "seen") == set()


def test_who_stands_by_tells_of_no_deployment() -> None:
    """Only whether it leads, and what it has written."""
    metrics.show_status(*WHO, STATUS)
    metrics.reconciled(*WHO, "settled", 0.1)
    metrics.readable({"pods": True})
    metrics.wrote("Service", "created")
    metrics.leading(leads=False)

    metrics.stand_by()

    assert about(*WHO) == set()
    assert samples("coder_cva_kind_readable") == {}
    assert samples("coder_cva_leader") == {"coder_cva_leader": 0}
    assert samples("coder_cva_writes_total")


def test_the_exposition_is_for_prometheus() -> None:
    """Its text form, with the help of each metric."""
    text, kind = metrics.exposition()

    assert kind.startswith("text/plain")
    assert b"# HELP coder_cva_findings" in text


def test_a_round_trip_is_shown_while_it_is_measured() -> None:
    """Of a database that is not measured there is no number; nor of one whose CoderDeployment is gone."""
    series = 'coder_cva_database_round_trip_seconds{name="coder",namespace="team"}'
    metrics.database_round_trip(*WHO, 0.0012)
    assert samples()[series] == 0.0012

    metrics.database_round_trip(*WHO, None)
    assert series not in samples()
    metrics.database_round_trip(*WHO, None)

    metrics.database_round_trip(*WHO, 0.0012)
    metrics.forget(*WHO)
    assert series not in samples()
    metrics.database_round_trip(*WHO, 0.0012)
    metrics.stand_by()
    assert series not in samples()
