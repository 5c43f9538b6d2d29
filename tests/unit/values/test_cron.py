from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values.cron import longest_gap

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("schedule", "gap"),
    [
        ("0 2 * * *", DAY),
        ("0 0 2 * * *", DAY),
        ("*/15 * * * *", HOUR / 4),
        ("30 1,13 * * *", HOUR * 12),
        ("0 8-18/2 * * *", HOUR * 14),
        ("0 2 * * MON-FRI", DAY * 3),
        ("0 2 * * 0", DAY * 7),
        ("0 2 * * 7", DAY * 7),
        ("0 2 1 * *", DAY * 31),
        ("0 2 1 * 1", DAY * 7),
        ("0 2 ? * sun", DAY * 7),
        ("0 0 1 JAN *", DAY * 366),
        ("@daily", DAY),
        ("@weekly", DAY * 7),
        ("CRON_TZ=Europe/Berlin 0 2 * * *", DAY),
        ("0 2 30 2 *", DAY * 732),
    ],
)
def test_the_longest_time_between_two_runs(schedule: str, gap: timedelta) -> None:
    """Five fields, six of CloudNativePG, names, steps, words; the 30th of February never comes."""
    assert longest_gap(schedule) == gap


@pytest.mark.parametrize(
    "schedule",
    [
        "",
        "daily",
        "0 2 * *",
        "61 * * * *",
        "0 2 * * * * *",
        "*/0 * * * *",
        "5-2 * * * *",
        "@every 1h",
    ],
)
def test_what_is_no_schedule_has_none(schedule: str) -> None:
    """It is told so by whoever asks."""
    assert longest_gap(schedule) is None


@given(st.text(max_size=30))
def test_no_text_raises(text: str) -> None:
    """Whatever stands in a field of the cluster."""
    gap = longest_gap(text)

    assert gap is None or gap > timedelta(0)


@given(st.integers(0, 59), st.integers(0, 23), st.sets(st.integers(0, 6), min_size=1))
def test_more_days_never_make_the_gap_longer(minute: int, hour: int, days: set[int]) -> None:
    """And seconds change nothing."""
    some = longest_gap(f"{minute} {hour} * * {','.join(map(str, sorted(days)))}")
    every = longest_gap(f"{minute} {hour} * * *")

    assert some is not None
    assert every == DAY <= some <= DAY * 7
    assert longest_gap(f"5 {minute} {hour} * * *") == every
