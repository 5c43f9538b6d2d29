from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.snapshot.selector_index import SelectorIndex
from coder_cva.values import selectors

if TYPE_CHECKING:
    import pytest

LABELS = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["1", "2", "3"]))
EXPRESSIONS = st.lists(
    st.fixed_dictionaries(
        {
            "key": st.sampled_from("abc"),
            "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Near"]),
            "values": st.lists(st.sampled_from(["1", "2", "3"]), max_size=3),
        }
    ),
    max_size=2,
)
SELECTORS = st.one_of(
    st.none(),
    st.fixed_dictionaries({}, optional={"matchLabels": LABELS, "matchExpressions": EXPRESSIONS}),
)


@settings(max_examples=400)
@given(st.lists(SELECTORS, max_size=12), LABELS)
def test_the_answer_is_that_of_asking_each(found: list[Any], labels: dict[str, str]) -> None:
    """Neither one more nor one less, in the order given."""
    index = SelectorIndex((one, number) for number, one in enumerate(found))

    asked = [number for number, one in enumerate(found) if selectors.matches(one, labels)]
    assert index.selecting(labels) == asked


def test_of_thousands_that_differ_in_one_label_few_are_asked(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The label that they share leads to all of them, and is not the one by which they are found."""
    exact: list[dict[str, Any]] = [
        {"matchLabels": {"all": "alike", "id": str(number)}} for number in range(1000)
    ]
    listed: list[dict[str, Any]] = [
        {"matchExpressions": [{"key": "id", "operator": "In", "values": [str(number), "x"]}]}
        for number in range(1000)
    ]
    index = SelectorIndex((one, one) for one in (*exact, *listed))
    asked = []
    matches = selectors.matches

    def noted(selector: Any, labels: Any) -> bool:
        asked.append(selector)
        return matches(selector, labels)

    monkeypatch.setattr(selectors, "matches", noted)

    assert index.selecting({"all": "alike", "id": "7"}) == asked == [exact[7], listed[7]]
