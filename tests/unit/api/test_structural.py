from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

import pytest
from pydantic import Field

from coder_cva.api import crd, structural
from coder_cva.api.part import Part

if TYPE_CHECKING:
    from collections.abc import Iterator

ALLOWED = {
    *("type", "description", "default", "enum", "format", "items", "properties", "required"),
    *(
        "additionalProperties",
        "minimum",
        "maximum",
        "minLength",
        "maxLength",
        "minItems",
        "maxItems",
    ),
    *("minProperties", "maxProperties", "anyOf"),
    *("x-kubernetes-int-or-string", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"),
    *("x-kubernetes-map-type", "x-kubernetes-validations"),
}
"""The keywords that our schema uses; each is one that a structural schema may have."""


def nodes(schema: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every node of a schema with its path."""
    yield path, schema
    for name, child in schema.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    for key, mark in (("items", "[]"), ("additionalProperties", "{}")):
        if key in schema:
            yield from nodes(schema[key], f"{path}{mark}")


NODES = list(nodes(crd.schema()))


@pytest.mark.parametrize(("path", "node"), NODES, ids=[path or "." for path, _ in NODES])
def test_every_node_is_structural(path: str, node: dict[str, Any]) -> None:
    """Each node says one type, or that it takes an integer or a string, and uses allowed keywords."""
    assert set(node) <= ALLOWED, path
    assert ("type" in node) != ("x-kubernetes-int-or-string" in node), path
    assert ("anyOf" in node) <= ("x-kubernetes-int-or-string" in node), path
    assert isinstance(node.get("type", ""), str), path
    assert not {"properties", "additionalProperties"} <= set(node), path


def test_list_map_keys_are_required() -> None:
    """What a list is merged by is a required field of its items, as the API server demands."""
    lists = [node for _, node in NODES if node.get("x-kubernetes-list-type") == "map"]

    assert lists
    for node in lists:
        assert set(node["x-kubernetes-list-map-keys"]) <= set(node["items"]["required"])


def test_required_fields_exist_and_have_no_default() -> None:
    """A required field is one of the properties; a default on it would make it optional in secret."""
    for path, node in NODES:
        for name in node.get("required", ()):
            assert "default" not in node["properties"][name], f"{path}.{name}"


class Leaf(Part):
    """A leaf.

    It hangs
    on a branch.
    """

    colour: Literal["red"] = "red"
    """Its ``colour``."""
    weight: int | None = None


class Branch(Part):
    """A branch."""

    filled: Leaf = Leaf()
    """Has a default below."""
    absent: Leaf | None = None
    """Is absent."""
    leaves: Annotated[tuple[Leaf, ...], Field(max_length=2)] = ()
    names: dict[str, str] = Field(default_factory=dict)
    must: Leaf


MADE = structural.structural(Branch)


def test_optional_is_absent_and_not_null() -> None:
    """A field that may be None is a plain type that is not required."""
    assert MADE["properties"]["filled"]["properties"]["weight"] == {"type": "integer"}
    assert MADE["required"] == ["must"]


def test_a_single_choice_is_an_enum() -> None:
    """A literal of one value becomes an enum of one value, for structural schemas know no const."""
    assert MADE["properties"]["must"]["properties"]["colour"] == {
        "type": "string",
        "enum": ["red"],
        "default": "red",
        "description": "Its colour.",
    }


def test_defaults_materialise_where_something_is_filled_in() -> None:
    """A parent gets `{}` when a default lies below it; what is absent or empty gets nothing."""
    made = MADE["properties"]

    assert made["filled"]["default"] == {}
    assert [name for name in made if "default" in made[name]] == ["filled"]


def test_the_field_s_own_words_win() -> None:
    """A field's docstring replaces that of its type, and prose is one line without markup."""
    made = MADE["properties"]

    assert made["filled"]["description"] == "Has a default below."
    assert made["leaves"]["items"]["description"] == "A leaf.\n\nIt hangs on a branch."


def test_reported_parts_fill_in_and_refuse_nothing() -> None:
    """A status schema has neither defaults nor CEL at any depth."""
    reported = structural.as_reported(structural.structural(Branch))

    assert all("default" not in node for _, node in nodes(reported))
