from __future__ import annotations

import pytest

from coder_cva.desired import scraping
from coder_cva.snapshot.records import PodShape

POD = (PodShape(ports=(("http", 8080, "TCP"), ("metrics", 9100, "TCP"))),)
ON = {"prometheus.io/scrape": "true"}


def asked(notes: dict[str, str], pods: tuple[PodShape, ...]) -> dict[str, set[int]]:
    return {name: {it for it, _ in found} for name, found in scraping.sources(notes, pods)}


@pytest.mark.parametrize(
    ("notes", "ports"),
    [
        ({**ON, "prometheus.io/port": "9090"}, {9090}),
        ({"prometheus.io/port": "9090"}, {9090}),
        ({"pyroscope.io/scrape": "true", "pyroscope.io/port": "6060"}, {6060}),
        ({"profiles.grafana.com/cpu.scrape": "true", "profiles.grafana.com/cpu.port": "6060"}, {6060}),
        ({"profiles.grafana.com/memory.port_name": "metrics"}, {9100}),
        ({"k8s.grafana.com/scrape": "true", "k8s.grafana.com/metrics.portNumber": "9187"}, {9187}),
        ({"k8s.grafana.com/metrics.portName": "metrics"}, {9100}),
        ({**ON, "prometheus.io/port": "9090", "pyroscope.io/port": "6060"}, {9090, 6060}),
        ({"prometheus.io/scrape": "false", "prometheus.io/port": "9090"}, set()),
        ({**ON, "prometheus.io/port": "none"}, set()),
        ({"example.com/port": "9090", "prometheus.io/portal": "9090"}, set()),
        ({}, set()),
    ],
)  # fmt: skip
def test_the_ports_that_annotations_name(notes: dict[str, str], ports: set[int]) -> None:
    """By number or by the name of a declared port; not where scraping is switched off."""
    assert {number for number, _ in scraping.named(notes, POD)} == ports


def test_where_no_port_is_named_all_that_are_declared_are_asked() -> None:
    """Prometheus makes a target of each; of a Pod that declares none it asks the port of HTTP."""
    assert asked(ON, POD) == {"prometheus.io/scrape": {8080, 9100}}
    assert asked(ON, (PodShape(),)) == {"prometheus.io/scrape": {80}}
    assert asked({"prometheus.io/path": "/metrics"}, POD) == {}


def test_each_kind_of_scraper_is_told_by_the_annotation_that_calls_it() -> None:
    """Metrics and profiles are asked by different ones."""
    notes = {
        **ON,
        "prometheus.io/port": "9090",
        "profiles.grafana.com/cpu.port": "6060",
        "profiles.grafana.com/cpu.scrape": "true",
    }
    assert asked(notes, POD) == {
        "prometheus.io/scrape": {9090},
        "profiles.grafana.com/cpu.scrape": {6060},
    }
