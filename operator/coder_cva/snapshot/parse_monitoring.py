"""Objects of the Prometheus Operator, and the alarms of Coder's observability chart in, their records out."""

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, Final

import yaml

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records_monitoring import (
    AlarmFile,
    Expression,
    Monitor,
    PrometheusServer,
    ScrapeConfig,
    Selection,
)
from coder_cva.snapshot.shapes import flag, mapping, mappings, pairs, selector, text, texts, whole
from coder_cva.values import promql
from coder_cva.values.manifest import dig

_MOST: Final = 1_000
"""Expressions that are read of one object."""
_LONGEST: Final = 65_536
"""Characters of a file in a ConfigMap that are worth reading; the chart's have a tenth of that."""
_SELECTORS: Final = (
    "serviceMonitorSelector",
    "podMonitorSelector",
    "probeSelector",
    "scrapeConfigSelector",
)


def service_monitor(body: Any) -> Monitor | None:
    """A ServiceMonitor."""
    endpoints = mappings(dig(body, "spec", "endpoints"))
    return _monitor(
        body,
        ports=_sorted(text(one.get("port")) for one in endpoints),
        targets=_sorted(_port(one.get("targetPort")) for one in endpoints),
    )


def pod_monitor(body: Any) -> Monitor | None:
    """A PodMonitor; all its ways to name a port mean the Pods' own."""
    endpoints = mappings(dig(body, "spec", "podMetricsEndpoints"))
    ways = ("port", "portNumber", "targetPort")
    return _monitor(
        body, ports=(), targets=_sorted(_port(one.get(way)) for one in endpoints for way in ways)
    )


def _monitor(body: Any, ports: tuple[str, ...], targets: tuple[str, ...]) -> Monitor | None:
    meta = identified(body)
    if meta is None:
        return None
    where = mapping(dig(body, "spec", "namespaceSelector"))
    named = texts(where.get("matchNames")) or (meta.namespace,)
    return Monitor(
        meta=meta,
        selector=selector(dig(body, "spec", "selector")),
        namespaces=None if flag(where.get("any")) else _sorted(named),
        ports=ports,
        targets=targets,
    )


def prometheus(body: Any) -> PrometheusServer | None:
    """A Prometheus resource."""
    meta = identified(body)
    if meta is None:
        return None
    spec = mapping(dig(body, "spec"))
    return PrometheusServer(
        meta=meta,
        service_monitors=_selection(spec, "serviceMonitor"),
        pod_monitors=_selection(spec, "podMonitor"),
        rules=_selection(spec, "rule"),
        scrape_configs=_selection(spec, "scrapeConfig"),
        has_more=bool(spec.get("additionalScrapeConfigs"))
        or all(spec.get(one) is None for one in _SELECTORS),
    )


def _selection(spec: Mapping[str, Any], what: str) -> Selection:
    return Selection(
        selector(spec.get(f"{what}Selector")), selector(spec.get(f"{what}NamespaceSelector"))
    )


def scrape_config(body: Any) -> ScrapeConfig | None:
    """A ScrapeConfig by its metadata."""
    meta = identified(body)
    return ScrapeConfig(meta) if meta else None


def prometheus_rule(body: Any) -> AlarmFile | None:
    """A PrometheusRule."""
    meta = identified(body)
    return AlarmFile(meta, "PrometheusRule", _expressions([dig(body, "spec")])) if meta else None


def alarm_config_map(body: Any) -> AlarmFile | None:
    """The ConfigMap of Coder's observability chart: files as Prometheus reads them."""
    meta = identified(body)
    if meta is None:
        return None
    files = pairs(dig(body, "data"))
    return AlarmFile(meta, "ConfigMap", _expressions(_read(files[name]) for name in sorted(files)))


class _Plain(yaml.BaseLoader):
    """Makes nothing but texts, lists and mappings, and repeats none of them: that could go on for ever."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("repeated by an alias")
        return super().compose_node(parent, index)


def _read(file: str) -> Any:
    """A file's content, every scalar as text; None for what is no YAML, or too much of it."""
    if len(file) > _LONGEST:
        return None
    try:
        return yaml.load(file, _Plain)  # noqa: S506 - see there
    except (yaml.YAMLError, ValueError, RecursionError):
        return None


def _expressions(files: Iterable[Any]) -> tuple[Expression, ...]:
    return tuple(islice((one for file in files for one in _of_file(file)), _MOST))


def _of_file(file: Any) -> Iterator[Expression]:
    for group in mappings(dig(file, "groups")):
        for rule in mappings(group.get("rules")):
            alarm, expression = text(rule.get("alert")), text(rule.get("expr"))
            name = alarm or text(rule.get("record"))
            if name and expression:
                yield Expression(name, bool(alarm), promql.series(expression))


def _port(value: Any) -> str:
    return text(value) or str(whole(value) or "")


def _sorted(found: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(set(found) - {""}))
