"""Days and moments as the API takes them: texts, never numbers."""

from datetime import UTC, date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator

from coder_cva.api.validation import Validation


def _day(value: Any) -> Any:
    """A text that holds a day alone; YAML readers may have made a date of it already."""
    if type(value) is date or (isinstance(value, str) and len(value) == len("2027-01-31")):
        return value
    raise ValueError("is no day: write for example 2027-01-31")


def _moment(value: Any) -> Any:
    """A text that holds a moment; YAML readers may have made a datetime of it already."""
    if isinstance(value, datetime) or (isinstance(value, str) and "T" in value.upper()):
        return value
    raise ValueError("is no moment: write for example 2027-01-31T18:00:00Z")


# An API server lets an empty list through where the schema says a date; a CEL rule, whatever it says,
# does not, for it cannot be evaluated on one.
Day = Annotated[
    date,
    BeforeValidator(_day),
    Validation(
        cel="self >= timestamp('2000-01-01T00:00:00Z')",
        message="is long past: write a day to come, for example 2027-01-31",
        holds=lambda value: value >= date(2000, 1, 1),
    ),
]
"""A calendar day, such as the last one on which something holds."""

Moment = Annotated[
    AwareDatetime,
    BeforeValidator(_moment),
    Validation(
        cel="self >= timestamp('2000-01-01T00:00:00Z')",
        message="is long past: write a moment to come, for example 2027-01-31T18:00:00Z",
        holds=lambda value: value >= datetime(2000, 1, 1, tzinfo=UTC),
    ),
]
"""A moment with its time zone."""
