"""The engine: who is asked, what stands for an answer where nobody can be, and in which order it is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.catalogue.clauses import SEVERITIES, Disposition, clauses
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import (
    Finding,
    Judgement,
    Rule,
    RuleResult,
    Verdict,
    failed,
    passed,
    unknown,
)
from coder_cva.rules.registry import ALL
from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.needs import EXTENSIONS, SOURCES, Need
from support import builders
from support.corpus import merged
from support.deployments import adopted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coder_cva.snapshot.world import World

BESIDE_THE_CLUSTER = {"CVA-OPS-003", "CVA-OPS-005"}
"""Judged by what Coder's own API says: nothing of the cluster is looked at."""
POOLS, CODERD, TEMPLATES = "CVA-NODE-001", "CVA-CTL-002", "CVA-OPS-004"


def world(spec: Mapping[str, Any] | None = None, **rest: Any) -> World:
    """A cluster of two pools and nothing else."""
    return builders.world(merged(adopted("coder"), {"spec": spec or {}}), builders.pools(), **rest)


def result(world: World, clause: str, *rules: Rule, strict: bool = False) -> RuleResult:
    """The result on one clause, judged by these rules alone."""
    (found,) = (one for one in evaluate(world, rules, strict=strict).results if one.id == clause)
    return found


def holds(_: World) -> Judgement:
    return passed("it holds")


def cannot_tell(_: World) -> Judgement:
    return unknown("NotSeen", "it was not seen")


def breaks(*resources: str, rule: str = POOLS) -> Rule:
    """A rule that finds something about each of these resources."""
    findings = [Finding(rule, one, "field", "this", "that", "type this") for one in resources]
    return Rule(rule, lambda _: failed("it does not hold", findings))


def test_every_clause_is_accounted_for_in_its_order() -> None:
    """Fifty results in the catalogue's order, whatever is judged; without a rule none of them passes."""
    report = evaluate(world(), ())

    assert [one.clause for one in report.results] == list(clauses())
    assert {one.verdict for one in report.results} == {Verdict.UNKNOWN}
    assert {one.reason for one in report.results} == {"NotImplemented", "NotAttested"}
    attested = {one.id for one in clauses() if one.disposition is Disposition.ATTESTED}
    assert {one.id for one in report.results if one.reason == "NotAttested"} >= attested


@pytest.mark.parametrize(
    ("need", "absence"),
    [
        (need, absence)
        for need in Need
        for absence in Absence
        if not (need in EXTENSIONS and absence is Absence.NOT_SERVED)
    ],
)
def test_a_rule_is_not_asked_where_what_it_needs_was_not_read(need: Need, absence: Absence) -> None:
    """Unknown with the API server's reason, for each kind and each reason; others are judged as ever."""
    asked = Rule(POOLS, holds, frozenset({need}))
    other = Rule(CODERD, holds, frozenset(Need) - {need})
    here = world(unavailable={need: absence})

    unread = result(here, POOLS, asked, strict=True)

    assert (unread.verdict, unread.reason) == (Verdict.UNKNOWN, absence.value)
    assert unread.message.startswith(f"could not be read: {SOURCES[need].plural} is {absence}. ")
    assert result(here, CODERD, other).verdict is Verdict.PASSED
    assert result(world(), POOLS, asked).verdict is Verdict.PASSED


def test_several_kinds_that_were_not_read_are_all_named() -> None:
    """The first by name gives the reason, the message names each."""
    needs = frozenset({Need.PODS, Need.NODES, Need.SERVICES})
    unread = {Need.PODS: Absence.FORBIDDEN, Need.NODES: Absence.TIMED_OUT}

    found = result(world(unavailable=unread), POOLS, Rule(POOLS, holds, needs))

    assert found.reason == "TimedOut"
    assert "could not be read: nodes is TimedOut; pods is Forbidden. " in found.message


def test_words_that_do_not_name_the_kind_stand_behind_its_name() -> None:
    """The API server's own words mostly begin with the kind, and need it not twice."""
    silent = Unavailable(Absence.TIMED_OUT, "no answer within 30 s")
    here = world()
    here = replace(here, snapshot=replace(here.snapshot, pods=silent))

    found = result(here, POOLS, Rule(POOLS, holds, frozenset({Need.PODS})))

    assert found.message.startswith("could not be read: pods: no answer within 30 s. ")


