"""Series of an expression: names and what is asked of labels, and nothing that is a word of the language."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values.promql import Matcher, Series, series
from support.monitoring_manifests import bundle_expressions


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        ("up", [Series("up")]),
        ("up == 0", [Series("up")]),
        ("sum(up) < 1", [Series("up")]),
        ("sum by (pod, job) (up)", [Series("up")]),
        ("sum(up) by(pod)", [Series("up")]),
        ("a / on(pod) group_left(node) b", [Series("a"), Series("b")]),
        ("a and ignoring (x) b unless c or d", [Series(one) for one in "abcd"]),
        ("rate(a[5m] offset 1h) > bool 0.5e3", [Series("a")]),
        ("max_over_time(a[1d:5m])", [Series("a")]),
        ("a # and b\n + c", [Series("a"), Series("c")]),
        ("instance:rate:sum > Inf", [Series("instance:rate:sum")]),
        ('a{x="b{c}"}', [Series("a", (Matcher("x", "=", "b{c}"),))]),
        ("a{x=~`b\\.c`,}", [Series("a", (Matcher("x", "=~", "b\\.c"),))]),
        (r'a{x=~"b\\.c"}', [Series("a", (Matcher("x", "=~", "b\\.c"),))]),
        (
            "a{x!='b', y!~\"c\"}",
            [Series("a", (Matcher("x", "!=", "b"), Matcher("y", "!~", "c")))],
        ),
        ('{__name__="a"}', [Series("a", (Matcher("__name__", "=", "a"),))]),
        ('{"a.b", x="c"}', [Series("a.b", (Matcher("x", "=", "c"),))]),
        ('{x="c"}', [Series("", (Matcher("x", "=", "c"),))]),
        ("a{", [Series("a")]),
        ("a{x=", [Series("a")]),
        ("by (", []),
        ("", []),
        ("a" * 20_000, []),
    ],
)
def test_the_series_of_an_expression(expression: str, found: list[Series]) -> None:
    """Sorted; also of what is no whole expression."""
    assert list(series(expression)) == found


def test_the_alarms_of_coders_chart_are_read() -> None:
    """Its selectors stand in backticks."""
    pods = (Matcher("pod", "!~", ".*provisioner.*"), Matcher("pod", "=~", "coder.*"))
    said = bundle_expressions()

    assert series(said["CoderdReplicas"]) == (Series("up", pods),)
    assert [one.metric for one in series(said["CoderdCPUUsage"])] == [
        "container_cpu_usage_seconds_total",
        "kube_pod_container_resource_limits",
    ]
    assert series(said["CoderdWorkspaceBuildFailures"]) == (
        Series("coderd_workspace_builds_total", (*pods, Matcher("status", "=", "failed"))),
    )


@given(st.text(alphabet="ab{}()[]=~!\"'`\\,# \n1.byon_", max_size=60))
def test_no_text_raises(text: str) -> None:
    """And what is found is sorted, each once."""
    found = series(text)

    assert list(found) == sorted(set(found))
