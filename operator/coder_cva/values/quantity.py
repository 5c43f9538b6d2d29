"""Kubernetes quantities: text in, whole millicores or whole bytes out, and back.

Source of the grammar: the API convention "Quantity" (decimal SI, binary SI, decimal exponent).
"""

import re
from decimal import ROUND_CEILING, Decimal

_GRAMMAR = re.compile(
    r"(?P<number>[+-]?(?:\d+\.?\d*|\.\d+))"
    r"(?P<suffix>[eE][+-]?\d{1,2}|Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)?"
)
_FACTORS = {
    **{suffix: Decimal(1024) ** power for power, suffix in enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1)},
    **{suffix: Decimal(1000) ** power for power, suffix in enumerate(("k", "M", "G", "T", "P", "E"), 1)},
    **{suffix: Decimal(1000) ** -power for power, suffix in enumerate(("m", "u", "n"), 1)},
}  # fmt: skip
_LONGEST = 64


def parse(text: str | float) -> Decimal:
    """The exact number that a quantity means, in units (cores, bytes).

    Raises:
        ValueError: the text is no quantity; the message quotes it and shows the form.
    """
    written = str(text)
    match = _GRAMMAR.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        raise ValueError(
            f"{written[:_LONGEST]!r} is not a quantity: write for example 500m, 2, 512Mi or 10Gi"
        )
    number, suffix = Decimal(match["number"]), match["suffix"] or ""
    if suffix in _FACTORS:
        return number * _FACTORS[suffix]
    return number.scaleb(int(suffix[1:])) if suffix else number


def cpu_millicores(text: str | float) -> int:
    """CPU in whole millicores, rounded up as Kubernetes does. Raises ValueError where it is none."""
    return int((parse(text) * 1000).to_integral_value(ROUND_CEILING))


def byte_count(text: str | float) -> int:
    """Memory or storage in whole bytes, rounded up. Raises ValueError where it is no quantity."""
    return int(parse(text).to_integral_value(ROUND_CEILING))


def cpu_text(millicores: int) -> str:
    """Millicores as the API server writes them back: ``2``, ``500m``."""
    return str(millicores // 1000) if millicores % 1000 == 0 else f"{millicores}m"


def byte_text(count: int) -> str:
    """Bytes in the largest binary unit that holds them without a remainder: ``8Gi``, ``1536Mi``."""
    for power, suffix in reversed(list(enumerate(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), 1))):
        if count and count % 1024**power == 0:
            return f"{count // 1024**power}{suffix}"
    return str(count)