def test_a_refusal_says_where_to_look() -> None:
    """Forbidden does not go away by itself, a time-out does."""
    rule = Rule(POOLS, holds, frozenset({Need.NODES}))
    refused = result(world(unavailable={Need.NODES: Absence.FORBIDDEN}), POOLS, rule)
    late = result(world(unavailable={Need.NODES: Absence.TIMED_OUT}), POOLS, rule)

    assert "deploy/base/rbac.yaml" in refused.message
    assert "tried again" in late.message


def test_what_was_not_saved_can_be_saved() -> None:
    """In a snapshot of files: the commands for all kinds that lack, to paste in their folder."""
    rule = Rule(POOLS, holds, frozenset({Need.NODES, Need.PODS}))
    unread = dict.fromkeys(rule.needs, Absence.NOT_SAVED)

    found = result(world(unavailable=unread), POOLS, rule)

    assert found.reason == "NotSaved"
    assert found.message.endswith(
        "kubectl get nodes -o json >nodes.json"
        " && kubectl get pods --all-namespaces -o json >pods.json"
    )


def test_a_crash_is_an_answer_of_one_rule_only() -> None:
    """In the operator it is Unknown and the others are told; in tests it is an error."""

    def crashes(_: World) -> Judgement:
        raise LookupError("no such thing")

    rules = (Rule(POOLS, crashes), Rule(CODERD, holds))
    found = result(world(), POOLS, *rules)

    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "RuleCrashed")
    assert "LookupError: no such thing" in found.message
    assert result(world(), CODERD, *rules).verdict is Verdict.PASSED
    with pytest.raises(LookupError):
        evaluate(world(), rules, strict=True)


def test_a_rule_that_is_off_is_not_asked() -> None:
    """It is neither passed nor failed: the user switched the question off."""
    off = {"enforcement": {"rules": {POOLS: "Off"}}}

    found = result(world(off), POOLS, breaks("Node a"))

    assert (found.verdict, found.reason, found.findings) == (Verdict.UNKNOWN, "Off", ())


@pytest.mark.parametrize("mode", ["Audit", "Enforce"])
def test_audit_and_enforce_are_judged_alike(mode: str) -> None:
    """What is only audited is told all the same."""
    spec = {"enforcement": {"rules": {POOLS: mode}}}

    assert result(world(spec), POOLS, breaks("Node a")).verdict is Verdict.FAILED


def attested(clause: str, until: str) -> dict[str, Any]:
    return {
        "attestations": [{"clause": clause, "evidence": "https://git.example.com", "until": until}]
    }


@pytest.mark.parametrize(
    ("until", "verdict", "reason"),
    [
        ("2026-11-23", Verdict.PASSED, "Attested"),
        ("2027-01-31", Verdict.PASSED, "Attested"),
        ("2026-11-22", Verdict.UNKNOWN, "NotAttested"),
    ],
)
def test_an_attestation_holds_to_its_last_day(until: str, verdict: Verdict, reason: str) -> None:
    """Evidence and date are told; the day after, the clause is as open as before."""
    found = result(world(attested(TEMPLATES, until)), TEMPLATES)

    assert (found.verdict, found.reason) == (verdict, reason)
    if verdict is Verdict.PASSED:
        assert f"attested until {until}: https://git.example.com" in found.message


@pytest.mark.parametrize("clause", ["CVA-OPS-001", "CVA-OPS-003", "CVA-OPS-005", "CVA-DB-007"])
def test_a_word_stands_in_where_a_check_cannot_always_be_made(clause: str) -> None:
    """The clauses that say so; once a rule judges them here, its word counts instead."""
    assert result(world(attested(clause, "2027-01-31")), clause).reason == "Attested"
    without = result(world(), clause)
    assert without.reason == "NotImplemented"
    assert "spec.attestations" in without.message


