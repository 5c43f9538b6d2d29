"""Whom of many selectors selects a Pod: selectors in, an answer that does not ask each of them out.

Templates make policies by the hundred that differ in the value of one label. Such a label, or the values
that an expression lists, lead to the few selectors that come into question.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Generic, TypeVar

from coder_cva.values import selectors
from coder_cva.values.manifest import dig

T = TypeVar("T")
_Pair = tuple[str, str]


class SelectorIndex(Generic[T]):
    """Things with a LabelSelector each, by a label that whoever is selected must have."""

    def __init__(self, things: Iterable[tuple[Mapping[str, Any] | None, T]]) -> None:
        self._things = tuple(things)
        self._by_label: defaultdict[_Pair, list[int]] = defaultdict(list)
        self._for_all: list[int] = []
        """Those that no single label leads to."""
        seen = Counter(pair for selector, _ in self._things for pair in _exact(selector))
        for number, (selector, _) in enumerate(self._things):
            pairs = _listed(selector) or sorted(_exact(selector), key=seen.__getitem__)[:1]
            for pair in pairs:
                self._by_label[pair].append(number)
            if not pairs:
                self._for_all.append(number)

    def selecting(self, labels: Mapping[str, str]) -> list[T]:
        """What selects a Pod with these labels, in the order given at first."""
        numbers = {*self._for_all}
        for pair in labels.items():
            numbers.update(self._by_label.get(pair, ()))
        candidates = (self._things[number] for number in sorted(numbers))
        return [thing for selector, thing in candidates if selectors.matches(selector, labels)]


def _exact(selector: Mapping[str, Any] | None) -> list[_Pair]:
    return list(dig(selector, "matchLabels", default={}).items())


def _listed(selector: Mapping[str, Any] | None) -> list[_Pair]:
    """The labels that an expression lists, one of which is on everybody who is selected."""
    for one in dig(selector, "matchExpressions", default=()):
        if one.get("operator") == "In":
            return [(one.get("key", ""), value) for value in dict.fromkeys(one.get("values") or ())]
    return []
