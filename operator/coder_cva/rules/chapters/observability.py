"""Observability: coderd's Prometheus endpoint, and where it must not be (CVA-OBS-*)."""

from typing import Final

from coder_cva.rules import environment, remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import no_coderd
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Service
from coder_cva.snapshot.world import World
from coder_cva.values import selectors

_VARIABLE: Final = "CODER_PROMETHEUS_ENABLE"
_PORT: Final = 2112
_PORT_NAME: Final = "prometheus-http"
_VALUES: Final = {"coder": {"env": [{"name": _VARIABLE, "value": "true"}]}}


def the_prometheus_endpoint_is_enabled(world: World) -> Judgement:
    """CVA-OBS-001: enabled, with its port declared, and not through a LoadBalancer."""
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    said = environment.variable(live, _VARIABLE)
    if said == "" or (said is None and environment.has_hidden_part(live)):
        return unknown(
            "ValueNotSeen", f"{_VARIABLE} of {live.meta.path} comes from a ConfigMap or Secret"
        )
    findings = []
    if said != "true":
        findings.append(
            Finding(
                "CVA-OBS-001",
                f"Deployment {live.meta.path}",
                f"spec.template.spec.containers[coder].env[{_VARIABLE}]",
                '"true", literally: Coder\'s chart opens the port for nothing else',
                said or "not set",
                remedies.coderd(
                    world, _VALUES, "the operator sets it; take it out of spec.controlPlane.env"
                )
                + ". It restarts coderd: choose a quiet hour",
            )
        )
    findings += [_exposed(one) for one in _services(world) if _leads_to_metrics(one)]
    told = f"{_VARIABLE} of {live.meta.path} is {said or 'not set'}"
    return verdict(findings, held=told, broken=told)


def _services(world: World) -> list[Service]:
    if world.coderd is None:
        return []
    live = world.coderd.deployment
    return [
        one
        for one in world.snapshot.items(Need.SERVICES)
        if one.type in ("LoadBalancer", "NodePort")
        and one.meta.namespace == live.meta.namespace
        and one.selector
        and selectors.has_labels(one.selector, live.template_meta.labels)
    ]


def _leads_to_metrics(service: Service) -> bool:
    return any(
        port == _PORT or target in (str(_PORT), _PORT_NAME) for _, port, target, _ in service.ports
    )


def _exposed(service: Service) -> Finding:
    return Finding(
        "CVA-OBS-001",
        f"Service {service.meta.path}",
        "spec.ports",
        f"metrics on a ClusterIP Service only: port {_PORT} asks nobody who they are",
        f"port {_PORT} through a {service.type}",
        f"take port {_PORT} out of Service {service.meta.path} and make a headless Service for Prometheus",
    )


RULES: Final = (
    Rule(
        "CVA-OBS-001",
        the_prometheus_endpoint_is_enabled,
        frozenset({Need.DEPLOYMENTS, Need.SERVICES}),
    ),
)
