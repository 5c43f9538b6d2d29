"""Laws of all rules, over all worlds of the corpus: what is not read does not count, order does not matter."""

from __future__ import annotations

from dataclasses import fields, replace
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coder_cva.catalogue.clauses import SEVERITIES, clauses
from coder_cva.rules.engine import OPTIONAL, evaluate
from coder_cva.rules.model import Report, Verdict
from coder_cva.rules.registry import ALL
from coder_cva.snapshot.discovery import discover
from coder_cva.snapshot.model import Absence, ClusterSnapshot, Gathered, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.parse import gathered
from support import builders, corpus
from support.strategies import mutated
from support.workspace_manifests import TOKEN

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

CASES = corpus.cases()
RULES = {rule.id: rule for rule in ALL}
JUDGED = (Verdict.PASSED, Verdict.FAILED)


@cache
def worlds() -> dict[str, World]:
    """The worlds of the corpus by name."""
    return {case.name: case.world() for case in CASES}


@cache
def report(name: str) -> Report:
    """What is said about one of them."""
    return evaluate(worlds()[name], strict=True)


def without(world: World, need: Need, reason: Absence) -> World:
    """The same world, in which one kind could not be read."""
    unread: dict[str, Any] = {need.value: Unavailable(reason, f"{need} is {reason}")}
    snapshot = replace(world.snapshot, **unread)
    return replace(world, snapshot=snapshot, found=discover(world.deployment, snapshot))


@pytest.mark.parametrize("need", Need)
def test_a_kind_that_is_taken_away_makes_its_rules_unknown_and_no_other_different(
    need: Need,
) -> None:
    """Nothing unseen passes or fails; what a rule did not declare it did not look at, by no detour."""
    for name, world in worlds().items():
        for before, after in zip(
            report(name).results,
            evaluate(without(world, need, Absence.FORBIDDEN), strict=True).results,
            strict=True,
        ):
            rule = RULES.get(before.id)
            if rule is None or need not in rule.needs:
                assert after == before, name
            elif need not in world.snapshot.missing():
                assert after.verdict is Verdict.UNKNOWN, name
                assert after.findings == (), name


@pytest.mark.parametrize("need", sorted(OPTIONAL))
def test_what_is_not_served_is_none_of(need: Need) -> None:
    """An extension that is not installed hides nothing: the answer is that of a cluster without such objects."""
    for name, world in worlds().items():
        none: dict[str, Any] = {need.value: Gathered(())}
        expected = evaluate(replace(world, snapshot=replace(world.snapshot, **none)), strict=True)

        assert evaluate(without(world, need, Absence.NOT_SERVED), strict=True) == expected, name


class _Recording(ClusterSnapshot):
    """A snapshot that remembers what it was asked for."""

    def __init__(self, snapshot: ClusterSnapshot) -> None:
        super().__init__(**{one.name: getattr(snapshot, one.name) for one in fields(snapshot)})
        self.__dict__["asked"] = set()

    @property
    def asked(self) -> set[Need]:
        """Every kind that was asked for."""
        found: set[Need] = self.__dict__["asked"]
        return found

    def reading(self, need: Need) -> Any:
        """The reading, and the memory of it; ``items`` comes by here too."""
        self.asked.add(need)
        return super().reading(need)


@pytest.mark.parametrize("rule", ALL, ids=lambda rule: rule.id)
def test_a_rule_reads_only_what_it_declares(rule: Any) -> None:
    """From its needs follow the operator's rights, and when it is not asked; so they have to be true."""
    read: set[Need] = set()
    for world in worlds().values():
        if rule.needs & world.snapshot.missing().keys():
            continue
        snapshot = _Recording(world.snapshot)
        rule.judge(replace(world, snapshot=snapshot))
        read |= snapshot.asked

    assert read - rule.needs == set()


def test_the_recording_snapshot_records() -> None:
    """Else the test above could not fail."""
    snapshot = _Recording(next(iter(worlds().values())).snapshot)

    assert snapshot.items(Need.NODES)
    assert snapshot.asked == {Need.NODES}


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_order_of_objects_does_not_matter(case: corpus.Case) -> None:
    """Nor does asking twice: equal worlds, equal bytes."""
    backwards = builders.world(
        case.deployment(),
        *reversed(case.objects()),
        unavailable={need: one.reason for need, one in case.world().snapshot.missing().items()},
        now=case.world().now,
    )

    assert repr(evaluate(backwards, strict=True)) == repr(report(case.name))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_what_is_said_is_whole_and_in_order(case: corpus.Case) -> None:
    """A failure has findings, a finding says what to do, a doubt has a reason; the worst comes first."""
    whole(report(case.name))


def whole(found: Report) -> None:
    """What holds of every report."""
    assert [one.clause for one in found.results] == list(clauses())
    for one in found.results:
        assert one.message, one.id
        assert bool(one.findings) == (one.verdict is Verdict.FAILED), one.id
        assert bool(one.reason) == (one.verdict is Verdict.UNKNOWN), one.id
        assert list(one.findings) == sorted(one.findings, key=lambda it: (it.waived, it)), one.id
    for finding in found.findings:
        assert all((finding.resource, finding.field, finding.expected, finding.observed)), finding
        assert finding.remedy, finding
    graveness = [
        (one.waived, [str(it) for it in SEVERITIES].index(one.severity)) for one in found.findings
    ]
    assert graveness == sorted(graveness)
    assert TOKEN not in repr(found)


def test_worlds_of_all_verdicts_are_there() -> None:
    """Else the laws would be about little."""
    seen = {(one.id, one.verdict) for name in worlds() for one in report(name).results}

    for rule in ALL:
        assert {verdict for id_, verdict in seen if id_ == rule.id} >= {*JUDGED, Verdict.UNKNOWN}


@st.composite
def damaged(draw: st.DrawFn) -> World:
    """A world of the corpus in which up to three objects have any JSON in some of their places."""
    case = draw(st.sampled_from(CASES))
    bodies = [builders.live(one) for one in case.objects()]
    world = worlds()[case.name]
    kinds = {source.kind: need for need, source in SOURCES.items()}
    known = [(kinds[one["kind"]], one) for one in bodies if one["kind"] in kinds]
    for _ in range(draw(st.integers(1, 3)) if known else 0):
        at = draw(st.integers(0, len(known) - 1))
        known[at] = (known[at][0], draw(mutated([known[at][1]])))
    readings: dict[str, Any] = {
        need.value: gathered(need, [body for kind, body in known if kind is need])
        for need in {kind for kind, _ in known}
    }
    snapshot = replace(world.snapshot, **readings)
    return replace(world, snapshot=snapshot, found=discover(world.deployment, snapshot))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(damaged())
def test_no_rule_raises_whatever_the_api_server_shows(world: World) -> None:
    """In the operator a crash is an Unknown of one rule; it should not come to that."""
    found = evaluate(world, strict=True)

    whole(found)
    assert repr(evaluate(world, strict=True)) == repr(found)
