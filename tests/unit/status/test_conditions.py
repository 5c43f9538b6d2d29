"""Conditions as the API conventions have them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coder_cva.status.conditions import MESSAGE_LIMIT, Condition, render

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def test_a_new_condition_begins_now() -> None:
    """With its generation, and the time as the API writes it."""
    (made,) = render([Condition("Ready", "True", "AsIntended", "well")], (), 3, NOON)

    assert made == {
        "type": "Ready",
        "status": "True",
        "observedGeneration": 3,
        "lastTransitionTime": "2026-11-23T12:00:00Z",
        "reason": "AsIntended",
        "message": "well",
    }


@pytest.mark.parametrize(
    ("wanted", "since"),
    [
        (Condition("Ready", "True", "AsIntended", "well"), "12:00"),
        (Condition("Ready", "True", "AsIntended", "very well"), "12:00"),
        (Condition("Ready", "True", "Otherwise", "well"), "12:00"),
        (Condition("Ready", "False", "AsIntended", "well"), "12:05"),
        (Condition("Ready", "Unknown", "AsIntended", "well"), "12:05"),
    ],
    ids=["the same", "another message", "another reason", "another truth", "not known"],
)
def test_the_time_moves_with_the_truth_alone(wanted: Condition, since: str) -> None:
    """A new reason, message or generation is no transition."""
    before = render([Condition("Ready", "True", "AsIntended", "well")], (), 3, NOON)

    (after,) = render([wanted], before, 4, LATER)

    assert after["lastTransitionTime"] == f"2026-11-23T{since}:00Z"
    assert after["observedGeneration"] == 4


def test_what_is_no_longer_wanted_vanishes() -> None:
    """Reconciling and Stalled are there only while they are True; the order is the one given."""
    many = [Condition(name, "True", "A", "b") for name in ("Ready", "Reconciling", "Conformant")]
    before = render(many, (), 1, NOON)

    after = render([many[2], many[0]], before, 1, LATER)

    assert [one["type"] for one in after] == ["Conformant", "Ready"]


def test_a_long_message_is_cut_and_says_so() -> None:
    """At the limit nothing is lost, beyond it an ellipsis stands."""
    whole, cut = (
        render([Condition("Ready", "True", "A", "x" * length)], (), 1, NOON)[0]["message"]
        for length in (MESSAGE_LIMIT, MESSAGE_LIMIT + 1)
    )

    assert whole == "x" * MESSAGE_LIMIT
    assert len(cut) == MESSAGE_LIMIT
    assert cut.endswith("x…")
