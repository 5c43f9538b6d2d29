"""Promises that hold for every rule in every world: nothing unseen passes, equal worlds give equal bytes."""

from __future__ import annotations

import random
from dataclasses import asdict
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Report, Verdict
from coder_cva.rules.registry import ALL
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.values.canonical import canonical
from support import builders
from support.corpus import Case, cases
from support.samples import samples
from support.strategies import mutated

CASES: Final = [one for one in cases() if "unavailable" not in one.content]
CASE: Final = st.sampled_from(CASES)
SAMPLES: Final = samples()


def verdicts(report: Report) -> dict[str, Verdict]:
    return {one.id: one.verdict for one in report.results}


@settings(max_examples=150)
@given(CASE, st.sampled_from(list(Need)), st.sampled_from(list(Absence)))
def test_what_is_not_seen_never_makes_a_better_verdict(
    case: Case, need: Need, absence: Absence
) -> None:
    """Without one kind each verdict is as it was, or Unknown; a failure never becomes anything better."""
    before = verdicts(evaluate(case.world(), strict=True))
    blind = builders.world(
        case.deployment(), case.objects(), unavailable={need: absence}, plausible=False
    )

    after = verdicts(evaluate(blind, strict=True))

    assert {name: told for name, told in after.items() if told != Verdict.UNKNOWN}.items() <= (
        before.items()
    )


@given(CASE)
def test_a_blind_operator_knows_nothing(case: Case) -> None:
    """With every kind refused no rule says anything but Unknown."""
    refused = dict.fromkeys(Need, Absence.FORBIDDEN)
    blind = builders.world(case.deployment(), case.objects(), unavailable=refused)

    told = evaluate(blind, strict=True)

    assert {one.verdict for one in told.results if one.reason != "Attested"} == {Verdict.UNKNOWN}


@settings(max_examples=60)
@given(CASE, st.randoms(use_true_random=False))
def test_the_order_of_arrival_never_matters(case: Case, dice: random.Random) -> None:
    """The same objects in any order, and the same report to the byte."""
    objects = case.objects()
    told = evaluate(builders.world(case.deployment(), objects), strict=True)
    dice.shuffle(objects)

    again = evaluate(builders.world(case.deployment(), objects), strict=True)

    assert canonical(asdict(again)) == canonical(asdict(told))


@settings(max_examples=150)
@given(CASE, st.data())
def test_no_world_that_can_be_read_makes_a_rule_raise(case: Case, data: st.DataObject) -> None:
    """A world of the corpus among live objects with any parts replaced by any JSON."""
    objects = case.objects()
    strange = [
        data.draw(mutated([*SAMPLES[need], *_of_kind(objects, need)]))
        for need in data.draw(st.lists(st.sampled_from(list(Need)), max_size=4))
    ]
    named = [one for one in strange if _is_readable(one)]
    kept = [one for one in objects if data.draw(st.integers(0, 4)) > 0]

    world = builders.world(case.deployment(), kept, named, plausible=False)

    report = evaluate(world, strict=True)
    assert canonical(asdict(report)) == canonical(asdict(evaluate(world, strict=True)))


def _of_kind(objects: list[dict[str, Any]], need: Need) -> list[dict[str, Any]]:
    return [one for one in objects if one["kind"] == SOURCES[need].kind]


def _is_readable(body: dict[str, Any]) -> bool:
    """Whether the builders of worlds can file it: kind and place are texts."""
    metadata = body.get("metadata")
    return (
        isinstance(metadata, dict)
        and all(isinstance(body.get(key), str) for key in ("apiVersion", "kind"))
        and isinstance(metadata.get("name"), str)
        and isinstance(metadata.get("namespace", ""), str)
    )


@pytest.mark.parametrize("case", CASES, ids=lambda it: it.name)
def test_no_rule_says_half_a_thing(case: Case) -> None:
    """A failure has findings, a finding says what and what to do, a doubt has a reason of one word."""
    report = evaluate(case.world(), strict=True)

    for one in report.results:
        assert one.message, one.id
        assert "\n" not in one.message, one.id
        assert bool(one.findings) == (one.verdict is Verdict.FAILED), one.id
        if one.verdict is Verdict.UNKNOWN:
            assert one.reason.isalpha(), one.id
    for finding in report.findings:
        said = (finding.resource, finding.field, finding.expected, finding.observed, finding.remedy)
        assert all(said), finding
        kind, _, name = finding.resource.partition(" ")
        assert kind.isalpha(), finding
        assert name, finding


def test_every_rule_is_in_every_world_of_the_properties() -> None:
    """The properties above are about something: each rule gives each verdict somewhere."""
    seen = {
        (one.id, one.verdict)
        for case in CASES
        for one in evaluate(case.world(), strict=True).results
    }

    assert {
        (rule.id, verdict) for rule in ALL for verdict in (Verdict.PASSED, Verdict.FAILED)
    } <= seen
