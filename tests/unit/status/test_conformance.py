"""Conformant: False before Unknown before True, and never True by silence."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from coder_cva.catalogue.clauses import Chapter, clauses
from coder_cva.status.conformance import CHAPTERS, COUNTING, conditions
from support.results import FAILED, NOT_APPLICABLE, PASSED, UNKNOWN, clause, result

if TYPE_CHECKING:
    from coder_cva.rules.model import RuleResult
    from coder_cva.status.conditions import Condition

HIGH, OTHER_HIGH, THIRD_HIGH = "CVA-NODE-003", "CVA-CTL-002", "CVA-CTL-001"
ADVISORY, ATTESTED = "CVA-GEN-001", "CVA-OPS-004"
LOOK = "kubectl get it"


def conformant(*results: RuleResult) -> Condition:
    """The condition about the whole."""
    return conditions(results, LOOK)[0]


def test_the_clauses_of_these_tests_are_what_their_names_say() -> None:
    """Should the catalogue change, the tests below would prove something else."""
    for one in (HIGH, OTHER_HIGH, THIRD_HIGH):
        assert clause(one).severity in COUNTING
        assert clause(one).disposition != "attested"
    assert clause(ADVISORY).severity not in COUNTING
    assert clause(ATTESTED).disposition == "attested"


def test_without_a_verdict_nothing_is_known() -> None:
    """No result is no evidence."""
    found = conformant()

    assert (found.type, found.status, found.reason) == ("Conformant", "Unknown", "NothingJudged")


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((PASSED, PASSED, PASSED), ("True", "AllPassed")),
        ((PASSED, PASSED, NOT_APPLICABLE), ("True", "AllPassed")),
        ((PASSED, PASSED, UNKNOWN), ("Unknown", "UnknownRules")),
        ((NOT_APPLICABLE, NOT_APPLICABLE, UNKNOWN), ("Unknown", "UnknownRules")),
        ((PASSED, PASSED, FAILED), ("False", "FailedRules")),
        ((UNKNOWN, UNKNOWN, FAILED), ("False", "FailedRules")),
    ],
    ids=" ".join,
)
def test_false_comes_before_unknown_before_true(
    verdicts: tuple[str, ...], expected: tuple[str, str]
) -> None:
    """In whatever order the results come."""
    pairs = list(zip((HIGH, OTHER_HIGH, THIRD_HIGH), verdicts, strict=True))
    for order in permutations(pairs):
        found = conformant(*(result(one, verdict) for one, verdict in order))  # type: ignore[arg-type]
        assert (found.status, found.reason) == expected


def test_what_does_not_count_does_not_count() -> None:
    """An advisory failure and an attested clause without its attestation are told elsewhere."""
    found = conformant(result(HIGH, PASSED), result(ADVISORY, FAILED), result(ATTESTED, UNKNOWN))

    assert found.status == "True"
    assert found.message == "1 clauses hold or are waived"


def test_a_waiver_lies_over_a_failure() -> None:
    """It is no failure for the condition, and the other failure still is one."""
    waived = result(HIGH, FAILED, waived=True)

    assert conformant(waived, result(OTHER_HIGH, PASSED)).status == "True"
    found = conformant(waived, result(OTHER_HIGH, FAILED))
    assert found.status == "False"
    assert found.message.startswith("1 failed: CVA-CTL-002")


def test_the_worst_three_are_named_and_the_rest_is_one_command_away() -> None:
    """A terminal shows one line."""
    counting = [
        one.id for one in clauses() if one.severity in COUNTING and one.disposition != "attested"
    ]
    found = conformant(*(result(one, FAILED) for one in counting[:5]))

    assert found.message.startswith(f"5 failed: {counting[0]}")
    assert counting[2] in found.message
    assert counting[3] not in found.message
    assert found.message.endswith(f"; and 2 more: {LOOK}")


def test_every_chapter_has_a_condition_of_its_own() -> None:
    """All chapters of the catalogue; one without a result has none."""
    chapters = {one.chapter for one in clauses()}
    assert set(CHAPTERS) == chapters == set(Chapter.__args__)  # type: ignore[attr-defined]

    found = conditions((result(HIGH, PASSED), result(ADVISORY, FAILED)), LOOK)

    assert [(one.type, one.status) for one in found] == [
        ("Conformant", "True"),
        ("GeneralConformant", "False"),
        ("NodePoolsConformant", "True"),
    ]


def test_a_chapter_in_which_nothing_applies_says_so() -> None:
    """True, and not for a number of clauses that hold."""
    found = conditions((result("CVA-WS-001", NOT_APPLICABLE),), LOOK)

    assert found[-1].message == "no clause applies here"
