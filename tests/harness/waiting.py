"""Waiting for something to become true, with an error that says what was seen last."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, TypeVar

from harness.errors import HarnessError, Unsupported

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.25
PATIENCE = 0.05
"""The pause grows with what was waited already: each look is work for the server that is waited for."""
SHOWN_CHARACTERS = 4000


class TimedOut(HarnessError):
    """What was waited for did not happen."""


def wait_for(
    predicate: Callable[[], T],
    *,
    timeout: float = 180,
    what: str = "the condition",
    seen: Callable[[], object] | None = None,
) -> T:
    """Ask again and again until the answer is truthy, and return it.

    An error of the harness counts as "not yet": servers restart, objects do not exist yet. What a
    kind of cluster cannot do at all is not waited for.
    """
    began = time.monotonic()
    deadline = began + timeout
    last: object = None
    while True:
        try:
            answer = predicate()
            if answer:
                return answer
            last = seen() if seen else answer
        except Unsupported:
            raise
        except HarnessError as error:
            last = error
        now = time.monotonic()
        if now > deadline:
            raise TimedOut(f"waited {timeout:g} s for {what}; last seen: {_shown(last)}")
        time.sleep(min(max(PAUSE_SECONDS, PATIENCE * (now - began)), LONGEST_PAUSE_SECONDS))


def _shown(value: object) -> str:
    if isinstance(value, Exception):
        return str(value)
    text = json.dumps(_short(value), indent=2, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + " …"


def _short(value: object) -> object:
    """Without what nobody reads, and the status first."""
    if isinstance(value, list):
        return [_short(one) for one in value]
    if isinstance(value, dict):
        first = {"status": value["status"]} if "status" in value else {}
        return first | {key: _short(one) for key, one in value.items() if key != "managedFields"}
    return value
