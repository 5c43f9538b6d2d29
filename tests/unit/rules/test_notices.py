"""Attestations and waivers as the clock moves: what ends is told before, and what has no effect is told at all."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import (
    Finding,
    NoticeKind,
    Report,
    Rule,
    Verdict,
    failed,
    passed,
    unknown,
)
from support import builders
from support.corpus import merged
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coder_cva.snapshot.world import World

POOLS, VALUES, TEMPLATES = "CVA-NODE-001", "CVA-OPS-001", "CVA-OPS-004"
UNTIL = date(2027, 1, 31)
RULES = ("CVA-NODE-001", "CVA-CTL-002", "CVA-STO-001", "CVA-OBS-001")


def world(spec: dict[str, Any], day: date) -> World:
    """A cluster on that day, with this in the spec."""
    now = datetime(day.year, day.month, day.day, 9, tzinfo=UTC)
    return builders.world(merged(adopted("coder"), {"spec": spec}), builders.pools(), now=now)


def attestation(clause: str, until: date = UNTIL) -> dict[str, Any]:
    entry = {"clause": clause, "evidence": "https://git.example.com", "until": until.isoformat()}
    return {"attestations": [entry]}


def waiver(*resources: str, rule: str = POOLS, until: date = UNTIL) -> dict[str, Any]:
    return {
        "rule": rule,
        "reason": "agreed",
        "until": until.isoformat(),
        "resources": list(resources),
    }


def breaks(*resources: str, rule: str = POOLS) -> Rule:
    findings = [Finding(rule, one, "field", "this", "that", "type this") for one in resources]
    return Rule(rule, lambda _: failed("it does not hold", findings))


HOLDS = Rule(VALUES, lambda _: passed("it holds"))
DOUBTS = Rule(VALUES, lambda _: unknown("NotSeen", "it is not seen"))


def kinds(report: Report) -> list[NoticeKind]:
    return [one.kind for one in report.notices]


@pytest.mark.parametrize("clause", [VALUES, TEMPLATES, "CVA-SUP-002"])
@pytest.mark.parametrize(
    ("left", "verdict", "told"),
    [
        (15, Verdict.PASSED, []),
        (14, Verdict.PASSED, [NoticeKind.ATTESTATION_ENDING]),
        (0, Verdict.PASSED, [NoticeKind.ATTESTATION_ENDING]),
        (-1, Verdict.UNKNOWN, [NoticeKind.ATTESTATION_ENDED]),
        (-400, Verdict.UNKNOWN, [NoticeKind.ATTESTATION_ENDED]),
    ],
)
def test_a_word_is_asked_to_be_renewed_before_it_ends(
    clause: str, left: int, verdict: Verdict, told: list[NoticeKind]
) -> None:
    """Two weeks before; the day after its last the clause is open again, whether a rule doubts or there is none."""
    report = evaluate(world(attestation(clause), UNTIL - timedelta(days=left)), (DOUBTS,))

    (found,) = [one for one in report.results if one.id == clause]
    assert found.verdict is verdict
    assert kinds(report) == told


@pytest.mark.parametrize(
    ("left", "when"), [(14, "in 14 days"), (2, "in 2 days"), (1, "tomorrow"), (0, "today")]
)
def test_how_long_it_lasts_is_said(left: int, when: str) -> None:
    """In the notice, and where the verdict is told."""
    report = evaluate(world(attestation(TEMPLATES), UNTIL - timedelta(days=left)), ())

    (found,) = [one for one in report.results if one.id == TEMPLATES]
    assert f"ends on 2027-01-31, {when}: renew it" in found.message
    assert f"on 2027-01-31, {when}" in report.notices[0].message


@pytest.mark.parametrize("until", [UNTIL, date(2026, 1, 1)])
def test_a_word_that_nobody_needs_is_told(until: date) -> None:
    """The rule decides by itself, also after the word has ended."""
    report = evaluate(world(attestation(VALUES, until), date(2026, 11, 23)), (HOLDS,))

    (found,) = [one for one in report.results if one.id == VALUES]
    assert (found.verdict, found.reason) == (Verdict.PASSED, "")
    assert kinds(report) == [NoticeKind.ATTESTATION_NOT_NEEDED]


def test_what_is_seen_counts_against_a_word() -> None:
    """A failure stays one, and the word has no effect."""
    report = evaluate(
        world(attestation(VALUES), date(2026, 11, 23)), (breaks("Node a", rule=VALUES),)
    )

    assert kinds(report) == [NoticeKind.ATTESTATION_NOT_NEEDED]
    assert "failed" in report.notices[0].message


@pytest.mark.parametrize("rules", [(), (breaks("Node a"),)])
def test_a_word_where_no_word_counts_is_told(rules: tuple[Rule, ...]) -> None:
    """It is no error, and it does nothing."""
    report = evaluate(world(attestation(POOLS), date(2026, 11, 23)), rules)

    assert kinds(report) == [NoticeKind.ATTESTATION_NOT_TAKEN]
    assert "spec.waivers" in report.notices[0].message


def test_a_rule_that_is_off_is_not_settled_by_a_word() -> None:
    """The question itself is switched off, and nothing about it is told."""
    spec = attestation(VALUES) | {"enforcement": {"rules": {VALUES: "Off"}}}
    report = evaluate(world(spec, UNTIL - timedelta(days=3)), (DOUBTS,))

    (found,) = [one for one in report.results if one.id == VALUES]
    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "Off")
    assert report.notices == ()


@pytest.mark.parametrize(
    ("left", "is_waived", "told"),
    [
        (15, True, []),
        (14, True, [NoticeKind.WAIVER_ENDING]),
        (0, True, [NoticeKind.WAIVER_ENDING]),
        (-1, False, [NoticeKind.WAIVER_ENDED]),
    ],
)
def test_a_waiver_is_told_before_it_ends(
    left: int, is_waived: bool, told: list[NoticeKind]
) -> None:
    """And after it has: then the failure counts again."""
    report = evaluate(
        world({"waivers": [waiver()]}, UNTIL - timedelta(days=left)), (breaks("Node a"),)
    )

    assert [one.waived for one in report.findings] == [is_waived]
    assert kinds(report) == told


@pytest.mark.parametrize(
    ("resources", "rule", "told"),
    [
        ([], Rule(POOLS, lambda _: passed("it holds")), "finds nothing (passed)"),
        (["Node a"], Rule(POOLS, lambda _: passed("it holds")), "finds nothing (passed)"),
        (["Node b"], breaks("Node a"), "finds nothing at Node b"),
        (["Node a", "Node b", "Node c"], breaks("Node a"), "finds nothing at Node b, Node c"),
    ],
)
def test_a_waiver_with_nothing_under_it_is_told(
    resources: list[str], rule: Rule, told: str
) -> None:
    """A typing error in a resource's name would else go unseen."""
    report = evaluate(world({"waivers": [waiver(*resources)]}, date(2026, 11, 23)), (rule,))

    assert kinds(report) == [NoticeKind.WAIVER_UNUSED]
    assert told in report.notices[0].message


