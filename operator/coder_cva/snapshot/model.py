"""The snapshot: for each kind either what was gathered, or why it could not be."""

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Final, Generic, TypeAlias, TypeVar

from coder_cva.snapshot import (
    records,
    records_cilium,
    records_databases,
    records_monitoring,
    records_scalers,
    records_scaling,
)
from coder_cva.snapshot.needs import Need

T = TypeVar("T")


class Absence(StrEnum):
    """Why a kind could not be read. No empty list stands for any of these."""

    FORBIDDEN = "Forbidden"
    NOT_SERVED = "NotServed"
    TIMED_OUT = "TimedOut"
    NOT_SYNCED = "NotSynced"
    """Not listed even once yet."""
    STALE = "Stale"
    UNREADABLE = "NotUnderstood"
    """An object of the kind has a shape on which its projection fails: a fault of ours, and it may last."""
    NOT_SAVED = "NotSaved"
    """The snapshot was saved to files, and the kind is not among them."""


@dataclass(frozen=True, slots=True)
class Gathered(Generic[T]):
    """All objects of a kind, sorted by namespace and name."""

    items: tuple[T, ...] = ()


@dataclass(frozen=True, slots=True)
class Unavailable:
    """A kind that could not be read: the reason, and the API server's own words."""

    reason: Absence
    message: str = ""


Reading: TypeAlias = Gathered[T] | Unavailable

_UNREAD = Unavailable(Absence.NOT_SYNCED, "not read yet")


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Which keys a Secret or ConfigMap has; a value is never kept."""

    namespace: str
    name: str
    keys: frozenset[str]


@dataclass(frozen=True, slots=True)
class Served:
    """Which versions of the admission policies the API server serves, best first; () for none."""

    mutating_policy: tuple[str, ...] = ()
    validating_policy: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ClusterSnapshot:
    """Everything that was read, at one moment."""

    nodes: Reading[records.Node] = _UNREAD
    namespaces: Reading[records.Namespace] = _UNREAD
    pods: Reading[records.Pod] = _UNREAD
    persistent_volume_claims: Reading[records.PersistentVolumeClaim] = _UNREAD
    persistent_volumes: Reading[records.PersistentVolume] = _UNREAD
    deployments: Reading[records.Deployment] = _UNREAD
    replica_sets: Reading[records.ReplicaSet] = _UNREAD
    services: Reading[records.Service] = _UNREAD
    ingresses: Reading[records.Ingress] = _UNREAD
    http_routes: Reading[records.Ingress] = _UNREAD
    network_policies: Reading[records.NetworkPolicy] = _UNREAD
    cilium_policies: Reading[records_cilium.CiliumPolicy] = _UNREAD
    pod_disruption_budgets: Reading[records.PodDisruptionBudget] = _UNREAD
    autoscalers: Reading[records.Autoscaler] = _UNREAD
    scaled_objects: Reading[records_scalers.ScaledObject] = _UNREAD
    vertical_autoscalers: Reading[records_scalers.VerticalAutoscaler] = _UNREAD
    storage_classes: Reading[records.StorageClass] = _UNREAD
    csi_drivers: Reading[records.CSIDriver] = _UNREAD
    role_bindings: Reading[records.RoleBinding] = _UNREAD
    roles: Reading[records.Role] = _UNREAD
    cluster_roles: Reading[records.Role] = _UNREAD
    cluster_autoscaler: Reading[records_scaling.AutoscalerStatus] = _UNREAD
    node_pools: Reading[records_scaling.NodePool] = _UNREAD
    machine_deployments: Reading[records_scaling.MachineDeployment] = _UNREAD
    machine_autoscalers: Reading[records_scaling.MachineAutoscaler] = _UNREAD
    prometheuses: Reading[records_monitoring.PrometheusServer] = _UNREAD
    service_monitors: Reading[records_monitoring.Monitor] = _UNREAD
    pod_monitors: Reading[records_monitoring.Monitor] = _UNREAD
    scrape_configs: Reading[records_monitoring.ScrapeConfig] = _UNREAD
    prometheus_rules: Reading[records_monitoring.AlarmFile] = _UNREAD
    alarm_config_maps: Reading[records_monitoring.AlarmFile] = _UNREAD
    cron_jobs: Reading[records_databases.CronJob] = _UNREAD
    postgres_clusters: Reading[records_databases.PostgresCluster] = _UNREAD
    postgres_backups: Reading[records_databases.PostgresBackup] = _UNREAD
    scheduled_backups: Reading[records_databases.ScheduledBackup] = _UNREAD
    secrets: dict[tuple[str, str], SecretKeys | Unavailable | None] = field(default_factory=dict)
    """Secrets asked for by (namespace, name); None where there is none of that name."""
    served: Served | Unavailable = _UNREAD

    def reading(self, need: Need) -> "Reading[Any]":
        """What was read for a need."""
        reading: Reading[Any] = getattr(self, need.value)
        return reading

    def items(self, need: Need) -> tuple[Any, ...]:
        """The objects of a kind; () where it could not be read, so ask ``reading`` where that matters."""
        reading = self.reading(need)
        return reading.items if isinstance(reading, Gathered) else ()

    def within(self, need: Need, namespace: str) -> tuple[Any, ...]:
        """The objects of a kind in one namespace, without looking at all others: a kind is sorted by it."""
        everywhere = self.items(need)
        begin = bisect_left(everywhere, namespace, key=_namespace)
        end = bisect_right(everywhere, namespace, key=_namespace)
        return everywhere[begin:end]

    def find(self, need: Need, namespace: str, name: str) -> Any:
        """The object of this name, None where there is none, or where its kind could not be read."""
        every = self.items(need)
        place = bisect_left(every, (namespace, name), key=_key)
        found = every[place] if place < len(every) else None
        return found if found is not None and _key(found) == (namespace, name) else None

    def missing(self) -> dict[Need, Unavailable]:
        """The kinds that could not be read, with their reasons."""
        readings = ((need, getattr(self, name)) for need, name in _NAMES)
        return {need: one for need, one in readings if isinstance(one, Unavailable)}


_NAMES: Final = tuple((need, need.value) for need in Need)
"""Every kind with its field: looked up once, because every rule asks what is missing."""


def _key(record: Any) -> tuple[str, str]:
    return record.meta.namespace, record.meta.name


def _namespace(record: Any) -> str:
    namespace: str = record.meta.namespace
    return namespace