@pytest.mark.parametrize(
    ("rule", "until", "verdict", "reason"),
    [
        (Rule("CVA-OPS-003", cannot_tell), "2027-01-31", Verdict.PASSED, "Attested"),
        (Rule("CVA-OPS-003", cannot_tell), "2026-11-22", Verdict.UNKNOWN, "NotSeen"),
        (Rule("CVA-OPS-003", holds), "2027-01-31", Verdict.PASSED, ""),
        (breaks("it", rule="CVA-OPS-003"), "2027-01-31", Verdict.FAILED, ""),
        (
            Rule("CVA-OPS-003", holds, frozenset({Need.NODES})),
            "2027-01-31",
            Verdict.UNKNOWN,
            "Forbidden",
        ),
    ],
    ids=["unknown", "ended", "passed", "failed", "unread"],
)
def test_a_word_stands_in_where_a_rule_cannot_tell(
    rule: Rule, until: str, verdict: Verdict, reason: str
) -> None:
    """It settles what a rule that looked cannot tell, and nothing else: what is unread may contradict it."""
    here = world(attested(rule.id, until), unavailable={Need.NODES: Absence.FORBIDDEN})
    found = result(here, rule.id, rule)

    assert (found.verdict, found.reason) == (verdict, reason)


def test_a_word_does_not_stand_in_for_a_rule_of_another_clause() -> None:
    """What a cluster can show stays unknown until it does."""
    found = result(world(attested(POOLS, "2027-01-31")), POOLS, Rule(POOLS, cannot_tell))

    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "NotSeen")


@pytest.mark.parametrize("clause", ["CVA-DB-001", "CVA-GEN-001", "CVA-OBS-001"])
def test_a_word_does_not_stand_in_for_a_check_that_is_not_made_yet(clause: str) -> None:
    """What a cluster can show is not settled by saying so: Conformant would be True by word alone."""
    found = result(world(attested(clause, "2027-01-31")), clause)

    assert (found.verdict, found.reason) == (Verdict.UNKNOWN, "NotImplemented")


def test_an_attestation_that_has_ended_is_told() -> None:
    """Whoever looks sees why a clause is open again."""
    found = result(world(attested(TEMPLATES, "2026-11-22")), TEMPLATES)

    assert "the attestation ended on 2026-11-22" in found.message


def test_an_extension_that_is_not_installed_hides_nothing() -> None:
    """Without the Gateway API there are no routes: a rule that looks at them is asked. Refused is another thing."""
    rule = Rule(POOLS, holds, frozenset({Need.HTTP_ROUTES}))
    absent = world(unavailable={Need.HTTP_ROUTES: Absence.NOT_SERVED})
    refused = world(unavailable={Need.HTTP_ROUTES: Absence.FORBIDDEN})

    assert result(absent, POOLS, rule).verdict is Verdict.PASSED
    assert result(refused, POOLS, rule).verdict is Verdict.UNKNOWN


def test_the_last_day_ends_at_midnight_of_utc() -> None:
    """The clock of the world decides, and nothing else."""
    spec = attested(TEMPLATES, "2026-11-23")
    last = datetime(2026, 11, 23, 23, 59, 59, tzinfo=UTC)
    after = datetime(2026, 11, 24, tzinfo=UTC)

    assert result(world(spec, now=last), TEMPLATES).verdict is Verdict.PASSED
    assert result(world(spec, now=after), TEMPLATES).verdict is Verdict.UNKNOWN


def test_what_is_judged_is_not_attested() -> None:
    """A word does not stand against what was seen."""
    found = result(world(attested(POOLS, "2027-01-31")), POOLS, breaks("Node a"))

    assert found.verdict is Verdict.FAILED


BACKUPS = "CVA-DB-007"


def sees_nothing(_: World) -> Judgement:
    return unknown("NothingSeen", "nothing of it is seen")


def test_a_word_counts_where_a_rule_sees_nothing() -> None:
    """As long as it lasts; once it has ended the rule's own reason is told, and that it has."""
    rule = Rule(BACKUPS, sees_nothing)
    word = result(world(attested(BACKUPS, "2027-01-31")), BACKUPS, rule)
    ended = result(world(attested(BACKUPS, "2026-11-22")), BACKUPS, rule)

    assert (word.verdict, word.reason) == (Verdict.PASSED, "Attested")
    assert (ended.verdict, ended.reason) == (Verdict.UNKNOWN, "NothingSeen")
    assert ended.message == "nothing of it is seen; the attestation ended on 2026-11-22"
    assert result(world(), BACKUPS, rule).message == "nothing of it is seen"


