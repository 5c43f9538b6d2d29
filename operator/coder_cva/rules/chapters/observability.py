"""Observability: coderd's Prometheus endpoint, and where it must not be (CVA-OBS-*)."""

from collections.abc import Iterator, Mapping
from typing import Final

from coder_cva.desired.coderd_pod import PROMETHEUS_PORT
from coder_cva.desired.pod_ports import is_port, targets
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import CODERD, no_coderd
from coder_cva.snapshot import environment
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Deployment, Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

_VARIABLE: Final = "CODER_PROMETHEUS_ENABLE"
_ADDRESS: Final = "CODER_PROMETHEUS_ADDRESS"
_DEFAULT_ADDRESS: Final = "127.0.0.1:2112"
"""Coder's own default (server reference); the chart sets 0.0.0.0:2112."""
_LOOPBACK: Final = ("127.", "localhost:", "[::1]:")
_OUTWARD: Final = frozenset({"LoadBalancer", "NodePort"})


def the_prometheus_endpoint_is_enabled(world: World) -> Judgement:
    """CVA-OBS-001: enabled, on an address that a scraper reaches, and not through a LoadBalancer."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    said = environment.literal(live, _VARIABLE)
    is_on = environment.is_true(said)
    # Where the endpoint is off, its address does not matter.
    for name in (_VARIABLE, _ADDRESS) if is_on else (_VARIABLE,):
        if environment.is_elsewhere(live, name):
            return unknown(
                "ValueNotSeen",
                f"{name} of {live.meta.path} may come from a ConfigMap, a Secret or a file",
            )
    address = environment.literal(live, _ADDRESS) or _DEFAULT_ADDRESS
    if is_on:
        findings = list(_unreachable(world, live, address))
    else:
        findings = [_not_enabled(world, live, said or "not set")]
    port = _port(address)
    findings += [_exposed(one, port) for one in _services(world, live, port)]
    told = f"{_VARIABLE} of {live.meta.path} is {said or 'not set'}"
    held = f"{told}, and no Service of type LoadBalancer or NodePort leads to port {port}"
    return verdict(findings, held=held, broken=told)


def _not_enabled(world: World, live: Deployment, observed: str) -> Finding:
    return Finding(
        "CVA-OBS-001",
        f"Deployment {live.meta.path}",
        remedies.setting_field(world, _VARIABLE),
        '"true", literally: Coder\'s chart opens the port for nothing else',
        observed,
        _restarting(world, {_VARIABLE: "true"}),
    )


def _restarting(world: World, variables: Mapping[str, str]) -> str:
    return f"at a quiet hour, because it restarts coderd, {remedies.settings(world, variables)}"


def _port(address: str) -> int:
    """The port of an address, the chart's where there is none."""
    tail = address.rpartition(":")[2]
    return int(tail) if is_port(tail) else PROMETHEUS_PORT


def _unreachable(world: World, live: Deployment, address: str) -> Iterator[Finding]:
    if address.startswith(_LOOPBACK):
        wanted = f"0.0.0.0:{PROMETHEUS_PORT}"
        yield Finding(
            "CVA-OBS-001",
            f"Deployment {live.meta.path}",
            remedies.setting_field(world, _ADDRESS),
            f"{wanted}, which scrapers reach",
            f"{address}, which nobody outside the Pod reaches",
            _restarting(world, {_ADDRESS: wanted}),
        )


def _services(world: World, live: Deployment, port: int) -> list[Service]:
    """The Services that lead from outside to the metrics of coderd's Pods."""
    return [
        one
        for one in world.snapshot.items(Need.SERVICES)
        if one.type in _OUTWARD
        and one.meta.namespace == live.meta.namespace
        and one.selector
        and selectors.has_labels(one.selector, live.template_meta.labels)
        and (port, "TCP") in targets(one, (live.shape,))
    ]


def _exposed(service: Service, port: int) -> Finding:
    return Finding(
        "CVA-OBS-001",
        f"Service {service.meta.path}",
        "spec.ports",
        f"metrics on a Service of type ClusterIP only: port {port} asks nobody who they are",
        f"port {port} on a Service of type {service.type}",
        f"kubectl -n {service.meta.namespace} edit service {service.meta.name}, and a headless Service "
        f"with port {port} for Prometheus instead",
    )


RULES: Final = (Rule("CVA-OBS-001", the_prometheus_endpoint_is_enabled, CODERD | {Need.SERVICES}),)
