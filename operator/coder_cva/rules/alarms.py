"""The alarms that a Coder should have: what each asks, and how to set it.

Source: the alarms of Coder's observability chart, without those on prebuilt workspaces; connections to the database
are asked of coderd itself, which every scraper of it has. Metrics: Coder's page on Prometheus.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True)
class Alarm:
    """An alarm by its name in Coder's chart.

    An expression over any series of ``metrics``, or of a name that begins with one of ``families``, counts for
    it. ``expression`` has the places ``{labels}`` for what selects coderd's Pods, ``{namespace}`` and ``{replicas}``.
    """

    name: str
    about: str
    metrics: frozenset[str]
    expression: str
    lasting: str
    families: tuple[str, ...] = ()

    def asks(self, metric: str) -> bool:
        """Whether an alarm over this series counts for it."""
        return metric in self.metrics or metric.startswith(self.families or ("\0",))


REPLICAS: Final = Alarm(
    "CoderdReplicas",
    "replicas of coderd are missing",
    frozenset(
        {
            "up",
            "kube_deployment_status_replicas_available",
            "kube_deployment_status_replicas_ready",
            "kube_deployment_status_replicas_unavailable",
        }
    ),
    "(sum(up{{{labels}}}) or vector(0)) < {replicas}",
    "10m",
)
PROVISIONERS: Final = Alarm(
    "ProvisionerdReplicas",
    "no built-in provisioner is left to build",
    frozenset({"coderd_provisionerd_num_daemons"}),
    "sum(coderd_provisionerd_num_daemons{{{labels}}}) < 1",
    "5m",
)
LICENCE: Final = Alarm(
    "CoderLicenseSeats",
    "the seats of the licence are nearly used up",
    frozenset({"coderd_license_active_users", "coderd_license_limit_users"}),
    'max(coderd_license_active_users{{namespace="{namespace}"}})'
    ' / max(coderd_license_limit_users{{namespace="{namespace}"}}) >= 0.9',
    "10m",
)
ALARMS: Final = (
    REPLICAS,
    Alarm(
        "CoderdRestarts",
        "coderd restarts again and again",
        frozenset(
            {
                "kube_pod_container_status_restarts_total",
                "kube_pod_container_status_waiting_reason",
            }
        ),
        "sum by (pod) (increase(kube_pod_container_status_restarts_total{{{labels}}}[10m])) >= 2",
        "1m",
    ),
    Alarm(
        "CoderdCPUUsage",
        "coderd is near its CPU limit",
        frozenset(
            {
                "container_cpu_usage_seconds_total",
                "container_cpu_cfs_throttled_periods_total",
                "container_cpu_cfs_throttled_seconds_total",
                "process_cpu_seconds_total",
            }
        ),
        'sum by (pod) (rate(container_cpu_usage_seconds_total{{{labels},container="{container}"}}[10m]))'
        ' / sum by (pod) (kube_pod_container_resource_limits{{{labels},container="{container}",resource="cpu"}})'
        " > 0.9",
        "10m",
    ),
    Alarm(
        "CoderdMemoryUsage",
        "coderd is near its memory limit",
        frozenset(
            {
                "container_memory_working_set_bytes",
                "container_memory_usage_bytes",
                "container_memory_rss",
                "process_resident_memory_bytes",
            }
        ),
        'sum by (pod) (container_memory_working_set_bytes{{{labels},container="{container}"}})'
        ' / sum by (pod) (kube_pod_container_resource_limits{{{labels},container="{container}",resource="memory"}})'
        " > 0.9",
        "10m",
    ),
    Alarm(
        "CoderdWorkspaceBuildFailures",
        "builds of workspaces fail",
        frozenset(
            {"coderd_workspace_builds_total", "coderd_provisionerd_job_timings_seconds_count"}
        ),
        'sum(increase(coderd_workspace_builds_total{{{labels},status="failed"}}[10m])) >= 5',
        "10m",
    ),
    Alarm(
        "CoderdDatabaseConnections",
        "coderd is short of connections to the database",
        frozenset({"pg_up", "pg_stat_activity_count", "pg_pubsub_usage"}),
        "sum by (pod) (go_sql_in_use_connections{{{labels}}})"
        " / sum by (pod) (go_sql_max_open_connections{{{labels}}}) > 0.9",
        "10m",
        families=("go_sql_", "coderd_db_", "cnpg_"),
    ),
)
"""Those that every Coder should have; the others depend on the licence and on who builds."""


def manifest(
    alarm: Alarm, places: Mapping[str, str], namespace: str, labels: Mapping[str, str]
) -> Mapping[str, Any]:
    """A PrometheusRule of this one alarm, in that namespace and with those labels."""
    rule = {
        "alert": alarm.name,
        "expr": alarm.expression.format(**places),
        "for": alarm.lasting,
        "labels": {"severity": "warning"},
        "annotations": {"summary": f"{alarm.about} (Coder in namespace {places['namespace']})"},
    }
    name = f"{places['deployment']}-{alarm.name.lower()}"
    metadata = {
        "name": name,
        "namespace": namespace,
        **({"labels": dict(labels)} if labels else {}),
    }
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": {"groups": [{"name": name, "rules": [rule]}]},
    }
