"""A cluster's monitoring, as its charts and operators make it: plain manifests.

Written by hand from what kube-prometheus-stack, the Prometheus Operator and Coder's observability chart publish.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from support import builders

if TYPE_CHECKING:
    from collections.abc import Sequence

Manifest = dict[str, Any]

_API = "monitoring.coreos.com/v1"
_BY_RELEASE = {"matchLabels": {"release": "monitoring"}}
CODERD = "pod=~`coder.*`, pod!~`.*provisioner.*`"
"""The selector of Coder's observability chart for coderd."""
PROMETHEUS, GRAFANA, LOKI, ALERTMANAGER = "prometheus", "grafana", "loki", "alertmanager"
PARTS = (PROMETHEUS, GRAFANA, LOKI, ALERTMANAGER)
_IMAGES = {
    PROMETHEUS: "quay.io/prometheus/prometheus:v3.5.0",
    GRAFANA: "docker.io/grafana/grafana:12.1.0",
    LOKI: "docker.io/grafana/loki:3.5.0",
    ALERTMANAGER: "quay.io/prometheus/alertmanager:v0.28.1",
}


def program(
    name: str,
    namespace: str = "monitoring",
    *,
    image: str = "",
    labels: dict[str, str] | None = None,
    number: int = 0,
    daemon: bool = False,
) -> Manifest:
    """A Pod of a program of monitoring, with the label that its chart writes unless others are given.

    ``daemon``: it is one of a DaemonSet's.
    """
    container = {"name": name, "image": image or _IMAGES.get(name, f"docker.io/example/{name}:1")}
    said = {"app.kubernetes.io/name": name} if labels is None else labels
    made = builders.pod(
        f"{name}-{number}", namespace, labels=said, spec={"containers": [container]}
    )
    if daemon:
        owner = {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "name": name,
            "uid": f"uid-of-{name}",
        }
        made["metadata"]["ownerReferences"] = [{**owner, "controller": True}]
    return made


def programs(names: Sequence[str] = PARTS, namespace: str = "monitoring") -> list[Manifest]:
    """Pods of several programs; of all four parts where none is named."""
    return [program(one, namespace) for one in names]


def prometheus(name: str = "k8s", namespace: str = "monitoring", **spec: Any) -> list[Manifest]:
    """A Prometheus of the Prometheus Operator with its Pod, which takes what bears its release's label."""
    kinds = ("serviceMonitor", "podMonitor", "scrapeConfig", "rule")
    said = {
        **{f"{one}Selector": _BY_RELEASE for one in kinds},
        **{f"{one}NamespaceSelector": {} for one in kinds},
        **spec,
    }
    labels = {
        "app.kubernetes.io/name": "prometheus",
        "app.kubernetes.io/managed-by": "prometheus-operator",
        "operator.prometheus.io/name": name,
    }
    pod = program("prometheus", namespace, labels=labels)
    pod["metadata"]["name"] = f"prometheus-{name}-0"
    return [_object("Prometheus", name, namespace, {}, said), pod]


def pod_monitor(
    name: str = "coder",
    namespace: str = "coder",
    *,
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> Manifest:
    """A PodMonitor for coderd of Coder's chart."""
    said = {
        "selector": {"matchLabels": {"app.kubernetes.io/name": "coder"}},
        "podMetricsEndpoints": [{"port": "prometheus-http"}],
        **spec,
    }
    return _object("PodMonitor", name, namespace, _released(labels), said)


def service_monitor(
    name: str = "coder",
    namespace: str = "coder",
    *,
    labels: dict[str, str] | None = None,
    **spec: Any,
) -> list[Manifest]:
    """A ServiceMonitor as Coder's documentation has it, with its headless Service."""
    said = {
        "selector": {"matchLabels": {"app.kubernetes.io/component": "metrics"}},
        "endpoints": [{"port": "prometheus-http", "interval": "10s"}],
        **spec,
    }
    service = {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": "coder-prom",
            "namespace": "coder",
            "labels": {"app.kubernetes.io/component": "metrics"},
        },
        "spec": {
            "clusterIP": "None",
            "ports": [{"name": "prometheus-http", "port": 2112, "targetPort": 2112}],
            "selector": {"app.kubernetes.io/name": "coder"},
        },
    }
    return [_object("ServiceMonitor", name, namespace, _released(labels), said), service]


def scrape_config(
    name: str = "static", namespace: str = "monitoring", *, labels: dict[str, str] | None = None
) -> Manifest:
    """A ScrapeConfig, which may ask anything."""
    made = _object("ScrapeConfig", name, namespace, _released(labels), {"staticConfigs": []})
    return {**made, "apiVersion": "monitoring.coreos.com/v1alpha1"}


def prometheus_rule(
    alarms: dict[str, str],
    name: str = "coder",
    namespace: str = "coder",
    *,
    labels: dict[str, str] | None = None,
    recorded: dict[str, str] | None = None,
) -> Manifest:
    """A PrometheusRule of alarms by their names, and of recorded series."""
    rules = [
        *({"record": one, "expr": expr} for one, expr in (recorded or {}).items()),
        *({"alert": one, "expr": expr, "for": "5m"} for one, expr in alarms.items()),
    ]
    return _object(
        "PrometheusRule",
        name,
        namespace,
        _released(labels),
        {"groups": [{"name": "a", "rules": rules}]},
    )


def bundle_alarms(namespace: str = "coder-observability", selector: str = CODERD) -> Manifest:
    """The ConfigMap of Coder's observability chart with its alarms, as it comes."""
    lines = ["groups:", "- name: all", "  rules:"]
    for name, expr in bundle_expressions(selector).items():
        lines += [f"  - alert: {name}", "    expr: >-", f"      {expr}", "    for: 5m"]
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "coder-metrics-alerts", "namespace": namespace},
        "data": {"coderd.yaml": "\n".join(lines)},
    }


def bundle_expressions(selector: str = CODERD) -> dict[str, str]:
    """What the chart's alarms ask, by their names; its thresholds and severities left out."""
    limit = f'kube_pod_container_resource_limits{{ {selector}, resource="cpu"}}'
    return {
        "CoderdCPUUsage": f"max by (pod) (rate(container_cpu_usage_seconds_total{{ {selector} }}[10m])) / max by(pod) ({limit}) > 0.8",
        "CoderdMemoryUsage": f"max by (pod) (container_memory_working_set_bytes{{ {selector} }}) / 4e9 > 0.8",
        "CoderdRestarts": f"sum by(pod) (increase(kube_pod_container_status_restarts_total{{ {selector} }}[10m])) > 1",
        "CoderdReplicas": f"sum(up{{ {selector} }}) < 3",
        "CoderdWorkspaceBuildFailures": f'sum(increase(coderd_workspace_builds_total{{ {selector} , status="failed" }}[10m])) > 2',
        "ProvisionerdReplicas": f"sum(coderd_provisionerd_num_daemons{{ {selector} }}) < 3",
        "CoderLicenseSeats": "max(coderd_license_active_users) / max(coderd_license_limit_users) >= 0.9",
        "PostgresDown": "pg_up == 0",
    }


def _released(labels: dict[str, str] | None) -> dict[str, str]:
    return {"release": "monitoring"} if labels is None else labels


def _object(
    kind: str, name: str, namespace: str, labels: dict[str, str], spec: dict[str, Any]
) -> Manifest:
    return {
        "apiVersion": _API,
        "kind": kind,
        "metadata": {"name": name, "namespace": namespace, "labels": dict(labels)},
        "spec": spec,
    }