def test_a_word_does_not_count_for_a_clause_that_the_cluster_shows() -> None:
    """Nor against a failure, a crash, or a kind that could not be read."""
    word, here = attested(BACKUPS, "2027-01-31"), attested(POOLS, "2027-01-31")
    unread = world(word, unavailable={Need.CRON_JOBS: Absence.FORBIDDEN})

    assert result(world(here), POOLS, Rule(POOLS, sees_nothing)).reason == "NothingSeen"
    assert result(world(word), BACKUPS, breaks("a", rule=BACKUPS)).verdict is Verdict.FAILED
    needy = Rule(BACKUPS, sees_nothing, frozenset({Need.CRON_JOBS}))
    assert result(unread, BACKUPS, needy).reason == "Forbidden"
    crash = Rule(BACKUPS, lambda _: 1 / 0)  # type: ignore[arg-type,return-value]
    assert result(world(word), BACKUPS, crash).reason == "RuleCrashed"


def waived(until: str = "2027-01-31", rule: str = POOLS, *resources: str) -> dict[str, Any]:
    waiver = {"rule": rule, "reason": "agreed", "until": until, "resources": list(resources)}
    return {"waivers": [waiver]}


@pytest.mark.parametrize(
    ("spec", "marks"),
    [
        (waived(), (True, True)),
        (waived("2026-11-23"), (True, True)),
        (waived("2026-11-22"), (False, False)),
        (waived("2027-01-31", CODERD), (False, False)),
        (waived("2027-01-31", POOLS, "Node a"), (True, False)),
        (waived("2027-01-31", POOLS, "Node a", "Node b"), (True, True)),
        (waived("2027-01-31", POOLS, "Node"), (False, False)),
    ],
)
def test_a_waiver_lies_over_a_failure(spec: dict[str, Any], marks: tuple[bool, bool]) -> None:
    """By rule, by resource in full, and to its last day; the failure stays one and its findings stay told."""
    found = result(world(spec), POOLS, breaks("Node a", "Node b"))

    assert found.verdict is Verdict.FAILED
    assert tuple(one.waived for one in found.findings) == marks
    assert found.waived is all(marks)


def test_a_waiver_does_not_cover_a_pass_or_a_doubt() -> None:
    """There is nothing under it."""
    crowd = (Rule(POOLS, holds),)

    assert not result(world(waived()), POOLS, *crowd).waived
    assert not result(world(waived(rule=CODERD)), CODERD).waived


def test_findings_are_told_worst_first_and_waived_ones_last() -> None:
    """By severity of the clause, then rule and resource; under a waiver everything comes later."""
    severities = {one.severity: one.id for one in reversed(clauses())}
    rules = [breaks("Node b", "Node a", rule=one) for one in reversed(severities.values())]
    critical, high = severities[SEVERITIES[0]], severities[SEVERITIES[1]]

    report = evaluate(world(waived("2027-01-31", critical, "Node a")), rules)

    told = [(one.rule, one.resource) for one in report.findings]
    expected = [(severities[one], node) for one in SEVERITIES for node in ("Node a", "Node b")]
    expected.remove((critical, "Node a"))
    assert told == [*expected, (critical, "Node a")]
    assert told[:2] == [(critical, "Node b"), (high, "Node a")]


def test_a_finding_bears_the_severity_of_its_clause() -> None:
    """Rules do not say how grave they are: the catalogue does."""
    by_id = {one.id: one.severity.value for one in clauses()}
    report = evaluate(world(), [breaks("Node a", rule=one.id) for one in ALL])

    assert {one.rule: one.severity for one in report.findings} == {
        one.id: by_id[one.id] for one in ALL
    }


def test_the_registry_holds_each_rule_once_and_says_what_it_needs() -> None:
    """A rule that needs nothing could not have looked at anything."""
    assert len({one.id for one in ALL}) == len(ALL) == 47
    assert {one.id for one in ALL if not one.needs} == BESIDE_THE_CLUSTER
