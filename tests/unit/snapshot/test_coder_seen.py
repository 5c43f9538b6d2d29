"""What was seen of Coder lasts a little: a restart of coderd is no news about its licence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from coder_cva.snapshot.coder_seen import CoderSeen, Unseen, nothing, patient

BEFORE = CoderSeen(version="2.30.0", users=3, owners=Unseen("Forbidden", "no"))


@pytest.mark.parametrize(
    "reason", ["Slow", "Unreachable", "ServerError", "Truncated", "TooManyRequests"]
)
def test_what_was_seen_before_stands_for_two_looks(reason: str) -> None:
    """Then what is not seen is unknown; what was not seen before stays what it is now."""
    gone = nothing(reason, "away")

    first = patient(BEFORE, gone)
    second = patient(first, gone)

    assert (first.version, first.users, first.kept) == ("2.30.0", 3, 1)
    assert first.owners == gone.owners
    assert second == replace(first, kept=2)
    assert patient(second, gone) == gone


@pytest.mark.parametrize(
    "reason", ["Unauthorized", "Forbidden", "NotServed", "TokenNotRead", "TLS"]
)
def test_what_will_not_pass_by_itself_counts_at_once(reason: str) -> None:
    """A token that was withdrawn shows nothing any more."""
    assert patient(BEFORE, nothing(reason, "no")) == nothing(reason, "no")


def test_what_is_seen_now_always_counts() -> None:
    """Part by part; after a good look the patience is whole again."""
    now = CoderSeen(version="2.31.0", users=Unseen("Slow", "late"))

    assert patient(None, now) == now
    mixed = patient(BEFORE, now)
    assert (mixed.version, mixed.users, mixed.kept) == ("2.31.0", 3, 1)
    assert patient(mixed, BEFORE).kept == 0


def test_what_runs_is_the_most_of_the_last_hour() -> None:
    """A number that goes up and down with every look would be news each minute."""
    seen: CoderSeen | None = None
    told = []
    for running in (3, 7, 0, 5, *(0 for _ in range(57)), 2):
        seen = patient(seen, CoderSeen(running_jobs=running))
        told.append(seen.running_jobs)

    assert told[:4] == [3, 7, 7, 7]
    assert set(told[4:-1]) == {7}
    assert told[-1] == 5


def test_an_agent_is_lost_where_two_looks_miss_it() -> None:
    """A restart of coderd loses all of them for a moment."""
    seen: CoderSeen | None = None
    told = []
    for missed in (2, 600, 3, 40, 41, 5):
        seen = patient(seen, CoderSeen(lost_agents=missed))
        told.append(seen.lost_agents)

    assert told == [2, 2, 3, 3, 40, 5]
    assert seen is not None
    assert seen.lost_lately == (2, 600, 3, 40, 41, 5)
    assert patient(seen, nothing("Forbidden", "no")).lost_lately == seen.lost_lately


def test_a_look_without_builds_forgets_none() -> None:
    """Those before it count on."""
    first = patient(None, CoderSeen(running_jobs=9))
    second = patient(first, nothing("Slow", "late"))

    assert (second.running_jobs, second.lately) == (9, (9,))
    assert patient(second, CoderSeen(running_jobs=1)).running_jobs == 9
