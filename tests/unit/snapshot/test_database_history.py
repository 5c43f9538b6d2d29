"""Looks in the order of time: when a database is slow, what of it is told, how it grows."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import database_history as history
from coder_cva.snapshot.database_seen import Pace, Size

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
MEDIANS = st.lists(st.floats(0.01, 1000), min_size=1)


def after(*medians: float, pace: Pace | None = None) -> Pace:
    """What counts after these measurements."""
    found = pace or Pace()
    for one in medians:
        found = history.settle(found, one)
    return found


@pytest.mark.parametrize(
    ("medians", "slow"),
    [
        ((1,), False),
        ((9.99,), False),
        ((10,), None),
        ((10, 10), True),
        ((10, 9.9), False),
        ((1, 12), False),
        ((1, 12, 1, 12), False),
        ((1, 12, 12), True),
        ((12, 12, 1), True),
        ((12, 12, 1, 9.5, 1), True),
        ((12, 12, 8.9, 8.9), False),
        ((12, 12, 9.5, 9.5, 9.5), True),
    ],
)
def test_two_looks_in_a_row_turn_it(medians: tuple[float, ...], slow: bool | None) -> None:
    """One alone is an accident; between nine and ten nothing turns."""
    assert after(*medians).slow is slow


@given(MEDIANS)
def test_it_is_slow_only_after_slow_looks_and_fast_only_after_fast_ones(
    medians: list[float],
) -> None:
    """Whatever came before."""
    for earlier in (None, False, True):
        start = Pace(earlier)
        assert after(*medians, 10, 10, pace=start).slow is True
        assert after(*medians, 8.9, 8.9, pace=start).slow is False
        assert history.settle(after(*medians, 10, 10), 8.9).slow is True


@given(MEDIANS, st.integers(0, 3))
def test_what_is_told_fits_the_verdict_and_stays_near(medians: list[float], extra: int) -> None:
    """A failed clause never shows a number that passes clearly, nor a passed one a number that fails for long."""
    shown, pace = None, Pace()
    for one in (*medians, *[medians[-1]] * (extra + 2)):
        pace = history.settle(pace, one)
        shown = history.told(shown, one, pace)
    last = medians[-1]

    assert shown is not None
    assert abs(shown - last) <= max(0.6, 0.25 * max(shown, last))
    if not pace.slow:
        assert shown <= history.LIMIT_MS


def test_a_little_more_or_less_is_told_as_before() -> None:
    """So that the status moves only when there is something to see."""
    fast, slow = Pace(slow=False), Pace(slow=True)

    assert history.told(None, 1.234, fast) == 1.2
    assert history.told(1.2, 1.6, fast) == 1.2
    assert history.told(1.2, 1.8, fast) == 1.8
    assert history.told(8.0, 9.5, fast) == 8.0
    assert history.told(8.0, 10.4, slow) == 10.4
    assert history.told(12.0, 10.4, slow) == 12.0
    assert history.told(10.4, 8.8, fast) == 8.8


def test_sizes_are_kept_for_two_days_one_an_hour() -> None:
    sizes: tuple[Size, ...] = ()
    for minutes in range(0, 60 * 24 * 4, 10):
        sizes = history.remembered(sizes, minutes, NOW + timedelta(minutes=minutes))

    assert len(sizes) == 48
    assert sizes[-1].at - sizes[0].at == timedelta(hours=47)


def test_growth_is_told_of_what_was_watched_long_enough() -> None:
    """Six hours; it may be negative."""
    first = (Size(NOW, 1_000),)

    assert history.growth((), 5_000, NOW) is None
    assert history.growth(first, 5_000, NOW + timedelta(hours=5)) is None
    assert history.growth(first, 2_000, NOW + timedelta(hours=12)) == 2_000
    assert history.growth(first, 500, NOW + timedelta(hours=24)) == -500


@pytest.mark.parametrize(
    ("amount", "told"),
    [
        (None, None),
        (0, 0),
        (7, 7),
        (99, 99),
        (104, 100),
        (8_149_999, 8_100_000),
        (-1_234, -1_200),
        (999, 1000),
    ],
)
def test_two_digits(amount: int | None, told: int | None) -> None:
    assert history.two_digits(amount) == told
