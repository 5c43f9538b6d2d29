"""What is kept of a cluster's monitoring: who is asked for metrics, by whom, and which alarms there are.

The kinds are those of the Prometheus Operator (``monitoring.coreos.com``), which a cluster need not have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from coder_cva.snapshot.records import Meta
from coder_cva.values.promql import Series


@dataclass(frozen=True, slots=True)
class Monitor:
    """A ServiceMonitor or a PodMonitor: whom it selects in which namespaces, and which ports it asks.

    ``namespaces`` is None where it is all. ``ports`` are names of a Service's ports, ``targets`` names or
    numbers of the Pods' own.
    """

    meta: Meta
    selector: Mapping[str, Any] | None
    namespaces: tuple[str, ...] | None
    ports: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects a Prometheus takes: by their labels, and by those of their namespaces; None: its own one."""

    objects: Mapping[str, Any] | None = None
    namespaces: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class PrometheusServer:
    """A Prometheus that the Prometheus Operator runs, and what it takes.

    ``has_more``: it is configured by a Secret, too, which is not read.
    """

    meta: Meta
    service_monitors: Selection = Selection()
    pod_monitors: Selection = Selection()
    scrape_configs: Selection = Selection()
    rules: Selection = Selection()
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class ScrapeConfig:
    """A ScrapeConfig: that it is there. What it asks may be anything."""

    meta: Meta


@dataclass(frozen=True, slots=True)
class Expression:
    """An alarm, or a recorded series, by its name, and the series that it is made of."""

    name: str
    is_alarm: bool
    series: tuple[Series, ...] = ()


@dataclass(frozen=True, slots=True)
class AlarmFile:
    """A PrometheusRule, or the ConfigMap in which Coder's observability chart keeps the same."""

    meta: Meta
    kind: str
    expressions: tuple[Expression, ...] = ()
