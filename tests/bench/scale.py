"""What thousands of workspaces cost: the first full status, memory, processor, and the quiet after."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from bench import audit
from bench.ground import USER
from bench.process import usage
from harness.errors import HarnessError
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Callable

    from bench.figures import Figures
    from bench.ground import Ground

CLIENTS = 8
CREATION_SECONDS = 900
STATUS_SECONDS = 120
SETTLED_SECONDS = 15
SETTLING_LIMIT_SECONDS = 180


def fill(ground: Ground, namespace: str, say: Callable[[str], None]) -> None:
    """Workspaces as Coder's template makes them: a claim, a Deployment, its Pod; all running."""

    def create(number: int) -> None:
        for manifest in workspace_deployment(f"w{number}", namespace, user=f"user{number}"):
            ground.kube.create(manifest)

    wanted = ground.extent.workspaces
    with ThreadPoolExecutor(CLIENTS) as clients:
        for _ in clients.map(create, range(wanted)):
            pass
    deadline = time.monotonic() + CREATION_SECONDS
    while (running := _running(ground, namespace)) < wanted:
        if time.monotonic() > deadline:
            raise HarnessError(f"only {running} of {wanted} workspaces run")
        say(f"{running} of {wanted} workspaces run")
        time.sleep(5)


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


def _running(ground: Ground, namespace: str) -> int:
    """How many Pods of the workspaces run; the list of the others is short in the end."""
    page = ground.kube.api.request(
        "GET", f"/api/v1/namespaces/{namespace}/pods", query={"limit": "1"}
    )
    there: int = len(page["items"]) + page["metadata"].get("remainingItemCount", 0)
    coderd = len(ground.kube.list("Pod", namespace, labels="app.kubernetes.io/name=coder"))
    waiting = ground.kube.list("Pod", namespace, fields="status.phase!=Running")
    return there - coderd - len(waiting)
