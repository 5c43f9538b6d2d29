"""A memory changes no answer, and asks for work only where something changed."""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values import memo as module
from coder_cva.values.memo import Memo, Memos

CALLS: list[tuple[int, ...]] = []


@dataclass(frozen=True)
class Item:
    """Something that was read: equal ones may be two objects."""

    number: int


def numbers(items: tuple[Item, ...], factor: int = 1) -> tuple[int, ...]:
    """A work that can be done stretch by stretch; it notes what it was asked."""
    CALLS.append(tuple(one.number for one in items))
    return tuple(one.number * factor for one in items if one.number % 3)


def total(*items: Item) -> int:
    """A work that takes everything at once; it notes that it was asked."""
    CALLS.append(tuple(one.number for one in items))
    return sum(one.number for one in items)


@pytest.fixture(autouse=True)
def _fresh() -> None:
    CALLS.clear()


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stretches of a few items, so that a test needs no thousands."""
    for name, value in (("_FEW", 2), ("_SOME", 4), ("_MOST", 8)):
        monkeypatch.setattr(module, name, value)


STEP = st.one_of(
    st.tuples(st.just("put"), st.integers(0, 30), st.integers(0, 99)),
    st.tuples(st.just("remove"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("again"), st.integers(0, 30), st.just(0)),
    st.tuples(st.just("turn"), st.just(0), st.just(0)),
    st.tuples(st.just("factor"), st.just(0), st.integers(1, 3)),
)


@pytest.mark.usefixtures("short")
@given(st.lists(st.integers(0, 99), max_size=40), st.lists(STEP, max_size=40))
def test_whoever_remembers_says_what_whoever_does_not_says(
    begin: list[int], steps: list[tuple[str, int, int]]
) -> None:
    """Over any history of things that come, go, change, or are read again as they were."""
    items, memo, factor = [Item(one) for one in begin], Memo(), 1
    for step, place, number in steps:
        if step == "put":
            items.insert(place, Item(number))
        elif step == "turn":
            memo.turn()
        elif step == "factor":
            factor = number
        elif place < len(items):
            now = items.pop(place)
            if step == "again":
                items.insert(place, Item(now.number))
        every = tuple(items)
        assert memo.flat(numbers, every, factor) == numbers(every, factor)
        assert sum(memo.parts(len, every)) == len(every)
        assert memo.once(total, *every) == total(*every)


def test_one_of_many_that_changed_is_the_work_of_one_stretch() -> None:
    """Of 5,000 items that are as they were at most one stretch is looked at again."""
    items = [Item(number) for number in range(5_000)]
    memo = Memo()
    memo.flat(numbers, tuple(items))
    for place, change in ((7, "put"), (2_500, "remove"), (4_999, "change"), (0, "change")):
        if change != "put":
            del items[place]
        if change != "remove":
            items.insert(place, Item(-1))
        memo.turn()
        CALLS.clear()
        memo.flat(numbers, tuple(items))
        assert 0 < sum(map(len, CALLS)) <= 2 * module._MOST, change


def test_many_changes_leave_no_crumbs() -> None:
    """However often items come and go, there are not many more stretches than at first."""
    items = [Item(number) for number in range(1_000)]
    memo = Memo()
    for number in range(2_000):
        if number % 2:
            del items[number * 7 % len(items)]
        else:
            items.insert(number * 11 % len(items), Item(number))
        memo.turn()
        found = memo.parts(len, tuple(items))
    assert len(found) <= len(items) / module._FEW + 1


def test_what_lies_beside_is_an_input_too() -> None:
    """Another factor is other work, for every stretch; the one before is still known."""
    items, memo = tuple(Item(number) for number in range(10)), Memo()
    assert memo.flat(numbers, items, 2) == numbers(items, 2)
    assert memo.flat(numbers, items, factor=3) == numbers(items, 3)
    CALLS.clear()
    assert memo.flat(numbers, items, 2) == memo.flat(numbers, items, factor=2)
    assert not CALLS


def test_equal_results_are_the_same_object() -> None:
    """So whoever works on with them sees that nothing changed."""
    memo = Memo()
    before = memo.flat(numbers, (Item(1), Item(2)))
    memo.turn()
    after = memo.flat(numbers, (Item(1), Item(2), Item(3)))
    assert before == after
    assert before is after


def test_what_nobody_asked_for_is_forgotten() -> None:
    """A pass later it is known, two passes later it is not, and nothing holds it any more."""
    memo, item = Memo(), Item(1)
    gone = weakref.ref(item)
    memo.once(total, item)
    memo.flat(numbers, (item,))
    memo.turn()
    del item
    gc.collect()
    assert gone() is not None
    memo.turn()
    gc.collect()
    assert gone() is None


def test_a_work_that_fails_is_done_again() -> None:
    """A failure is no result."""
    memo = Memo()
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            memo.once(divmod, 1, 0)


def test_each_has_a_memory_of_its_own_until_it_is_gone() -> None:
    """What one remembers no other knows; whoever is not kept begins anew."""
    memos = Memos()
    mine = memos.of("a")
    assert memos.of("a") is mine
    assert memos.of("b") is not mine
    memos.keep({"b"})
    assert memos.of("a") is not mine
