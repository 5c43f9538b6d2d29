"""Raw objects as the API server gives them in, the records of the snapshot out.

No shape raises: what is missing or of a wrong type is absent. An object without a name, which
nothing could refer to, gives None.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final

from coder_cva.snapshot import (
    parse_cluster,
    parse_databases,
    parse_monitoring,
    parse_network,
    parse_pods,
    parse_rights,
    parse_scalers,
    parse_scaling,
    parse_storage,
    parse_workloads,
)
from coder_cva.snapshot.model import Gathered
from coder_cva.snapshot.needs import Need

Projection = Callable[[Mapping[str, Any]], Any]
"""One raw object in, its record or None out."""

PROJECTIONS: Final[dict[Need, Projection]] = {
    Need.NODES: parse_cluster.node,
    Need.NAMESPACES: parse_cluster.namespace,
    Need.PODS: parse_pods.pod,
    Need.PERSISTENT_VOLUME_CLAIMS: parse_storage.persistent_volume_claim,
    Need.PERSISTENT_VOLUMES: parse_storage.persistent_volume,
    Need.DEPLOYMENTS: parse_workloads.deployment,
    Need.REPLICA_SETS: parse_workloads.replica_set,
    Need.SERVICES: parse_network.service,
    Need.INGRESSES: parse_network.ingress,
    Need.HTTP_ROUTES: parse_network.http_route,
    Need.NETWORK_POLICIES: parse_network.network_policy,
    Need.CILIUM_POLICIES: parse_network.cilium_policy,
    Need.POD_DISRUPTION_BUDGETS: parse_workloads.pod_disruption_budget,
    Need.AUTOSCALERS: parse_workloads.autoscaler,
    Need.SCALED_OBJECTS: parse_scalers.scaled_object,
    Need.VERTICAL_AUTOSCALERS: parse_scalers.vertical_autoscaler,
    Need.STORAGE_CLASSES: parse_storage.storage_class,
    Need.CSI_DRIVERS: parse_storage.csi_driver,
    Need.ROLE_BINDINGS: parse_rights.role_binding,
    Need.ROLES: parse_rights.role,
    Need.CLUSTER_ROLES: parse_rights.role,
    Need.CLUSTER_AUTOSCALER: parse_scaling.autoscaler_status,
    Need.NODE_POOLS: parse_scaling.node_pool,
    Need.MACHINE_DEPLOYMENTS: parse_scaling.machine_deployment,
    Need.MACHINE_AUTOSCALERS: parse_scaling.machine_autoscaler,
    Need.PROMETHEUSES: parse_monitoring.prometheus,
    Need.SERVICE_MONITORS: parse_monitoring.service_monitor,
    Need.POD_MONITORS: parse_monitoring.pod_monitor,
    Need.SCRAPE_CONFIGS: parse_monitoring.scrape_config,
    Need.PROMETHEUS_RULES: parse_monitoring.prometheus_rule,
    Need.ALARM_CONFIG_MAPS: parse_monitoring.alarm_config_map,
    Need.CRON_JOBS: parse_databases.cron_job,
    Need.POSTGRES_CLUSTERS: parse_databases.postgres_cluster,
    Need.POSTGRES_BACKUPS: parse_databases.postgres_backup,
    Need.SCHEDULED_BACKUPS: parse_databases.scheduled_backup,
}
"""How each need is read, once."""


def gathered(need: Need, bodies: Iterable[Mapping[str, Any]]) -> Gathered[Any]:
    """All objects of a kind, sorted by namespace and name, whatever order they came in."""
    records = (PROJECTIONS[need](body) for body in bodies)
    return ordered(record for record in records if record is not None)


def ordered(records: Iterable[Any]) -> Gathered[Any]:
    """Records in the order of the snapshot: by namespace, then name."""
    return Gathered(tuple(sorted(records, key=lambda one: (one.meta.namespace, one.meta.name))))
