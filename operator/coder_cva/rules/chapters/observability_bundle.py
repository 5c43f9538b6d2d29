"""Observability: coderd's metrics and logs are collected, shown and watched (CVA-OBS-002)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coder_cva.catalogue.monitoring import PARTS
from coder_cva.rules import remedies, scraping
from coder_cva.rules.model import Finding, Judgement, Rule, failed, passed, unknown
from coder_cva.rules.monitoring import Monitoring, monitoring, place
from coder_cva.rules.scraping import Scraped
from coder_cva.rules.subjects import CODERD, no_coderd
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_RULE: Final = "CVA-OBS-002"
_PURPOSES: Final = {
    "Prometheus": "collects metrics",
    "Grafana": "shows dashboards",
    "Loki": "keeps logs",
    "Alertmanager": "tells somebody of alarms",
}
_BUNDLE: Final = "coder-observability"
_SWITCHES: Final = {
    "Prometheus": "prometheus.enabled",
    "Grafana": "grafana.enabled",
    "Loki": "loki.enabled",
    "Alertmanager": "prometheus.alertmanager.enabled",
}
"""Values of Coder's observability chart by the part that they switch."""


def metrics_and_logs_are_collected(world: World) -> Judgement:
    """CVA-OBS-002: the four parts of the bundle run, whoever brought them, and one of them asks coderd.

    What stands outside of the cluster is not seen: whoever has it there says so in a waiver.
    """
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    seen = monitoring(world)
    asked = scraping.scraped(world, live, seen)
    findings = [*_missing(world, seen), *_not_asked(world, live, seen, asked)]
    told = f"{asked.told}; {_there(seen)}"
    if findings:
        return failed(told, findings)
    if asked.known is None:
        return unknown(
            "ScrapingNotSeen",
            f"{told}. It is seen where coderd's Pods bear the annotations prometheus.io/scrape and prometheus.io/port, or "
            "where a Prometheus takes a PodMonitor that selects them",
        )
    return passed(told)


def _there(seen: Monitoring) -> str:
    parts = [f"{one} ({seen.running[one]})" for one in seen.parts]
    told = f"of the bundle's parts {', '.join(parts) or 'none'} run"
    return f"{told}s; beside it {', '.join(seen.others)}" if seen.others else f"{told}s"


def _missing(world: World, seen: Monitoring) -> Iterator[Finding]:
    instead = f"; {', '.join(seen.others)} does" if seen.others else ""
    reason = (
        f"{seen.others[0]} takes its place" if seen.others else "it runs outside of this cluster"
    )
    for part in PARTS:
        if part in seen.running:
            continue
        resource = f"Program {part}"
        waiver = remedies.waiver(world, _RULE, resource, reason)
        yield Finding(
            _RULE,
            resource,
            expected=f"{part}, which {_PURPOSES[part]}: a part of Coder's observability bundle",
            observed=f"no Pod of it runs in this cluster{instead}",
            remedy=f"{_install(world, part, seen)}. Where something else does its work, {waiver}",
        )


def _install(world: World, part: str, seen: Monitoring) -> str:
    """How to bring a part: by Coder's bundle without what is there already."""
    if part == "Alertmanager" and "Prometheus" in seen.parts:
        return (
            "switch it on where your Prometheus comes from: kube-prometheus-stack, the community's prometheus and Coder's "
            "bundle have alertmanager.enabled for it"
        )
    namespace = world.deployment.namespace
    values = {
        "global.coder.controlPlaneNamespace": namespace,
        "global.coder.externalProvisionersNamespace": namespace,
        **{_SWITCHES[one]: "false" for one in seen.parts},
    }
    said = " ".join(f"--set {key}={value}" for key, value in values.items())
    command = (
        f"helm repo add {_BUNDLE} https://helm.coder.com/observability && helm upgrade --install {_BUNDLE} "
        f"{_BUNDLE}/{_BUNDLE} --namespace {_BUNDLE} --create-namespace {said}"
    )
    if part == "Grafana":
        return (
            f"{command}; it lets everybody in as an administrator unless its values switch off auth.anonymous of "
            "grafana.ini"
        )
    return command


def _not_asked(
    world: World, live: Deployment, seen: Monitoring, asked: Scraped
) -> Iterator[Finding]:
    """Nothing where no Prometheus is there at all: then it is what lacks."""
    if asked.known is False and "Prometheus" in seen.parts:
        yield Finding(
            _RULE,
            f"Deployment {live.meta.path}",
            expected=f"a Prometheus that asks for its metrics on port {scraping.port(live)[0]}",
            observed=asked.told,
            remedy=_monitor(world, live, seen),
        )


def _monitor(world: World, live: Deployment, seen: Monitoring) -> str:
    if not scraping.is_on(live):
        return "enable coderd's endpoint first, as CVA-OBS-001 says"
    where = place(((one, one.pod_monitors) for one in seen.servers), live.meta.namespace, world)
    if where is None:
        names = ", ".join(one.meta.path for one in seen.servers) or "that is there"
        return (
            f"let Prometheus {names} take PodMonitors (spec.podMonitorSelector and spec.podMonitorNamespaceSelector), and make "
            "one that selects coderd's Pods"
        )
    manifest = {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": {
            "name": live.meta.name,
            "namespace": where.namespace,
            **({"labels": dict(where.labels)} if where.labels else {}),
        },
        "spec": {
            "namespaceSelector": {"matchNames": [live.meta.namespace]},
            "selector": dict(live.selector),
            "podMetricsEndpoints": [_endpoint(live)],
        },
    }
    return (
        f"kubectl apply -f - with this PodMonitor, which Prometheus {where.server} takes:\n"
        f"{remedies.as_yaml(manifest)}"
    )


def _endpoint(live: Deployment) -> Mapping[str, Any]:
    """By the port's name where it has one: not every Prometheus Operator knows numbers."""
    wanted = scraping.port(live)
    names = [name for name, number, protocol in live.shape.ports if (number, protocol) == wanted]
    return {"port": names[0]} if names and names[0] else {"portNumber": wanted[0]}


RULES: Final = (Rule(_RULE, metrics_and_logs_are_collected, CODERD | scraping.NEEDS),)
