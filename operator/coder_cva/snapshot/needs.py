"""The closed vocabulary of what can be read from a cluster.

A need is used for the watches, the operator's rights, the verdict Unknown where it could not be
read, and the documentation of what a rule looks at.
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Need(StrEnum):
    """One kind of thing that the cluster is asked for; the value is its field in the snapshot."""

    NODES = "nodes"
    NAMESPACES = "namespaces"
    PODS = "pods"
    PERSISTENT_VOLUME_CLAIMS = "persistent_volume_claims"
    PERSISTENT_VOLUMES = "persistent_volumes"
    DEPLOYMENTS = "deployments"
    REPLICA_SETS = "replica_sets"
    SERVICES = "services"
    INGRESSES = "ingresses"
    HTTP_ROUTES = "http_routes"
    NETWORK_POLICIES = "network_policies"
    CILIUM_POLICIES = "cilium_policies"
    POD_DISRUPTION_BUDGETS = "pod_disruption_budgets"
    AUTOSCALERS = "autoscalers"
    SCALED_OBJECTS = "scaled_objects"
    VERTICAL_AUTOSCALERS = "vertical_autoscalers"
    STORAGE_CLASSES = "storage_classes"
    CSI_DRIVERS = "csi_drivers"
    ROLE_BINDINGS = "role_bindings"
    ROLES = "roles"
    CLUSTER_ROLES = "cluster_roles"
    CLUSTER_AUTOSCALER = "cluster_autoscaler"
    NODE_POOLS = "node_pools"
    MACHINE_DEPLOYMENTS = "machine_deployments"
    MACHINE_AUTOSCALERS = "machine_autoscalers"
    PROMETHEUSES = "prometheuses"
    SERVICE_MONITORS = "service_monitors"
    POD_MONITORS = "pod_monitors"
    SCRAPE_CONFIGS = "scrape_configs"
    PROMETHEUS_RULES = "prometheus_rules"
    ALARM_CONFIG_MAPS = "alarm_config_maps"
    CRON_JOBS = "cron_jobs"
    POSTGRES_CLUSTERS = "postgres_clusters"
    POSTGRES_BACKUPS = "postgres_backups"
    SCHEDULED_BACKUPS = "scheduled_backups"


@dataclass(frozen=True, slots=True)
class Source:
    """Where a need is read: API group, version, plural and kind."""

    group: str
    version: str
    plural: str
    kind: str
    namespaced: bool = True
    metadata_only: bool = False
    extension: bool = False
    """Its API comes with something that a cluster need not have: where it is not served there are none."""
    name: str = ""
    """Only objects of this name are read; the operator's rights are as narrow."""
    older: tuple[str, ...] = ()
    """Versions that are asked for, in this order, where the newest one is not served."""

    @property
    def api_version(self) -> str:
        """``v1``, ``apps/v1``."""
        return f"{self.group}/{self.version}" if self.group else self.version


SOURCES: Final[dict[Need, Source]] = {
    Need.NODES: Source("", "v1", "nodes", "Node", namespaced=False),
    Need.NAMESPACES: Source("", "v1", "namespaces", "Namespace", namespaced=False),
    Need.PODS: Source("", "v1", "pods", "Pod"),
    Need.PERSISTENT_VOLUME_CLAIMS: Source("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim"),
    Need.PERSISTENT_VOLUMES: Source("", "v1", "persistentvolumes", "PersistentVolume", namespaced=False),
    Need.DEPLOYMENTS: Source("apps", "v1", "deployments", "Deployment"),
    Need.REPLICA_SETS: Source("apps", "v1", "replicasets", "ReplicaSet", metadata_only=True),
    Need.SERVICES: Source("", "v1", "services", "Service"),
    Need.INGRESSES: Source("networking.k8s.io", "v1", "ingresses", "Ingress"),
    Need.HTTP_ROUTES: Source("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", extension=True),
    Need.NETWORK_POLICIES: Source("networking.k8s.io", "v1", "networkpolicies", "NetworkPolicy"),
    Need.CILIUM_POLICIES: Source("cilium.io", "v2", "ciliumnetworkpolicies", "CiliumNetworkPolicy", extension=True),
    Need.POD_DISRUPTION_BUDGETS: Source("policy", "v1", "poddisruptionbudgets", "PodDisruptionBudget"),
    Need.AUTOSCALERS: Source("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"),
    Need.SCALED_OBJECTS: Source("keda.sh", "v1alpha1", "scaledobjects", "ScaledObject", extension=True),
    Need.VERTICAL_AUTOSCALERS: Source(
        "autoscaling.k8s.io", "v1", "verticalpodautoscalers", "VerticalPodAutoscaler", extension=True
    ),
    Need.STORAGE_CLASSES: Source("storage.k8s.io", "v1", "storageclasses", "StorageClass", namespaced=False),
    Need.CSI_DRIVERS: Source("storage.k8s.io", "v1", "csidrivers", "CSIDriver", namespaced=False),
    Need.ROLE_BINDINGS: Source("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding"),
    Need.ROLES: Source("rbac.authorization.k8s.io", "v1", "roles", "Role"),
    Need.CLUSTER_ROLES: Source("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", namespaced=False),
    Need.CLUSTER_AUTOSCALER: Source("", "v1", "configmaps", "ConfigMap", name="cluster-autoscaler-status"),
    Need.NODE_POOLS: Source("karpenter.sh", "v1", "nodepools", "NodePool", namespaced=False, extension=True, older=("v1beta1",)),
    Need.MACHINE_DEPLOYMENTS: Source("cluster.x-k8s.io", "v1beta2", "machinedeployments", "MachineDeployment", extension=True, older=("v1beta1",)),
    Need.MACHINE_AUTOSCALERS: Source("autoscaling.openshift.io", "v1beta1", "machineautoscalers", "MachineAutoscaler", extension=True),
    Need.PROMETHEUSES: Source("monitoring.coreos.com", "v1", "prometheuses", "Prometheus", extension=True),
    Need.SERVICE_MONITORS: Source("monitoring.coreos.com", "v1", "servicemonitors", "ServiceMonitor", extension=True),
    Need.POD_MONITORS: Source("monitoring.coreos.com", "v1", "podmonitors", "PodMonitor", extension=True),
    Need.SCRAPE_CONFIGS: Source("monitoring.coreos.com", "v1alpha1", "scrapeconfigs", "ScrapeConfig", extension=True, metadata_only=True),
    Need.PROMETHEUS_RULES: Source("monitoring.coreos.com", "v1", "prometheusrules", "PrometheusRule", extension=True),
    Need.ALARM_CONFIG_MAPS: Source("", "v1", "configmaps", "ConfigMap", name="coder-metrics-alerts"),
    Need.CRON_JOBS: Source("batch", "v1", "cronjobs", "CronJob"),
    Need.POSTGRES_CLUSTERS: Source("postgresql.cnpg.io", "v1", "clusters", "Cluster", extension=True),
    Need.POSTGRES_BACKUPS: Source("postgresql.cnpg.io", "v1", "backups", "Backup", extension=True),
    Need.SCHEDULED_BACKUPS: Source("postgresql.cnpg.io", "v1", "scheduledbackups", "ScheduledBackup", extension=True),
}  # fmt: skip
"""Every need, once. The operator's ClusterRole is generated from this table."""

EXTENSIONS: Final = frozenset(need for need, source in SOURCES.items() if source.extension)
"""Kinds that a cluster need not have."""
