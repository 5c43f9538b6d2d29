"""Who asks coderd for its metrics: monitors that a Prometheus takes, or annotations that a collector goes by."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from coder_cva.desired import scraping
from coder_cva.desired.coderd_pod import PROMETHEUS_PORT
from coder_cva.desired.pod_ports import Port, called, is_port, of_address, targets
from coder_cva.rules.monitoring import SEEING, Monitoring, takes
from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Service
from coder_cva.snapshot.records_monitoring import Monitor, PrometheusServer
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

ENABLED: Final = "CODER_PROMETHEUS_ENABLE"
_ADDRESS: Final = "CODER_PROMETHEUS_ADDRESS"
NEEDS: Final = SEEING | {
    Need.SERVICES,
    Need.SERVICE_MONITORS,
    Need.POD_MONITORS,
    Need.SCRAPE_CONFIGS,
}
"""What telling who asks takes, beside coderd."""


@dataclass(frozen=True, slots=True)
class Scraped:
    """Whether somebody asks coderd for its metrics, None where it cannot be told, and how that is known."""

    known: bool | None
    told: str


def scraped(world: World, live: Deployment, seen: Monitoring) -> Scraped:
    """By the surest proof that there is."""
    if not is_on(live):
        return Scraped(
            known=False,
            told=f"coderd has no metrics to ask for: {ENABLED} is not true (CVA-OBS-001)",
        )
    by_monitor = next(_taken(world, live, seen), "")
    if by_monitor:
        return Scraped(known=True, told=by_monitor)
    notes = next(_annotations(world, live), "")
    if notes and seen.collectors:
        return Scraped(known=True, told=f"{seen.collectors[0]} goes by {notes}")
    unread = [*seen.collectors, *seen.others]
    unread += [f"Prometheus {one.meta.path}" for one in seen.servers if _has_more(one, seen, world)]
    if unread:
        return Scraped(
            known=None,
            told=f"nothing that is read here leads {' or '.join(unread)} to coderd, and the configuration of it is not read",
        )
    kept = f"; {notes} is there, and no collector that goes by it" if notes else ""
    return Scraped(known=False, told=f"no Prometheus takes a monitor that selects coderd{kept}")


def is_on(live: Deployment) -> bool:
    """Whether the endpoint is on, or may be: a value that stands elsewhere is the business of CVA-OBS-001."""
    said = environment.literal(live, ENABLED)
    return environment.is_true(said) or environment.is_elsewhere(live, ENABLED)


def _has_more(server: PrometheusServer, seen: Monitoring, world: World) -> bool:
    """Whether a Prometheus asks by what is not read here."""
    configs = world.snapshot.items(Need.SCRAPE_CONFIGS)
    return server.has_more or any(
        takes(seen, server, server.scrape_configs, one.meta) for one in configs
    )


def port(live: Deployment) -> Port:
    """The port of coderd's metrics."""
    return of_address(environment.literal(live, _ADDRESS) or "") or PROMETHEUS_PORT, "TCP"


def _taken(world: World, live: Deployment, seen: Monitoring) -> Iterator[str]:
    for kind, one in _leading(world, live):
        for server in seen.servers:
            chosen = server.pod_monitors if kind == "PodMonitor" else server.service_monitors
            if takes(seen, server, chosen, one.meta):
                yield f"Prometheus {server.meta.path} asks coderd by {kind} {one.meta.path}"


def _leading(world: World, live: Deployment) -> Iterator[tuple[str, Monitor]]:
    """The monitors that select coderd's metrics, whoever takes them."""
    here, services = live.meta.namespace, _services(world, live)
    for one in world.snapshot.items(Need.POD_MONITORS):
        is_meant = selectors.matches(one.selector, live.template_meta.labels)
        if is_meant and _covers(one, here) and port(live) in _targets(one, live):
            yield "PodMonitor", one
    for one in world.snapshot.items(Need.SERVICE_MONITORS):
        selected = [it for it in services if selectors.matches(one.selector, it.meta.labels)]
        if _covers(one, here) and any(_asks(one, it, live) for it in selected):
            yield "ServiceMonitor", one


def _covers(monitor: Monitor, namespace: str) -> bool:
    return monitor.namespaces is None or namespace in monitor.namespaces


def _targets(monitor: Monitor, live: Deployment) -> set[Port]:
    """The Pods' ports that a monitor asks by themselves."""
    numbers = {(int(one), "TCP") for one in monitor.targets if is_port(one)}
    return numbers.union(*(called(one, (live.shape,)) for one in monitor.targets))


def _asks(monitor: Monitor, service: Service, live: Deployment) -> bool:
    """Whether a ServiceMonitor asks coderd's metrics through this Service."""
    named = tuple(one for one in service.ports if one[0] in monitor.ports)
    ports = {*targets(replace(service, ports=named, headless=False), (live.shape,))}
    return port(live) in ports | _targets(monitor, live)


def _services(world: World, live: Deployment) -> list[Service]:
    """The Services of coderd's Pods."""
    return [
        one
        for one in world.snapshot.within(Need.SERVICES, live.meta.namespace)
        if one.selector and selectors.has_labels(one.selector, live.template_meta.labels)
    ]


def _annotations(world: World, live: Deployment) -> Iterator[str]:
    """The annotations that lead to coderd's metrics, on its Pods or on a Service of theirs."""
    metas = [(f"Pods of {live.meta.path}", live.template_meta)]
    metas += [(f"Service {one.meta.path}", one.meta) for one in _services(world, live)]
    for what, meta in metas:
        for note, ports in scraping.sources(meta.annotations, (live.shape,)):
            if port(live) in ports and not note.startswith(_PROFILES):
                yield f"annotation {note} of {what}"


_PROFILES: Final = ("pyroscope.io/", "profiles.grafana.com/")
"""Annotations for profiles, which are no metrics."""
