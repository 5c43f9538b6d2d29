"""Amounts of CPU, memory and storage, as Kubernetes writes them."""

from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field, WithJsonSchema

from coder_cva.api.validation import Validation
from coder_cva.values import quantity

_NO_QUANTITY: Final = "is no quantity: write for example 500m, 2, 512Mi or 10Gi"


def _written(value: Any) -> Any:
    """A whole number as its text: ``cpu: 2`` is what people write, and what Kubernetes takes."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _is_quantity(value: str) -> bool:
    try:
        quantity.parse(value)
    except ValueError:
        return False
    return True


Quantity = Annotated[
    str,
    WithJsonSchema(
        {
            "anyOf": [{"type": "integer"}, {"type": "string"}],
            "maxLength": 32,
            "x-kubernetes-int-or-string": True,
        }
    ),
    Field(max_length=32),
    BeforeValidator(_written),
    Validation(
        cel="isQuantity(string(self))",
        message=_NO_QUANTITY,
        holds=_is_quantity,
    ),
    Validation(
        cel="!isQuantity(string(self)) || quantity(string(self)).isGreaterThan(quantity('0'))",
        message="is not above zero: write a larger quantity, or leave the field out",
        holds=lambda value: not _is_quantity(value) or quantity.parse(value) > 0,
    ),
]
"""An amount above zero as Kubernetes writes it. Whole numbers become text."""
