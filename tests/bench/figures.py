"""The figures: their stable names, their aims, and how samples become one of them."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Figures = dict[str, float]
"""Figure by key; a key that is missing was not measured."""


@dataclass(frozen=True)
class Figure:
    """One figure: the key is stable, the rest is for people."""

    key: str
    title: str
    unit: str
    aim: float | None = None


ALL = (
    Figure("apply_to_ready_seconds_median", "managed Coder: applied to Ready, median", "s", 5),
    Figure("apply_to_ready_seconds_max", "managed Coder: applied to Ready, slowest", "s", 5),
    Figure("restore_ms_p50", "own object deleted to restored, p50", "ms", 1000),
    Figure("restore_ms_p99", "own object deleted to restored, p99", "ms", 1000),
    Figure("admission_none_ms_median", "Pod admitted before there are any, median", "ms"),
    Figure("admission_without_ms_median", "Pod admitted in another namespace, median", "ms"),
    Figure("admission_without_ms_p95", "Pod admitted in another namespace, p95", "ms"),
    Figure("admission_with_ms_median", "Pod admitted with our policies, median", "ms"),
    Figure("admission_with_ms_p95", "Pod admitted with our policies, p95", "ms"),
    Figure("admission_added_ms_median", "what our policies add at the median", "ms", 1.5),
    Figure(
        "admission_label_added_ms_median",
        "what a policy adds that sets one label, for nothing",
        "ms",
    ),
    Figure("admission_elsewhere_added_ms_median", "what they add in other namespaces", "ms"),
    Figure("admission_webhook_ms_median", "Pod admitted with our webhook, median", "ms"),
    Figure("admission_webhook_ms_p95", "Pod admitted with our webhook, p95", "ms"),
    Figure("admission_webhook_added_ms_median", "what our webhook adds at the median", "ms", 8),
    Figure("admission_none_per_second", "Pods admitted at 8 clients without any of ours", "/s"),
    Figure("admission_with_per_second", "Pods admitted at 8 clients with our policies", "/s"),
    Figure("admission_webhook_per_second", "Pods admitted at 8 clients with our webhook", "/s"),
    Figure("guard_known_ms_max", "coderd's pool lost to known at admission, slowest", "ms", 1000),
    Figure("guard_scheduled_ms_median", "coderd's pool lost to a Pod on a node, median", "ms"),
    Figure("guard_scheduled_ms_max", "coderd's pool lost to a Pod on a node, slowest", "ms"),
    Figure(
        "guard_dead_restart_seconds",
        "the same without an operator: its next start to a Pod on a node",
        "s",
    ),
    Figure("memory_empty_mib", "memory (RSS) with no workspaces", "MiB"),
    Figure("workspaces", "workspaces in the measurements below", ""),
    Figure("start_to_full_status_seconds", "start to first full status", "s"),
    Figure("start_cpu_seconds", "CPU from start to first full status", "s"),
    Figure("memory_rss_mib", "memory (RSS) after the quiet time", "MiB", 150),
    Figure("memory_peak_mib", "memory (RSS) at its peak", "MiB"),
    Figure("quiet_seconds", "length of the quiet time", "s"),
    Figure("quiet_writes", "API writes in it, apart from Leases", "", 0),
    Figure("quiet_dry_runs", "dry runs in it", ""),
    Figure("quiet_reads", "reads in it, ended watches among them", ""),
    Figure("quiet_cpu_percent", "CPU in it, of one core", "%"),
    Figure(
        "guard_crowded_known_ms_max",
        "coderd's pool lost to known at admission with these workspaces, slowest",
        "ms",
        1000,
    ),
    Figure(
        "guard_crowded_scheduled_ms_median",
        "coderd's pool lost to a Pod on a node with them, median",
        "ms",
    ),
    Figure(
        "guard_crowded_scheduled_ms_max",
        "coderd's pool lost to a Pod on a node with them, slowest",
        "ms",
    ),
    Figure("judged_workspaces", "workspaces in the measurements below, without a cluster", ""),
    Figure("judged_nodes", "nodes in them", ""),
    Figure("judged_snapshot_mib", "memory of everything that was read of them", "MiB", 100),
    Figure("judged_memory_mib", "memory of what was made of it", "MiB"),
    Figure("judge_ms", "CPU of all rules, by one who remembers nothing", "ms", 1000),
    Figure("first_pass_ms", "CPU of the first pass", "ms"),
    Figure("changed_pod_ms", "CPU of a pass after one Pod changed", "ms", 50),
    Figure("restarted_workspace_ms", "CPU of a pass after a Pod and its Deployment changed", "ms"),
)


def percentile(samples: Sequence[float], percent: float) -> float:
    """The sample that at least `percent` of all samples do not exceed (nearest rank).

    Raises:
        ValueError: there are no samples.
    """
    if not samples:
        raise ValueError("there is no percentile of nothing")
    ordered = sorted(samples)
    rank = max(1, math.ceil(len(ordered) * percent / 100))
    return ordered[rank - 1]


def rows(measured: Mapping[str, float]) -> list[tuple[str, str, str]]:
    """Title, measured value and aim of every figure, in their order."""
    return [
        (
            figure.title,
            _shown(measured.get(figure.key), figure.unit),
            "" if figure.aim is None else f"at most {_shown(figure.aim, figure.unit)}",
        )
        for figure in ALL
    ]


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return "not measured"
    digits = 0 if value == round(value) or value >= 1000 else 1 if value >= 100 else 2
    return f"{value:.{digits}f} {unit}".strip()
