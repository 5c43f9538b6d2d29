from __future__ import annotations

from typing import Annotated, Any

import pytest
from pydantic import TypeAdapter, ValidationError

from coder_cva.api.part import Part
from coder_cva.api.validation import ListMap, ListSet, Validation, keys_matching, matching

COLOUR = matching("red|blue", "is no colour: write red or blue")


@pytest.mark.parametrize("value", ["red", "blue"])
def test_a_matching_text_passes(value: str) -> None:
    """A text that matches the whole pattern is returned as it is."""
    assert TypeAdapter(Annotated[str, COLOUR]).validate_python(value) == value


@pytest.mark.parametrize("value", ["redd", "infrared", "red\n", ""])
def test_a_partial_match_is_refused(value: str) -> None:
    """The pattern has to match from end to end; a line break at the end is no exception."""
    with pytest.raises(ValidationError, match="is no colour: write red or blue"):
        TypeAdapter(Annotated[str, COLOUR]).validate_python(value)


def test_both_forms_hold_the_same_pattern() -> None:
    """The CEL form is the same pattern, anchored, as a raw literal."""
    assert COLOUR.as_schema() == {
        "rule": "self.matches(r'^(red|blue)$')",
        "message": "is no colour: write red or blue",
    }


def test_optional_entries_are_left_out_of_the_schema() -> None:
    """A path and a computed message stand in the schema only where they are said."""
    told = Validation("true", "is: so", bool, field_path=".a", message_cel="'x'")

    assert told.as_schema() == {
        "rule": "true",
        "message": "is: so",
        "fieldPath": ".a",
        "messageExpression": "'x'",
    }


def test_keys_are_checked_one_by_one() -> None:
    """One bad key is enough."""
    keys = TypeAdapter(Annotated[dict[str, str], keys_matching("[a-z]+", "is: not")])

    assert keys.validate_python({"a": "1", "b": "2"}) == {"a": "1", "b": "2"}
    with pytest.raises(ValidationError, match="is: not"):
        keys.validate_python({"a": "1", "B": "2"})


class Item(Part):
    """An item with a name."""

    name: str


@pytest.mark.parametrize(
    ("kind", "good", "twice"),
    [
        (
            Annotated[tuple[Item, ...], ListMap("name")],
            [{"name": "a"}, {"name": "b"}],
            [{"name": "a"}, {"name": "a"}],
        ),
        (Annotated[tuple[str, ...], ListSet()], ["a", "b"], ["a", "b", "a"]),
    ],
)
def test_nothing_stands_in_a_merged_list_twice(
    kind: Any, good: list[Any], twice: list[Any]
) -> None:
    """A duplicate is refused by its name, for server-side apply could not tell the two apart."""
    adapter: TypeAdapter[tuple[Any, ...]] = TypeAdapter(kind)

    assert len(adapter.validate_python(good)) == 2
    with pytest.raises(ValidationError, match="a stands in the list twice"):
        adapter.validate_python(twice)


class Pair(Part):
    """Two rules at once."""

    validations = (
        Validation("self.a > 0", "a is too small: raise it", lambda it: it.a > 0, ".a"),
        Validation("self.b > 0", "b is too small: raise it", lambda it: it.b > 0, ".b"),
    )

    a: int
    b: int


def test_all_broken_rules_of_a_part_are_reported() -> None:
    """A part with two broken rules reports both, each with the path of its field."""
    with pytest.raises(ValidationError) as refused:
        Pair(a=0, b=0)

    (error,) = refused.value.errors()
    assert error["ctx"]["broken"] == [
        (".a", "a is too small: raise it"),
        (".b", "b is too small: raise it"),
    ]


def test_rules_of_a_part_stand_in_its_schema() -> None:
    """The rules of a part are written into its schema, in their order."""
    rules = Pair.model_json_schema()["x-kubernetes-validations"]

    assert [one["rule"] for one in rules] == ["self.a > 0", "self.b > 0"]
