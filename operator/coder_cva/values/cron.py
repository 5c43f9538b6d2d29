"""A schedule of cron in, the longest time between two of its runs out.

Source of the grammar: the cron of Kubernetes' CronJobs (five fields), and of CloudNativePG (six, with seconds
first); both take names of months and days, and words like @daily.
"""

import itertools
import re
from datetime import date, timedelta
from functools import lru_cache
from typing import Final

_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS: Final = [
    "jan",
    "feb",
    "mar",
    "apr",
    "may",
    "jun",
    "jul",
    "aug",
    "sep",
    "oct",
    "nov",
    "dec",
]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_BOUNDS: Final = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_FIVE: Final = 5
_DAY: Final = 24 * 60
_FIRST: Final = date(2024, 1, 1)
_SPAN: Final = 2 * 366
"""Days that are looked at: two years, one of them a leap year, hold every gap of a yearly schedule."""


@lru_cache(maxsize=1_024)
def longest_gap(schedule: str) -> timedelta | None:
    """The longest time from one run to the next, in whole minutes; None where the text is no schedule.

    One that runs less than twice in two years has a gap of these two years.
    """
    fields = _fields(schedule)
    if fields is None:
        return None
    minutes, hours, *days = fields
    times = sorted(hour * 60 + minute for hour in hours[0] for minute in minutes[0])
    runs = [at * _DAY for at in range(_SPAN) if _is_day(_FIRST + timedelta(days=at), days)]
    within = [later - one for one, later in itertools.pairwise(times)]
    between = [later + times[0] - one - times[-1] for one, later in itertools.pairwise(runs)]
    if not between:
        return timedelta(days=_SPAN)
    return timedelta(minutes=max(*within, *between)) if within else timedelta(minutes=max(between))


def _is_day(day: date, fields: list[tuple[frozenset[int], bool]]) -> bool:
    """Where day of month and day of week are both restricted, one of them suffices (cron's own rule)."""
    (of_month, any_day), (months, _), (of_week, any_weekday) = fields
    if day.month not in months:
        return False
    is_day, is_weekday = day.day in of_month, day.isoweekday() % 7 in of_week
    return is_day and is_weekday if any_day or any_weekday else is_day or is_weekday


def _fields(schedule: str) -> list[tuple[frozenset[int], bool]] | None:
    """Of each field the values, and whether it is every one; seconds are left out."""
    words = re.sub(r"^(CRON_)?TZ=\S+\s+", "", schedule.strip())
    parts = _MACROS.get(words.lower(), words).lower().split()
    parts = parts[1:] if len(parts) == _FIVE + 1 else parts
    if len(parts) != _FIVE:
        return None
    found = [_values(part, *bounds) for part, bounds in zip(parts, _BOUNDS, strict=True)]
    if not all(found):
        return None
    return [
        (frozenset(0 if at == _FIVE - 1 and one == 7 else one for one in values), part[0] in "*?")
        for at, (values, part) in enumerate(zip(found, parts, strict=True))
    ]


def _values(field: str, low: int, high: int) -> set[int]:
    """The values of a field; none at all where one of its parts is not understood."""
    found: set[int] = set()
    for part in field.split(","):
        match = re.fullmatch(r"(\*|\?|\w+)(?:-(\w+))?(?:/(\d+))?", part)
        if match is None:
            return set()
        first, last, step = match.groups()
        begin = low if first in "*?" else _number(first)
        is_open = first in "*?" or (step is not None and last is None)
        end = high if is_open and last is None else _number(last or first)
        if begin is None or end is None or not low <= begin <= end <= high or step == "0":
            return set()
        found.update(range(begin, end + 1, int(step or 1)))
    return found


def _number(word: str) -> int | None:
    if word in _MONTHS:
        return _MONTHS.index(word) + 1
    if word in _DAYS:
        return _DAYS.index(word)
    return int(word) if word.isascii() and word.isdigit() else None
