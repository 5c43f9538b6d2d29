"""What the operator asked of the API server, from the API server's own audit log."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

READS = frozenset({"get", "list", "watch"})


@dataclass
class Traffic:
    """Requests of one user in one stretch of time."""

    writes: int = 0
    """Apart from Leases and dry runs."""
    lease_writes: int = 0
    dry_runs: int = 0
    reads: int = 0
    latest_write: datetime | None = None
    """When the last of `writes` came."""


def lines(folder: Path) -> Iterator[str]:
    """The lines of the log and of what was rotated away from it."""
    for path in sorted(folder.glob("audit*.log")):
        with path.open(encoding="utf-8") as file:
            yield from file


def traffic(log: Iterable[str], user: str, begin: datetime, end: datetime) -> Traffic:
    """What a user asked between two moments.

    Args:
        log: lines of an audit log, in whatever order; one that is still being written is left out.
        user: the full user name.
        begin: the first moment that counts.
        end: the first moment that does not.
    """
    found = Traffic()
    for line in log:
        # Most lines are other users', and parsing is what takes time.
        if user in line and line.endswith("\n"):
            _count(found, json.loads(line), user, begin, end)
    return found


def _count(
    found: Traffic, event: dict[str, Any], user: str, begin: datetime, end: datetime
) -> None:
    if event["user"]["username"] != user or event["stage"] != "ResponseComplete":
        return
    at = datetime.fromisoformat(str(event["requestReceivedTimestamp"])).astimezone(UTC)
    if not begin <= at < end:
        return
    resource = event.get("objectRef", {}).get("resource", "")
    if event["verb"] in READS:
        found.reads += 1
    elif resource == "leases":
        found.lease_writes += 1
    elif "dryRun=" in str(event["requestURI"]):
        found.dry_runs += 1
    else:
        found.writes += 1
        found.latest_write = max(at, found.latest_write or at)
