"""What counts as a write in the API server's audit log."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from bench import audit

if TYPE_CHECKING:
    from pathlib import Path

US = "system:serviceaccount:coder-cva-system:coder-cva-operator"
BEGIN = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
END = datetime(2026, 11, 23, 9, 10, tzinfo=UTC)


def line(
    verb: str,
    resource: str = "networkpolicies",
    *,
    user: str = US,
    at: str = "2026-11-23T09:05:00.000000Z",
    query: str = "",
    stage: str = "ResponseComplete",
) -> str:
    event = {
        "stage": stage,
        "verb": verb,
        "requestURI": f"/apis/x/{resource}{query}",
        "user": {"username": user},
        "objectRef": {"resource": resource},
        "requestReceivedTimestamp": at,
    }
    return json.dumps(event) + "\n"


def count(*lines: str) -> tuple[int, int, int, int]:
    found = audit.traffic(lines, US, BEGIN, END)
    return (found.writes, found.lease_writes, found.dry_runs, found.reads)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (line("patch"), (1, 0, 0, 0)),
        (line("create", "events"), (1, 0, 0, 0)),
        (line("delete"), (1, 0, 0, 0)),
        (line("update", "leases"), (0, 1, 0, 0)),
        (line("patch", query="?dryRun=All&force=true"), (0, 0, 1, 0)),
        (line("watch"), (0, 0, 0, 1)),
        (line("list"), (0, 0, 0, 1)),
        (line("patch", user="admin"), (0, 0, 0, 0)),
        (line("patch", user=f"{US}-2"), (0, 0, 0, 0)),
        (line("patch", stage="ResponseStarted"), (0, 0, 0, 0)),
        (line("patch", at="2026-11-23T08:59:59.999999Z"), (0, 0, 0, 0)),
        (line("patch", at="2026-11-23T09:10:00.000000Z"), (0, 0, 0, 0)),
        (line("patch")[:40], (0, 0, 0, 0)),
    ],
)
def test_only_real_writes_of_the_operator_in_the_time_count(
    event: str, expected: tuple[int, int, int, int]
) -> None:
    """Leases and dry runs are counted by themselves; others' requests and other times not at all."""
    assert count(event) == expected


def test_a_request_without_an_object_counts() -> None:
    """A path that names no resource is read as one, and does not stop the count."""
    event = json.loads(line("get"))
    del event["objectRef"]
    assert count(json.dumps(event) + "\n") == (0, 0, 0, 1)


def test_the_latest_write_is_known() -> None:
    """Rest is when the last write was long ago, in whatever order the log has them."""
    early, late = (f"2026-11-23T09:0{minute}:00.000000Z" for minute in (1, 3))
    found = audit.traffic([line("patch", at=late), line("patch", at=early)], US, BEGIN, END)
    assert found.latest_write == datetime(2026, 11, 23, 9, 3, tzinfo=UTC)


def test_rotated_logs_are_read_too(tmp_path: Path) -> None:
    """The API server begins a new file when the old one has grown large."""
    (tmp_path / "audit-2026-11-23T09-01-00.000.log").write_text(line("patch"))
    (tmp_path / "audit.log").write_text(line("create"))
    (tmp_path / "kubelet.log").write_text(line("patch"))
    assert count(*audit.lines(tmp_path)) == (2, 0, 0, 0)
