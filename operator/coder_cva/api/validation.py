"""A rule of the contract, said twice in one place: in CEL for the API server, in Python for us.

The API server refuses a bad spec at apply time; the command line, which reads manifests without a
server, and the operator, which may be older than the CRD, must come to the same verdict. The tests
hold both forms against each other on a real API server.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, core_schema

VALIDATIONS = "x-kubernetes-validations"
LIST_TYPE = "x-kubernetes-list-type"
LIST_KEYS = "x-kubernetes-list-map-keys"
MAP_TYPE = "x-kubernetes-map-type"

ATOMIC: dict[str, Any] = {MAP_TYPE: "atomic"}
"""For mappings that mean something only as a whole, as selectors do: an apply replaces them."""


@dataclass(frozen=True, slots=True)
class Validation:
    """``cel`` and ``holds`` say the same; ``message`` names the field and the remedy in a sentence.

    ``field_path`` (``.database``) points the refusal at a field below the validated one. Where the
    sentence depends on the value, ``message_cel`` is its CEL form and ``tell`` its Python one; the
    fixed message stays as what the API server falls back to.
    """

    cel: str
    message: str
    holds: Callable[[Any], bool]
    field_path: str = ""
    message_cel: str = ""
    tell: Callable[[Any], str] | None = None

    def sentence(self, value: Any) -> str:
        """What to tell the user about this refused value."""
        return self.tell(value) if self.tell else self.message

    def as_schema(self) -> dict[str, str]:
        """The entry of ``x-kubernetes-validations``."""
        entry = {"rule": self.cel, "message": self.message}
        if self.field_path:
            entry["fieldPath"] = self.field_path
        if self.message_cel:
            entry["messageExpression"] = self.message_cel
        return entry

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        made = handler(schema)
        return {**made, VALIDATIONS: [*made.get(VALIDATIONS, ()), self.as_schema()]}

    def _checked(self, value: Any) -> Any:
        if not self.holds(value):
            raise ValueError(self.sentence(value))
        return value


def matching(pattern: str, message: str) -> Validation:
    """A text that matches the whole pattern (the grammar that RE2 and Python share).

    Not the schema's own ``pattern``: its refusal quotes the pattern and helps nobody.
    """
    compiled = re.compile(pattern, re.ASCII)
    return Validation(
        cel=f"self.matches(r'^({pattern})$')",
        message=message,
        holds=lambda value: compiled.fullmatch(value) is not None,
    )


def keys_matching(pattern: str, message: str) -> Validation:
    """A mapping whose every key matches the whole pattern."""
    compiled = re.compile(pattern, re.ASCII)
    return Validation(
        cel=f"self.all(key, key.matches(r'^({pattern})$'))",
        message=message,
        holds=lambda value: all(compiled.fullmatch(key) for key in value),
    )


@dataclass(frozen=True, slots=True)
class ListMap:
    """A list that server-side apply merges by this key; no key may stand in it twice."""

    key: str

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), LIST_TYPE: "map", LIST_KEYS: [self.key]}

    def _checked(self, items: Sequence[Any]) -> Sequence[Any]:
        _refuse_duplicates([getattr(one, self.key) for one in items])
        return items


@dataclass(frozen=True, slots=True)
class ListSet:
    """A list that server-side apply merges by its values, each of which stands in it once."""

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> CoreSchema:
        return core_schema.no_info_after_validator_function(self._checked, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**handler(schema), LIST_TYPE: "set"}

    def _checked(self, items: Sequence[Any]) -> Sequence[Any]:
        _refuse_duplicates(items)
        return items


def _refuse_duplicates(keys: Sequence[Any]) -> None:
    twice = sorted({str(one) for one in keys if keys.count(one) > 1})
    if twice:
        raise ValueError(f"{', '.join(twice)} stands in the list twice: keep one")


def add_validations(schema: Mapping[str, Any], validations: Sequence[Validation]) -> dict[str, Any]:
    """The schema with these validations after those that it has."""
    entries = [one.as_schema() for one in validations]
    return {**schema, VALIDATIONS: [*schema.get(VALIDATIONS, ()), *entries]}
