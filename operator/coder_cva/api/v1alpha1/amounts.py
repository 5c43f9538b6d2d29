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


_AS_WRITTEN: Final = WithJsonSchema(
    {
        "anyOf": [{"type": "integer"}, {"type": "string"}],
        "maxLength": 32,
        "x-kubernetes-int-or-string": True,
    }
)


def _bound(limit: str, message: str, *, least: bool) -> Validation:
    """A quantity not below (or above) a limit; what is no quantity at all is told elsewhere."""
    sign, edge = (">=", quantity.parse(limit)) if least else ("<=", quantity.parse(limit))
    return Validation(
        cel=f"!isQuantity(string(self)) || quantity(string(self)).compareTo(quantity('{limit}')) {sign} 0",
        message=message,
        holds=lambda value: (
            not _is_quantity(value)
            or (quantity.parse(value) >= edge if least else quantity.parse(value) <= edge)
        ),
    )


_IS_QUANTITY: Final = Validation(
    cel="isQuantity(string(self))", message=_NO_QUANTITY, holds=_is_quantity
)

_Amount = Annotated[
    str,
    _AS_WRITTEN,
    Field(max_length=32),
    BeforeValidator(_written),
    _IS_QUANTITY,
]

Cpu = Annotated[
    _Amount,
    _bound(
        "100m",
        "is less than a tenth of a CPU, with which coderd cannot serve: write for example 2 or 2500m",
        least=True,
    ),
    _bound(
        "1024",
        "is more CPUs than a node has, an amount of memory perhaps: write for example 2",
        least=False,
    ),
]
"""CPU of a Pod, from a tenth of a core to what the largest machines have. Whole numbers become text."""

Memory = Annotated[
    _Amount,
    _bound(
        "128Mi",
        "is less than 128Mi, with which coderd cannot start; is the unit missing: write for example 8Gi",
        least=True,
    ),
]
"""Memory of a Pod in bytes. A forgotten unit would be a handful of bytes, and is refused."""

StorageSize = Annotated[
    _Amount,
    _bound(
        "1Mi",
        "is less than 1Mi, so small that no volume could be meant; is the unit missing: write for example 10Gi",
        least=True,
    ),
]
"""The size of a volume in bytes. A forgotten unit would be a handful of bytes, and is refused."""

MachineCpu = Annotated[
    _Amount,
    _bound(
        "100m",
        "is less than a tenth of a CPU, which no database has: write for example 2",
        least=True,
    ),
    _bound(
        "1024",
        "is more CPUs than a machine has, an amount of memory perhaps: write for example 2",
        least=False,
    ),
]
"""CPUs of a machine. Whole numbers become text."""

MachineMemory = Annotated[
    _Amount,
    _bound(
        "128Mi",
        "is less than 128Mi, which no database has; is the unit missing: write for example 8Gi",
        least=True,
    ),
]
"""Memory of a machine in bytes. A forgotten unit would be a handful of bytes, and is refused."""
