"""Observability: coderd's metrics and logs are collected, shown and watched (CVA-OBS-002)."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coder_cva.catalogue.monitoring import BUNDLE, PARTS
from coder_cva.rules import log_collection, remedies, scraping
from coder_cva.rules.log_collection import Logs
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
    "Loki": "keeps logs, as any collector of logs on each of coderd's nodes may do",
    "Alertmanager": "tells somebody of alarms",
}
_SWITCHES: Final = {
    "Prometheus": "prometheus.enabled",
    "Grafana": "grafana.enabled",
    "Loki": "loki.enabled",
    "Alertmanager": "prometheus.alertmanager.enabled",
}
"""Values of Coder's observability chart by the part that they switch."""


def metrics_and_logs_are_collected(world: World) -> Judgement:
    """CVA-OBS-002: the four parts of the bundle run, whoever brought them, and one of them asks coderd.

    In Loki's place may be whatever collects logs on coderd's nodes. What stands outside of the cluster is not seen: whoever has it there says so in a waiver.
    """
    if world.coderd is None:
        return no_coderd(world)
    live = world.coderd.deployment
    seen = monitoring(world)
    asked = scraping.scraped(world, live, seen)
    logs = log_collection.logs(world, seen)
    findings = [*_missing(world, seen, logs), *_not_asked(world, live, seen, asked)]
    told = "; ".join(one for one in (asked.told, _there(seen), logs.told) if one)
    if findings:
        return failed(told, findings)
    if asked.known is None:
        return unknown(
            "ScrapingNotSeen",
            f"{told}. It is seen where coderd's Pods bear the annotations prometheus.io/scrape and prometheus.io/port, or "
            "where a Prometheus takes a PodMonitor that selects them",
        )
    if logs.known is None:
        return unknown(
            "LogsNotSeen",
            f"{told}. It is seen where Loki runs, or Fluent Bit, Fluentd, Vector, Promtail or Filebeat as a DaemonSet on each "
            "node that coderd runs on; else state with evidence and a date in spec.attestations who keeps them",
        )
    return passed(told)


def _there(seen: Monitoring) -> str:
    parts = [f"{one} ({seen.running[one]})" for one in seen.parts]
    told = (
        f"of the bundle's parts there are {', '.join(parts)}"
        if parts
        else "no part of the bundle is there"
    )
    beside = [*seen.others, *seen.system]
    return f"{told}; beside it {', '.join(beside)}" if beside else told


def _missing(world: World, seen: Monitoring, logs: Logs) -> Iterator[Finding]:
    """The parts that are not there; whoever else keeps logs, or may do so, stands in for Loki."""
    instead = f"; {', '.join(seen.others)} does" if seen.others else ""
    for part in PARTS:
        if part not in seen.running and (part != "Loki" or logs.known is False):
            resource = f"Program {part}"
            yield Finding(
                _RULE,
                resource,
                expected=f"{part}, which {_PURPOSES[part]}: a part of Coder's observability bundle",
                observed=f"no Pod of it runs in this cluster{instead}",
                remedy=_remedy(world, part, seen, resource),
            )


def _remedy(world: World, part: str, seen: Monitoring, resource: str) -> str:
    """What another make does is waived; else Coder's bundle brings it, without what is there already."""
    if seen.others:
        waiver = remedies.waiver(world, _RULE, resource, f"{seen.others[0]} takes its place")
        return f"install it, as Coder's observability bundle does, or, where {seen.others[0]} does its work, {waiver}"
    elsewhere = (
        f"where one outside of this cluster does its work, accept {resource} in spec.waivers"
    )
    if part == "Alertmanager" and "Prometheus" in seen.parts:
        return (
            "switch it on where your Prometheus comes from: kube-prometheus-stack, the community's prometheus and Coder's "
            f"bundle have alertmanager.enabled for it; {elsewhere}"
        )
    if any(pod.startswith(f"{BUNDLE}/") for pod in seen.running.values()):
        return f"switch it on in the values of the release {BUNDLE}: {_SWITCHES[part]}=true; {elsewhere}"
    warning = (
        ". Its Grafana lets everybody in as an administrator unless grafana.ini switches off auth.anonymous"
        if part == "Grafana"
        else ""
    )
    return f"{elsewhere}; else install Coder's observability bundle{warning}:\n{_commands(world, seen)}"


def _commands(world: World, seen: Monitoring) -> str:
    """Helm's, for a release that is not there yet: in one that is, a switch would take away what runs."""
    values = {_SWITCHES[one]: "false" for one in seen.parts}
    if world.deployment.namespace != "coder":
        for key in ("controlPlaneNamespace", "externalProvisionersNamespace"):
            values[f"global.coder.{key}"] = world.deployment.namespace
    said = "".join(f" --set {key}={value}" for key, value in values.items())
    return (
        f"helm repo add {BUNDLE} https://helm.coder.com/observability\n"
        f"helm upgrade --install {BUNDLE} {BUNDLE}/{BUNDLE} --namespace {BUNDLE} --create-namespace{said}"
    )


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
    where = place(seen, ((one, one.pod_monitors) for one in seen.servers), live.meta.namespace)
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
    named = (
        " (its Pods have to be among those that spec.network.monitoring names)"
        if world.deployment.spec.network.monitoring
        else ""
    )
    return (
        f"kubectl apply -f - with this PodMonitor, which Prometheus {where.server} takes{named}:\n"
        f"{remedies.as_yaml(manifest)}"
    )


def _endpoint(live: Deployment) -> Mapping[str, Any]:
    """By the port's name where it has one: not every Prometheus Operator knows numbers."""
    wanted = scraping.port(live)
    names = [name for name, number, protocol in live.shape.ports if (number, protocol) == wanted]
    return {"port": names[0]} if names and names[0] else {"portNumber": wanted[0]}


RULES: Final = (
    Rule(_RULE, metrics_and_logs_are_collected, CODERD | scraping.NEEDS | log_collection.NEEDS),
)
