"""What thousands of workspaces cost: the first full status, memory, processor, and the quiet after."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench import audit
from bench.ground import USER
from bench.process import usage

if TYPE_CHECKING:
    from bench.figures import Figures
    from bench.ground import Ground

STATUS_SECONDS = 120
SETTLED_SECONDS = 15
SETTLING_LIMIT_SECONDS = 180


def measure_start(ground: Ground, resource: dict[str, Any]) -> Figures:
    """From the start of the process to a status that counts every workspace."""
    began = time.monotonic()
    ground.operator.start(wait_ready=False)
    ground.kube.wait_until(
        resource,
        lambda it: (
            it.get("status", {}).get("workspaces", {}).get("count") == ground.extent.workspaces
        ),
        timeout=STATUS_SECONDS,
    )
    took = time.monotonic() - began
    return {
        "workspaces": ground.extent.workspaces,
        "start_to_full_status_seconds": took,
        "start_cpu_seconds": usage(ground.operator.pid).cpu_seconds,
    }


def measure_quiet(ground: Ground) -> Figures:
    """Nothing happens; what the operator asks of the API server all the same, and what it takes."""
    _settle(ground)
    before, begin = usage(ground.operator.pid), datetime.now(UTC)
    time.sleep(ground.extent.quiet_seconds)
    after, end = usage(ground.operator.pid), datetime.now(UTC)
    seen = audit.traffic(audit.lines(ground.cluster.logs), USER, begin, end)
    cpu = after.cpu_seconds - before.cpu_seconds
    return {
        "memory_rss_mib": after.rss_mib,
        "memory_peak_mib": after.peak_mib,
        "quiet_seconds": ground.extent.quiet_seconds,
        "quiet_writes": seen.writes,
        "quiet_dry_runs": seen.dry_runs,
        "quiet_reads": seen.reads,
        "quiet_cpu_percent": cpu / ground.extent.quiet_seconds * 100,
    }


def _settle(ground: Ground) -> None:
    """Return when the operator has written nothing for a while, or never comes to rest."""
    began = datetime.now(UTC)
    rest = timedelta(seconds=SETTLED_SECONDS)
    while datetime.now(UTC) - began < timedelta(seconds=SETTLING_LIMIT_SECONDS):
        time.sleep(1)
        now = datetime.now(UTC)
        latest = audit.traffic(audit.lines(ground.cluster.logs), USER, began, now).latest_write
        if now - (latest or began) > rest:
            return
