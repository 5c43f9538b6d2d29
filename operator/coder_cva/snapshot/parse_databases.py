"""Databases of CloudNativePG, their backups, and CronJobs in, their records out.

Source of the fields: the API reference of CloudNativePG (postgresql.cnpg.io/v1).
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records_databases import (
    CronJob,
    PostgresBackup,
    PostgresCluster,
    ScheduledBackup,
)
from coder_cva.snapshot.shapes import byte_count, flag, mappings, millicores, text, texts, whole
from coder_cva.values.manifest import dig

_TOOL: Final = re.compile(r"\b(pg_dumpall|pg_dump|pg_basebackup)\b")
_IMAGE: Final = re.compile(r"(pg_?dump|postgres-backup|pg-backup)", re.IGNORECASE)
"""PostgreSQL's own programs among the words of a container, and names of images that run them."""
_COMPLETED: Final = "completed"


def postgres_cluster(body: Any) -> PostgresCluster | None:
    """A Cluster. What is requested counts; where only a limit is set, Kubernetes requests as much."""
    meta = identified(body)
    if meta is None:
        return None
    spec = dig(body, "spec")
    size = dig(spec, "storage", "size")
    claim = dig(spec, "storage", "pvcTemplate", "resources", "requests", "storage")
    return PostgresCluster(
        meta=meta,
        instances=whole(dig(spec, "instances"), default=1),  # the API's own default
        cpu_millicores=millicores(_requested(spec, "cpu")),
        memory_bytes=byte_count(_requested(spec, "memory")),
        storage_bytes=byte_count(size) or byte_count(claim),
        last_backup=text(dig(body, "status", "lastSuccessfulBackup")),
    )


def _requested(spec: Any, amount: str) -> Any:
    limit = dig(spec, "resources", "limits", amount)
    return dig(spec, "resources", "requests", amount, default=limit)


def postgres_backup(body: Any) -> PostgresBackup | None:
    """A Backup: it has succeeded once its phase says so."""
    meta = identified(body)
    if meta is None:
        return None
    is_done = dig(body, "status", "phase") == _COMPLETED
    return PostgresBackup(
        meta=meta,
        cluster=text(dig(body, "spec", "cluster", "name")),
        succeeded=text(dig(body, "status", "stoppedAt")) if is_done else "",
    )


def scheduled_backup(body: Any) -> ScheduledBackup | None:
    """A ScheduledBackup."""
    meta = identified(body)
    if meta is None:
        return None
    return ScheduledBackup(
        meta=meta,
        cluster=text(dig(body, "spec", "cluster", "name")),
        schedule=text(dig(body, "spec", "schedule")),
        suspended=flag(dig(body, "spec", "suspend")),
    )


def cron_job(body: Any) -> CronJob | None:
    """A CronJob; of its containers nothing is kept but the word that tells a dump."""
    meta = identified(body)
    if meta is None:
        return None
    pod = dig(body, "spec", "jobTemplate", "spec", "template", "spec")
    return CronJob(
        meta=meta,
        schedule=text(dig(body, "spec", "schedule")),
        suspended=flag(dig(body, "spec", "suspend")),
        last_success=text(dig(body, "status", "lastSuccessfulTime")),
        dumps=next(_dumps(pod), ""),
    )


def _dumps(pod: Any) -> Iterator[str]:
    for one in (*mappings(dig(pod, "containers")), *mappings(dig(pod, "initContainers"))):
        yield from _words(one)


def _words(container: Mapping[str, Any]) -> Iterator[str]:
    for word in (*texts(container.get("command")), *texts(container.get("args"))):
        found = _TOOL.search(word)
        if found:
            yield text(found[0])
    image = text(container.get("image"))
    if _IMAGE.search(image):
        yield image
