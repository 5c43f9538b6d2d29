"""What pure functions worked out before, so that one changed Pod among ten thousand costs what one Pod costs.

Nothing here changes an answer. A result is given again only where what it was worked out from is equal, which of
records that did not change is seen at once: they are the same objects. What a pass does not ask for is forgotten.
"""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import chain
from operator import eq, is_
from typing import Any, Concatenate, ParamSpec, TypeVar

T = TypeVar("T")
R = TypeVar("R")
P = ParamSpec("P")

_FEW, _SOME, _MOST = 32, 128, 256
"""Items of a stretch: at least, at first, and at most."""
_Row = tuple[tuple[Any, ...], Any]
"""Inputs and result."""


@dataclass(slots=True)
class _Page:
    """What one pass asked for."""

    rows: defaultdict[Any, list[_Row]] = field(default_factory=lambda: defaultdict(list))
    """By function, and by function and the identity of a stretch."""
    beside: defaultdict[Any, list[tuple[Any, ...]]] = field(
        default_factory=lambda: defaultdict(list)
    )
    """By function: what stretches were judged beside."""
    cut: dict[int, tuple[tuple[Any, ...], tuple[tuple[Any, ...], ...]]] = field(
        default_factory=dict
    )
    """By the identity of a tuple: itself, lest another get its identity, and its stretches."""
    stretches: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    """By the identity of their first item."""


class Memo:
    """The memory of whoever decides the same again and again.

    A function is known by what it is, so give functions of modules and no lambdas, and only such as
    give equal results for equal inputs.
    """

    def __init__(self) -> None:
        self._now, self._last = _Page(), _Page()

    def turn(self) -> None:
        """A new pass begins: what the last one did not ask for is forgotten."""
        self._now, self._last = _Page(), self._now

    def once(self, work: Callable[P, R], *inputs: P.args, **named: P.kwargs) -> R:
        """``work`` of these inputs, worked out anew only where one of them is not what it was."""
        given = (*inputs, *named.values())
        found: R = self._row(work, given, lambda: work(*inputs, **named), eq)[1]
        return found

    def parts(
        self,
        work: Callable[Concatenate[tuple[T, ...], P], R],
        items: Sequence[T],
        *beside: P.args,
        **named: P.kwargs,
    ) -> tuple[R, ...]:
        """``work`` of each stretch of the items, anew only where something in it or beside it changed.

        Where a stretch ends is nobody's business: what ``work`` gives for the stretches has to make up,
        put together, what it gives for all items.
        """
        given = self._beside(work, (*beside, *named.values()))
        found = list[R]()
        for stretch in self._stretches(tuple(items)):
            make = partial(work, stretch, *beside, **named)
            found.append(self._row((work, id(stretch)), given, make, is_)[1])
        return tuple(found)

    def _row(
        self, key: Any, given: tuple[Any, ...], make: Callable[[], Any], alike: Callable[..., bool]
    ) -> _Row:
        """The row of these inputs under a key, made where there is none; ``alike`` compares inputs."""
        here = self._now.rows[key]
        for row in here:
            if alike(row[0], given):
                return row
        before = self._last.rows.get(key, ())
        found = next((one for one in before if alike(one[0], given)), None)
        row = found or (given, _same(make(), before))
        here.append(row)
        return row

    def _beside(self, work: Any, given: tuple[Any, ...]) -> tuple[Any, ...]:
        """What was given, as the same object as before where it is equal: it is compared once, not by stretch."""
        here, before = self._now.beside[work], self._last.beside.get(work, ())
        found = next((one for one in chain(here, before) if one == given), given)
        if not any(one is found for one in here):
            here.append(found)
        return found

    def flat(
        self,
        work: Callable[Concatenate[tuple[T, ...], P], tuple[R, ...]],
        items: Sequence[T],
        *beside: P.args,
        **named: P.kwargs,
    ) -> tuple[R, ...]:
        """The same for ``work`` that gives tuples, all in one: the same one while nothing changes."""
        parts = self.parts(work, items, *beside, **named)
        found: tuple[R, ...] = self._row((_joined, work), (parts,), lambda: _joined(parts), eq)[1]
        return found

    def _stretches(self, items: tuple[T, ...]) -> tuple[tuple[T, ...], ...]:
        """The stretches of some items; one that was there before is the same object."""
        key = id(items)
        known = self._now.cut.get(key)
        if known is None:
            known = self._last.cut.get(key) or (items, tuple(self._cut(items)))
            self._now.cut[key] = known
            self._now.stretches |= {id(one[0]): one for one in known[1]}
        return known[1]

    def _cut(self, items: tuple[T, ...]) -> Iterator[tuple[T, ...]]:
        begin = 0
        while begin < len(items):
            stretch = self._before(items, begin) or self._new(items, begin)
            yield stretch
            begin += len(stretch)

    def _before(self, items: tuple[T, ...], begin: int) -> tuple[T, ...]:
        """The stretch that began here before and is as it was; () where there is none worth keeping."""
        for page in (self._now, self._last):
            old = page.stretches.get(id(items[begin]), ())
            if len(old) >= _FEW and items[begin : begin + len(old)] == old:
                return old
        return ()

    def _new(self, items: tuple[T, ...], begin: int) -> tuple[T, ...]:
        """One that ends where one from before begins, so that what comes or goes changes no other."""
        now, last = self._now.stretches, self._last.stretches
        for place in range(begin + _FEW, min(begin + _MOST, len(items))):
            key = id(items[place])
            if key in now or key in last:
                return items[begin:place]
        return items[begin : begin + _SOME]


class Memos:
    """A memory for each of several who decide, by a name of theirs."""

    def __init__(self) -> None:
        self._known: defaultdict[str, Memo] = defaultdict(Memo)

    def of(self, name: str) -> Memo:
        """The memory of one of them, for the pass that begins now."""
        found = self._known[name]
        found.turn()
        return found

    def keep(self, names: Collection[str]) -> None:
        """Forgets all others."""
        for gone in self._known.keys() - set(names):
            del self._known[gone]


def _same(made: R, before: Iterable[_Row]) -> R:
    """An equal result from before, so that whoever works on with it sees that nothing changed."""
    results = (one[1] for one in before)
    return next((one for one in results if type(one) is type(made) and one == made), made)


def _joined(parts: tuple[tuple[R, ...], ...]) -> tuple[R, ...]:
    return tuple(chain.from_iterable(parts))
