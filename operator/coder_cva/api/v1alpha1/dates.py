"""Days and moments as the API takes them: texts, never numbers."""

from datetime import date, datetime
from typing import Annotated, Any

from pydantic import AwareDatetime, BeforeValidator


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


Day = Annotated[date, BeforeValidator(_day)]
"""A calendar day, such as the last one on which something holds."""

Moment = Annotated[AwareDatetime, BeforeValidator(_moment)]
"""A moment with its time zone."""
