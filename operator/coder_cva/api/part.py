"""The base of every model: frozen, camelCase in the API, tolerant of fields from a newer CRD."""

from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, GetJsonSchemaHandler, model_validator
from pydantic.alias_generators import to_camel
from pydantic_core import CoreSchema, PydanticCustomError

from coder_cva.api.errors import BROKEN_RULES
from coder_cva.api.validation import Validation, add_validations


class Part(BaseModel):
    """A part of the resource. Fields that it does not know are ignored: the CRD may be newer."""

    model_config = ConfigDict(
        alias_generator=to_camel,
        populate_by_name=True,
        extra="ignore",
        frozen=True,
        use_attribute_docstrings=True,
    )

    validations: ClassVar[tuple[Validation, ...]] = ()
    """Rules about several fields of this part at once."""

    def dump(self) -> dict[str, Any]:
        """The part as plain JSON data in the API's spelling; what is not said is absent."""
        return self.model_dump(mode="json", by_alias=True, exclude_none=True)

    @model_validator(mode="after")
    def _obey(self) -> Self:
        """Reports every broken rule at once, so that one correction is enough."""
        broken = [
            (one.field_path, one.sentence(self)) for one in self.validations if not one.holds(self)
        ]
        if broken:
            raise PydanticCustomError(BROKEN_RULES, "broken rules", {"broken": broken})
        return self

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        reference = handler(core_schema)
        if cls.validations:
            made = handler.resolve_ref_schema(reference)
            made.update(add_validations(made, cls.validations))
        return reference
