"""From calls on trial to a word: in force, out of force, and back, never by a single call but the very first answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot.webhook_calls import (
    CALM,
    FIRST_PACE,
    FIRST_TRIES,
    LONGEST,
    QUICK_PACE,
    RECENT,
    STEADY_PACE,
    SURE,
    SUREST,
    Call,
    Calls,
    Came,
    Reach,
)

YES = Call(Came.ANSWERED)
NO = Call(Came.FAILED, "context deadline exceeded")
UNASKED = Call(Came.UNASKED, "the API server answered without asking")
AWAY = Call(Came.UNKNOWN, "no answer")
ANY = st.sampled_from([YES, NO, UNASKED, AWAY])


def after(*calls: Call, of: Calls | None = None) -> Calls:
    """What these calls come to, one after the other."""
    known = of or Calls()
    for one in calls:
        known = known.after(one)
    return known


def lost() -> Calls:
    """In force once, and then no longer."""
    return after(YES, NO, NO, NO)


def test_one_answer_is_enough_at_the_beginning() -> None:
    """Also after some calls in vain: a replica that has just started."""
    assert Calls().reach == Reach(None)
    assert Calls().pace == FIRST_PACE
    assert after(YES).reach == Reach(is_reached=True)
    assert after(NO, UNASKED, AWAY, YES).reach == Reach(is_reached=True)
    assert after(YES).pace == STEADY_PACE


def test_at_the_beginning_it_ends_after_ten_in_vain() -> None:
    """Only an API server that says nothing itself proves nothing, however long."""
    assert after(*[AWAY] * 50) == Calls()
    for call in (NO, UNASKED):
        assert after(*[call] * (FIRST_TRIES - 1)).is_reached is None
        found = after(*[call] * FIRST_TRIES)
        assert found.reach == Reach(is_reached=False, why=call.why)
        assert found.pace == STEADY_PACE


def test_single_failures_take_nothing_away() -> None:
    """It is looked at more often until they are forgotten."""
    known = after(YES, NO, NO)
    assert known.is_reached
    assert known.pace == QUICK_PACE
    assert after(*[YES] * RECENT, of=known).pace == STEADY_PACE


def test_three_in_a_row_take_it_out_of_force() -> None:
    """And the API server's own words are kept."""
    assert lost().reach == Reach(is_reached=False, why=NO.why)
    assert lost().pace == STEADY_PACE


def test_an_api_server_that_is_away_is_no_word_about_the_webhook() -> None:
    """For minutes: neither is anything taken away, nor is what was seen before it forgotten."""
    assert after(YES, *[AWAY] * 50).is_reached
    assert not after(YES, NO, NO, *[AWAY] * 50, NO).is_reached
    assert after(YES, *[AWAY] * 50) == after(YES)
    assert after(*[AWAY] * 50, of=lost()) == lost()


def test_where_every_other_call_fails_it_is_out_of_force_and_says_so() -> None:
    """Of two replicas one is out of reach: half of the Pods would wait two seconds each."""
    known = after(YES, NO, YES, NO, YES, NO)
    assert known.reach == Reach(is_reached=False, why=NO.why, is_partly=True)
    for _ in range(20):
        known = after(YES, NO, of=known)
        assert known.is_reached is False
    assert not lost().is_partly
    assert after(YES, NO, of=lost()).is_partly


def test_it_comes_back_after_three_answers_in_a_row() -> None:
    """Asked for quickly once the first one came."""
    known = after(*[YES] * (SURE - 1), of=lost())
    assert known.is_reached is False
    assert known.pace == QUICK_PACE
    assert after(YES, of=known).reach == Reach(is_reached=True)
    again = after(NO, *[YES] * (SURE - 1), of=known)
    assert again.is_reached is False


def test_what_comes_and_goes_has_to_last_ever_longer() -> None:
    """Each change writes configurations: with every loss twice as many answers, and an hour of calm forgets."""
    known, wanted = Calls(is_reached=True), []
    for _ in range(7):
        known = after(NO, NO, NO, of=known)
        count = 0
        while not known.is_reached:
            known, count = known.after(YES), count + 1
        wanted.append(count)
    assert wanted == [3, 6, 12, 24, 48, SUREST, SUREST]
    calm = after(*[YES] * CALM, of=known)
    assert calm.losses == 0


def test_the_words_do_not_change_with_every_call() -> None:
    """The status repeats them: ports that are others each time are left out, and the most frequent cause stands."""
    first = Call(Came.FAILED, "read tcp 10.0.0.7:51234->10.0.0.9:9443: connection\n reset")
    later = Call(Came.FAILED, "read tcp 10.0.0.7:60001->10.0.0.9:9443: connection reset")
    known = after(YES, first, first, later)
    assert known.reach.why == "read tcp 10.0.0.9:9443: connection reset"
    assert after(UNASKED, later, of=known).reach == known.reach
    assert len(after(YES, *[Call(Came.FAILED, "x" * 999)] * 3).reach.why) == LONGEST


@given(st.lists(ANY, max_size=200))
def test_it_is_never_in_force_without_an_answer_of_late(calls: list[Call]) -> None:
    """Whatever comes: in force means that of the last five calls that say something at most two failed."""
    known, said = Calls(), []
    for one in calls:
        known = known.after(one)
        if one.came is not Came.UNKNOWN:
            said.append(one)
        if known.is_reached:
            assert any(one.is_answered for one in said)
            since = said[-RECENT:]
            assert sum(not one.is_answered for one in since[-3:]) < 3
        assert (known.reach.why == "") is (known.is_reached is not False)


@given(st.lists(ANY, max_size=400))
def test_changes_are_bounded(calls: list[Call]) -> None:
    """From loss to loss there are at least as many answers as the loss before asked for."""
    known, losses = Calls(), 0
    for one in calls:
        before, known = known, known.after(one)
        losses += before.is_reached is True and known.is_reached is False
    answers = sum(one.is_answered for one in calls)
    needed = sum(min(SURE * 2**at, SUREST) for at in range(losses - 1))
    assert losses == 0 or answers >= needed
