"""A repetition is made twice at once, then rarely, for as long as it goes on."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.apply.patience import AT_ONCE, PAUSES, WINDOW, Patience, Quarrel
from coder_cva.values.manifest import Ref

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
IT = Quarrel("made", Ref("v1", "Service", "coder", "coder"), "uid-1")


def test_twice_at_once_then_ever_more_seldom() -> None:
    """Asked every minute for three hours."""
    patience, made = Patience(), []
    for minute in range(180):
        now = NOON + timedelta(minutes=minute)
        if patience.left(IT, now) is None:
            patience.note(IT, now)
            made.append(minute)

    assert made[:6] == [0, 1, 2, 12, 32, 52]
    assert len([one for one in made if one < 60]) == 6
    assert max(b - a for a, b in itertools.pairwise(made)) == 20


def test_after_an_hour_of_peace_nothing_is_remembered() -> None:
    """Nor kept in memory."""
    patience = Patience()
    for _ in range(AT_ONCE):
        patience.note(IT, NOON)
    assert patience.left(IT, NOON) == PAUSES[0]

    assert patience.left(IT, NOON + WINDOW) is None
    assert patience.times == {}


def test_what_is_forgotten_is_no_repetition() -> None:
    """As when we ourselves have undone it meanwhile."""
    patience = Patience()
    for _ in range(AT_ONCE):
        patience.note(IT, NOON)
    patience.forget(IT)

    assert (patience.left(IT, NOON), patience.count(IT, NOON)) == (None, 0)


def test_an_edit_of_its_own_resource_ends_the_waiting() -> None:
    """Nobody else's edit does, and looking again is no edit."""
    patience = Patience()
    patience.looked_at("uid-1", 1)
    for _ in range(AT_ONCE):
        patience.note(IT, NOON)

    patience.looked_at("uid-1", 1)
    patience.looked_at("uid-2", 7)
    assert patience.left(IT, NOON) == PAUSES[0]
    patience.looked_at("uid-1", 2)
    assert patience.left(IT, NOON) is None


@given(st.lists(st.integers(1, 3600), min_size=1, max_size=200))
def test_never_more_than_a_few_an_hour(seconds: list[int]) -> None:
    """However often it is asked for: in no hour more than six times."""
    patience, now, made = Patience(), NOON, []
    for pause in seconds:
        now += timedelta(seconds=pause)
        if patience.left(IT, now) is None:
            patience.note(IT, now)
            made.append(now)

    assert all(len([b for b in made if a <= b < a + WINDOW]) <= 6 for a in made)
