"""Samples become figures, and figures become a table."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench import figures


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.1, 100))
def test_a_percentile_is_a_sample_that_enough_samples_do_not_exceed(
    samples: list[float], percent: float
) -> None:
    """Nearest rank: never a value that nobody measured, and never too small."""
    found = figures.percentile(samples, percent)
    assert found in samples
    at_most = sum(1 for one in samples if one <= found)
    assert at_most / len(samples) >= percent / 100 - 1e-9


@pytest.mark.parametrize(("percent", "expected"), [(50, 5), (95, 10), (99, 10), (10, 1), (100, 10)])
def test_percentiles_of_ten(percent: float, expected: float) -> None:
    """Of ten samples, the fifth is the median and the tenth the 99th percentile."""
    assert figures.percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], percent) == expected


def test_there_is_no_percentile_of_nothing() -> None:
    """A measurement without samples is an error, not a zero."""
    with pytest.raises(ValueError, match="nothing"):
        figures.percentile([], 50)


def test_every_figure_has_a_row_and_says_where_it_was_not_measured() -> None:
    """A missing figure is told; a zero is a figure."""
    rows = figures.rows({"quiet_writes": 0, "memory_rss_mib": 123.456, "restore_ms_p99": 1234.5})
    assert len(rows) == len(figures.ALL)
    shown = dict(zip((one.key for one in figures.ALL), rows, strict=True))
    assert shown["quiet_writes"][1:] == ("0", "at most 0")
    assert shown["memory_rss_mib"][1:] == ("123.5 MiB", "at most 150 MiB")
    assert shown["restore_ms_p99"][1] == "1234 ms"
    assert shown["restore_ms_p50"][1] == "not measured"


def test_keys_are_stable() -> None:
    """Who compares two runs finds the same keys; a new one is added here, none is renamed."""
    assert [one.key for one in figures.ALL] == [
        "apply_to_ready_seconds_median",
        "apply_to_ready_seconds_max",
        "restore_ms_p50",
        "restore_ms_p99",
        "admission_none_ms_median",
        "admission_without_ms_median",
        "admission_without_ms_p95",
        "admission_with_ms_median",
        "admission_with_ms_p95",
        "admission_added_ms_median",
        "admission_label_added_ms_median",
        "admission_elsewhere_added_ms_median",
        "admission_webhook_ms_median",
        "admission_webhook_ms_p95",
        "admission_webhook_added_ms_median",
        "admission_none_per_second",
        "admission_with_per_second",
        "admission_webhook_per_second",
        "guard_known_ms_max",
        "guard_scheduled_ms_median",
        "guard_scheduled_ms_max",
        "guard_dead_restart_seconds",
        "memory_empty_mib",
        "workspaces",
        "start_to_full_status_seconds",
        "start_cpu_seconds",
        "memory_rss_mib",
        "memory_peak_mib",
        "quiet_seconds",
        "quiet_writes",
        "quiet_dry_runs",
        "quiet_reads",
        "quiet_cpu_percent",
        "guard_crowded_known_ms_max",
        "guard_crowded_scheduled_ms_median",
        "guard_crowded_scheduled_ms_max",
        "judged_workspaces",
        "judged_nodes",
        "judged_snapshot_mib",
        "judged_memory_mib",
        "judge_ms",
        "first_pass_ms",
        "changed_pod_ms",
        "restarted_workspace_ms",
    ]
