"""Databases in the cluster: CloudNativePG's Clusters with their Pods and backups, and dumps by CronJob.

Written by hand from the API reference of CloudNativePG (postgresql.cnpg.io/v1).
"""

from __future__ import annotations

from typing import Any

Manifest = dict[str, Any]

_API = "postgresql.cnpg.io/v1"


def cnpg_cluster(
    namespace: str = "coder",
    *,
    name: str = "coder-db",
    instances: int = 2,
    cpu: str = "8",
    memory: str = "32Gi",
    storage: str = "512Gi",
    nodes: list[str] | None = None,
    last_backup: str = "",
) -> list[Manifest]:
    """A Cluster of CloudNativePG, its Service for writing, and its Pods, the first of which is the primary."""
    amounts = {"cpu": cpu, "memory": memory}
    where = nodes or ["control-plane-1", "control-plane-2", "control-plane-3"]
    cluster: Manifest = {
        "apiVersion": _API,
        "kind": "Cluster",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "instances": instances,
            "storage": {"size": storage},
            "resources": {"requests": amounts, "limits": dict(amounts)} if cpu else {},
        },
        "status": {"instances": instances, "readyInstances": instances},
    }
    if last_backup:
        cluster["status"]["lastSuccessfulBackup"] = last_backup
    pods = [
        _pod(namespace, name, number, where[(number - 1) % len(where)])
        for number in range(1, instances + 1)
    ]
    return [cluster, _service(namespace, name), *pods]


def cnpg_backups(
    namespace: str = "coder",
    *,
    cluster: str = "coder-db",
    name: str = "nightly",
    schedule: str = "0 0 2 * * *",
    suspended: bool = False,
    succeeded: list[str] | None = None,
    failed: bool = False,
) -> list[Manifest]:
    """A ScheduledBackup, and the Backups that came of it at these moments; ``failed`` adds one that did not."""
    scheduled = {
        "apiVersion": _API,
        "kind": "ScheduledBackup",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"schedule": schedule, "suspend": suspended, "cluster": {"name": cluster}},
    }
    done = [{"phase": "completed", "stoppedAt": moment} for moment in succeeded or []]
    statuses = [*done, {"phase": "failed", "error": "no space"}] if failed else done
    return [
        scheduled,
        *(_backup(namespace, cluster, f"{name}-{n}", one) for n, one in enumerate(statuses)),
    ]


def dump_job(
    namespace: str = "coder",
    *,
    name: str = "coder-dump",
    schedule: str = "0 2 * * *",
    suspended: bool = False,
    last_success: str = "",
    command: list[str] | None = None,
    image: str = "postgres:17",
    created: str = "",
) -> Manifest:
    """A CronJob that dumps a database, as people write them."""
    words = command or ["sh", "-c", 'pg_dump "$URL" | gzip > /backup/coder.sql.gz']
    container = {"name": "dump", "image": image, "command": words}
    template = {"spec": {"restartPolicy": "Never", "containers": [container]}}
    made: Manifest = {
        "apiVersion": "batch/v1",
        "kind": "CronJob",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {
            "schedule": schedule,
            "suspend": suspended,
            "jobTemplate": {"spec": {"template": template}},
        },
        "status": {"lastSuccessfulTime": last_success} if last_success else {},
    }
    if created:
        made["metadata"]["creationTimestamp"] = created
    return made


def everything() -> list[Manifest]:
    """One of each kind."""
    moment = "2026-11-23T02:05:00Z"
    return [
        *cnpg_cluster(last_backup=moment),
        *cnpg_backups(succeeded=[moment], failed=True),
        dump_job(last_success=moment),
    ]


def _pod(namespace: str, cluster: str, number: int, node: str) -> Manifest:
    role = "primary" if number == 1 else "replica"
    labels = {
        "cnpg.io/cluster": cluster,
        "cnpg.io/instanceRole": role,
        "cnpg.io/podRole": "instance",
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"{cluster}-{number}", "namespace": namespace, "labels": labels},
        "spec": {
            "nodeName": node,
            "containers": [
                {
                    "name": "postgres",
                    "image": "ghcr.io/cloudnative-pg/postgresql:17.6",
                    "ports": [{"name": "postgresql", "containerPort": 5432, "protocol": "TCP"}],
                }
            ],
        },
        "status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]},
    }


def _service(namespace: str, cluster: str) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": f"{cluster}-rw",
            "namespace": namespace,
            "labels": {"cnpg.io/cluster": cluster},
        },
        "spec": {
            "type": "ClusterIP",
            "ports": [{"name": "postgres", "port": 5432, "targetPort": 5432, "protocol": "TCP"}],
            "selector": {"cnpg.io/cluster": cluster, "cnpg.io/instanceRole": "primary"},
        },
    }


def _backup(namespace: str, cluster: str, name: str, status: dict[str, Any]) -> Manifest:
    return {
        "apiVersion": _API,
        "kind": "Backup",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"cluster": {"name": cluster}, "method": "barmanObjectStore"},
        "status": status,
    }
