from typing import Any

import pytest

from coder_cva.snapshot.parse_databases import (
    cron_job,
    postgres_backup,
    postgres_cluster,
    scheduled_backup,
)
from support.databases import cnpg_backups, cnpg_cluster, dump_job

MOMENT = "2026-11-23T02:05:00Z"


def cluster(spec: dict[str, Any]) -> Any:
    """The record of a Cluster of this spec."""
    return postgres_cluster({"metadata": {"name": "db", "namespace": "coder"}, "spec": spec})


def test_a_cluster_is_its_instances_and_what_each_has() -> None:
    """And when its last backup succeeded."""
    found = postgres_cluster(cnpg_cluster(last_backup=MOMENT)[0])

    assert found is not None
    assert (found.instances, found.cpu_millicores, found.last_backup) == (2, 8000, MOMENT)
    assert (found.memory_bytes, found.storage_bytes) == (32 * 1024**3, 512 * 1024**3)


def test_where_only_a_limit_is_set_as_much_is_requested() -> None:
    """As Kubernetes defaults it; what is not said is nothing."""
    found = cluster({"resources": {"limits": {"cpu": "4"}, "requests": {"memory": "8Gi"}}})

    assert (found.cpu_millicores, found.memory_bytes, found.storage_bytes) == (4000, 8 * 1024**3, 0)
    assert (cluster({}).instances, cluster({}).cpu_millicores) == (1, 0)


def test_the_disk_may_be_said_in_the_claims_template() -> None:
    """CloudNativePG takes either."""
    claim = {"resources": {"requests": {"storage": "1Ti"}}}

    assert cluster({"storage": {"pvcTemplate": claim}}).storage_bytes == 1024**4


def test_only_a_completed_backup_has_succeeded() -> None:
    """One that failed, or is under way, is none."""
    scheduled, done, failed = cnpg_backups(succeeded=[MOMENT], failed=True)
    under_way = {**done, "status": {"phase": "running", "stoppedAt": MOMENT}}

    assert [
        getattr(postgres_backup(one), "succeeded", None) for one in (done, failed, under_way)
    ] == [
        MOMENT,
        "",
        "",
    ]
    found = scheduled_backup(scheduled)
    assert found is not None
    assert (found.cluster, found.schedule, found.suspended) == ("coder-db", "0 0 2 * * *", False)


@pytest.mark.parametrize(
    ("command", "image", "dumps"),
    [
        (["sh", "-c", "pg_dump $URL > /x"], "postgres:17", "pg_dump"),
        (["pg_dumpall"], "postgres:17", "pg_dumpall"),
        (["/run.sh"], "eeshugerman/postgres-backup-s3:16", "eeshugerman/postgres-backup-s3:16"),
        (["/run.sh"], "postgres:17", ""),
        (["psql", "-c", "VACUUM"], "postgres:17", ""),
    ],
)
def test_a_dump_is_told_by_its_words_or_its_image(
    command: list[str], image: str, dumps: str
) -> None:
    """A script whose content is elsewhere tells nothing."""
    found = cron_job(dump_job(command=command, image=image, last_success=MOMENT))

    assert found is not None
    assert (found.dumps, found.last_success, found.schedule) == (dumps, MOMENT, "0 2 * * *")
