"""Objects of the Prometheus Operator, and files of alarms, become what rules look at."""

from __future__ import annotations

import time
from typing import Any

import pytest

from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import PROJECTIONS
from coder_cva.snapshot.records_monitoring import Expression, Selection
from coder_cva.values.promql import Matcher, Series
from support import monitoring_manifests as made

RELEASE = {"matchLabels": {"release": "monitoring"}}


def read(need: Need, body: dict[str, Any]) -> Any:
    return PROJECTIONS[need](body)


@pytest.mark.parametrize(
    ("selector", "namespaces"),
    [
        (None, ("coder",)),
        ({}, ("coder",)),
        ({"matchNames": []}, ("coder",)),
        ({"matchNames": ["b", "a"]}, ("a", "b")),
        ({"any": True}, None),
        ({"any": True, "matchNames": ["a"]}, None),
        ({"any": "true"}, ("coder",)),
    ],
)
def test_the_namespaces_of_a_monitor(selector: Any, namespaces: tuple[str, ...] | None) -> None:
    """Its own one unless it says others, or all."""
    assert (
        read(Need.POD_MONITORS, made.pod_monitor(namespaceSelector=selector)).namespaces
        == namespaces
    )


def test_the_ports_of_monitors() -> None:
    """Names of a Service's ports are one thing, the Pods' own another."""
    endpoints = [{"port": "web"}, {"targetPort": 2112}, {"targetPort": "metrics"}, {"port": 1}, {}]
    (service, _) = made.service_monitor(endpoints=endpoints)
    pods = made.pod_monitor(
        podMetricsEndpoints=[
            {"port": "a"},
            {"portNumber": 2112},
            {"targetPort": "b"},
            {"path": "/"},
        ]
    )

    found = read(Need.SERVICE_MONITORS, service)
    assert (found.ports, found.targets) == (("web",), ("2112", "metrics"))
    assert read(Need.POD_MONITORS, pods).targets == ("2112", "a", "b")


def test_what_a_prometheus_takes() -> None:
    """An empty selector takes everything, an absent one nothing; of namespaces an absent one means its own."""
    body = made.prometheus(podMonitorSelector={}, ruleSelector=None, ruleNamespaceSelector=None)[0]
    found = read(Need.PROMETHEUSES, body)

    assert found.service_monitors == Selection(RELEASE, {})
    assert found.pod_monitors == Selection({}, {})
    assert found.rules == Selection(None, None)


@pytest.mark.parametrize(
    ("spec", "has_more"),
    [
        ({}, False),
        ({"additionalScrapeConfigs": {"name": "a", "key": "b"}}, True),
        (
            dict.fromkeys(("serviceMonitorSelector", "podMonitorSelector", "scrapeConfigSelector")),
            True,
        ),
        ({"serviceMonitorSelector": None}, False),
    ],
)
def test_what_is_configured_by_a_secret_is_known_as_such(
    spec: dict[str, Any], has_more: bool
) -> None:
    """One without any selector is configured by hand altogether."""
    assert read(Need.PROMETHEUSES, made.prometheus(**spec)[0]).has_more is has_more


def test_alarms_and_recorded_series() -> None:
    """By name, with the series that they ask; what has no name or no expression is none."""
    body = made.prometheus_rule(
        {"Down": 'up{job="a"} == 0', "Nothing": ""}, recorded={"a:b": "sum(b)"}
    )

    found = read(Need.PROMETHEUS_RULES, body)

    assert found.kind == "PrometheusRule"
    assert found.expressions == (
        Expression("a:b", is_alarm=False, series=(Series("b"),)),
        Expression("Down", is_alarm=True, series=(Series("up", (Matcher("job", "=", "a"),)),)),
    )


def test_the_alarms_of_coders_chart() -> None:
    """Its ConfigMap holds files as Prometheus reads them."""
    found = read(Need.ALARM_CONFIG_MAPS, made.bundle_alarms())

    assert found.kind == "ConfigMap"
    assert [one.name for one in found.expressions] == list(made.bundle_expressions())
    assert all(one.is_alarm and one.series for one in found.expressions)


def chart_file(text: Any) -> tuple[Expression, ...]:
    body = {"metadata": {"name": "a"}, "data": {"a.yaml": text}}
    found: tuple[Expression, ...] = read(Need.ALARM_CONFIG_MAPS, body).expressions
    return found


@pytest.mark.parametrize(
    "text",
    [
        "",
        "groups: [",
        "groups: 2026-11-23",
        "- a",
        "groups: [{rules: [1, {alert: A}, {expr: up}, {alert: [A], expr: up}]}]",
        "!!python/object:os.system {}",
        "a: &a [*a]",
        "x" * 100_000,
        "[" * 5_000,
        None,
        {"groups": []},
    ],
)
def test_a_file_of_any_shape_is_read_or_passed_over(text: Any) -> None:
    """Somebody else wrote it."""
    assert chart_file(text) == ()


def test_a_file_that_repeats_itself_takes_no_time() -> None:
    """Aliases within aliases would be rules without end."""
    many = ", ".join(["*a"] * 9_000)
    text = f"x: &a {{rules: [{{}}]}}\ngroups: [{many}]\n"
    began = time.monotonic()

    assert chart_file(text) == ()
    assert time.monotonic() - began < 5.0


def test_no_more_is_kept_than_somebody_would_write() -> None:
    """A thousand expressions of one object."""
    body = made.prometheus_rule({f"A{number}": "up" for number in range(1_500)})

    assert len(read(Need.PROMETHEUS_RULES, body).expressions) == 1_000
