from typing import Any

import pytest
from hypothesis import given

from coder_cva.snapshot import shapes
from coder_cva.values import selectors
from support.strategies import JSON


@pytest.mark.parametrize(
    ("written", "expected"),
    [("500m", 500), ("2", 2000), (2, 2000), (1, 1000), (0.5, 500), ("-1", 0), ("x", 0), (None, 0), (True, 0), ([], 0)],
)  # fmt: skip
def test_amounts_of_any_type(written: Any, expected: int) -> None:
    """A quantity, a number, or nothing; ``true`` is not one, also after a 1 was read."""
    assert shapes.millicores(1) == 1000
    assert shapes.millicores(written) == expected


@pytest.mark.parametrize(
    ("written", "expected"), [(3, 3), (-3, 0), (True, 7), ("3", 7), (None, 7), (3.5, 7)]
)
def test_whole_numbers_of_any_type(written: Any, expected: int) -> None:
    """The default stands for what is none; nothing is negative."""
    assert shapes.whole(written, default=7) == expected


def test_a_selector_keeps_its_meaning() -> None:
    """Labels and expressions, and the empty one that selects everything."""
    written = {
        "matchLabels": {"a": "1"},
        "matchExpressions": [{"key": "b", "operator": "In", "values": ["2"]}],
    }

    assert shapes.selector(written) == written
    assert selectors.matches(shapes.selector({}), {"any": "thing"})


@pytest.mark.parametrize(
    "broken",
    [
        None,
        [],
        {"matchLabels": {"a": 1}},
        {"matchLabels": []},
        {"matchExpressions": {}},
        {"matchExpressions": [{"key": "a"}]},
        {"matchExpressions": [{"key": "a", "operator": "Exists"}, None]},
    ],
)
def test_a_broken_selector_is_dropped_whole(broken: Any) -> None:
    """What is left of it would select more than was meant."""
    assert shapes.selector(broken) is None


@given(JSON)
def test_every_shape_is_guarded(value: Any) -> None:
    """Each guard gives its own type for any JSON, and a selector that comes out can be used."""
    assert isinstance(shapes.text(value), str)
    assert all(isinstance(one, str) for one in shapes.texts(value))
    assert all(isinstance(one, dict) for one in shapes.mappings(value))
    assert all(isinstance(part, str) for pair in shapes.pairs(value).items() for part in pair)
    assert shapes.byte_count(value) >= 0
    assert selectors.matches(shapes.selector(value), {}) in {True, False}