def test_a_waiver_of_what_is_not_judged_is_not_called_useless() -> None:
    """There may be something under it."""
    doubts = Rule(POOLS, lambda _: unknown("NotSeen", "it is not seen"))

    for rules in ((doubts,), ()):
        report = evaluate(world({"waivers": [waiver()]}, date(2026, 11, 23)), rules)
        assert report.notices == ()


def test_what_ended_is_told_first() -> None:
    """Then what ends, then what has no effect."""
    spec = {
        "waivers": [
            waiver(rule="CVA-STO-001"),
            waiver(until=date(2026, 11, 1)),
            waiver(rule="CVA-CTL-002", until=date(2026, 11, 30)),
        ],
        **attestation(TEMPLATES, date(2026, 11, 1)),
    }
    rules = (
        breaks("Node a"),
        breaks("Node a", rule="CVA-CTL-002"),
        Rule("CVA-STO-001", lambda _: passed("it holds")),
    )

    report = evaluate(world(spec, date(2026, 11, 23)), rules)

    assert kinds(report) == [
        NoticeKind.ATTESTATION_ENDED,
        NoticeKind.WAIVER_ENDED,
        NoticeKind.WAIVER_ENDING,
        NoticeKind.WAIVER_UNUSED,
    ]


WAIVERS = st.lists(
    st.builds(
        lambda rule, resources, left: waiver(
            *resources, rule=rule, until=date(2026, 11, 23) + timedelta(days=left)
        ),
        st.sampled_from(RULES),
        st.lists(st.sampled_from(["Node a", "Node b", "Node c"]), unique=True),
        st.integers(-30, 60),
    ),
    unique_by=lambda one: one["rule"],
)
EVERYTHING = tuple(breaks("Node a", "Node b", rule=one) for one in RULES)


def judged(waivers: Sequence[dict[str, Any]]) -> Report:
    return evaluate(world({"waivers": list(waivers)}, date(2026, 11, 23)), EVERYTHING)


@given(waivers=WAIVERS, data=st.data())
def test_the_order_of_waivers_never_matters(
    waivers: list[dict[str, Any]], data: st.DataObject
) -> None:
    """Equal reports, notices too."""
    assert judged(data.draw(st.permutations(waivers))) == judged(waivers)


@given(waivers=WAIVERS)
def test_a_waiver_concerns_its_own_rule_alone(waivers: list[dict[str, Any]]) -> None:
    """No verdict changes by it, nor anything of another rule; of its own only what is marked as waived."""
    bare, laid = judged(()), judged(waivers)
    named = {one["rule"] for one in waivers}

    for before, after in zip(bare.results, laid.results, strict=True):
        assert after.verdict is before.verdict
        assert after.message == before.message
        if after.id not in named:
            assert after == before
    assert {one.clause for one in laid.notices} <= named


@given(waivers=WAIVERS)
def test_of_a_clause_there_is_at_most_one_notice_of_a_kind(waivers: list[dict[str, Any]]) -> None:
    """By clause and kind it is known what was told already."""
    told = [(one.clause, one.kind) for one in judged(waivers).notices]

    assert len(told) == len(set(told))
