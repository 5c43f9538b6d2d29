"""The operator as it is shipped looks at a real PostgreSQL, whose way becomes slow, and fast again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from support import postgres
from support.deployments import DATABASE_SECRET, managed
from support.installation import ROOT
from support.slow_proxy import SlowProxy

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.postgres import PostgresServer

pytestmark = [pytest.mark.cluster, pytest.mark.postgres]

LATENCY, CONNECTIONS = "CVA-DB-006", "CVA-DB-010"


@pytest.fixture(scope="module")
def server() -> Iterator[PostgresServer]:
    """A server with coder's database; twenty connections."""
    folder = postgres.folder()
    try:
        found = postgres.from_wheel(folder) or postgres.from_machine()
        if found is None:
            pytest.skip(postgres.MISSING)
        for one in postgres.serving(postgres.programs(folder, found)):
            one.sql("CREATE ROLE coder LOGIN PASSWORD 'c0der'", "CREATE DATABASE coder")
            yield one
    finally:
        shutil.rmtree(folder)


def secret(namespace: str, url: str) -> dict[str, Any]:
    """The Secret that the spec names, with this URL."""
    metadata = {"name": DATABASE_SECRET, "namespace": namespace}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": {"url": url}}


def probed(namespace: str) -> dict[str, Any]:
    """A managed Coder whose database is looked at every ten seconds."""
    cr = managed(namespace)
    cr["spec"]["database"]["probe"] = {"enabled": True, "intervalSeconds": 10}
    return cr


def wait_verdict(kube: Kube, resource: Object, clause: str, said: str) -> Object:
    """The resource once its status says this of a clause."""
    return kube.wait_until(
        resource, lambda it: it.get("status", {}).get("verdicts", {}).get(clause) == said
    )


def findings(resource: Object, clause: str) -> list[dict[str, Any]]:
    """What the status finds about a clause."""
    return [one for one in resource["status"].get("findings", []) if one["rule"] == clause]


@pytest.fixture
def readable(kube: Kube, namespace: str) -> str:
    """A namespace in which the operator may read the one Secret, by the optional Role as it is shipped."""
    shipped = ROOT / "deploy/optional/database-secret-reader.yaml"
    for manifest in yaml.safe_load_all(shipped.read_text(encoding="utf-8")):
        manifest["metadata"]["namespace"] = namespace
        kube.apply(manifest)
    return namespace


def test_round_trips_and_connections(
    kube: Kube, operator: OperatorProcess, readable: str, server: PostgresServer
) -> None:
    """Passed while it is fast, failed once two looks were slow, passed again; coderd is not touched."""
    with SlowProxy(server.port) as proxy:
        url = server.url("coder", "c0der", database="coder", port=proxy.port)
        kube.apply(secret(readable, url))
        resource = kube.apply(probed(readable))
        fast = wait_verdict(kube, resource, LATENCY, "passed")
        # Three replicas of ten connections and a fifth: thirty-six, and there are twenty.
        told = wait_verdict(kube, fast, CONNECTIONS, "failed")
        template = kube.get("Deployment", "coder", readable)["spec"]["template"]
        (found,) = findings(told, CONNECTIONS)
        assert found["resource"] == f"Database 127.0.0.1:{proxy.port}/coder"
        assert "max_connections = 40" in found["remedy"]
        series = f'coder_cva_database_round_trip_seconds{{name="coder",namespace="{readable}"}}'
        assert series in operator.get("/metrics")[1]

        proxy.delay = 0.008
        slow = wait_verdict(kube, resource, LATENCY, "failed")
        (found,) = findings(slow, LATENCY)
        assert "under 10 ms" in found["expected"]
        assert found["resource"] == f"Database 127.0.0.1:{proxy.port}/coder"

        proxy.delay = 0.0
        again = wait_verdict(kube, resource, LATENCY, "passed")
        assert "c0der" not in repr(again)
        assert "c0der" not in operator.log.read_text()
        assert kube.get("Deployment", "coder", readable)["spec"]["template"] == template


def test_what_hinders_the_look_is_told_and_over_by_itself(
    kube: Kube, operator: OperatorProcess, namespace: str, server: PostgresServer
) -> None:
    """Without the right to the Secret; with it and a wrong password; with the right one."""
    kube.apply(secret(namespace, server.url("coder", "wr0ng", database="coder")))
    resource = kube.apply(probed(namespace))
    wait_verdict(kube, resource, LATENCY, "unknown (DatabaseSecretUnread)")

    shipped = ROOT / "deploy/optional/database-secret-reader.yaml"
    for manifest in yaml.safe_load_all(shipped.read_text(encoding="utf-8")):
        manifest["metadata"]["namespace"] = namespace
        kube.apply(manifest)
    told = wait_verdict(kube, resource, LATENCY, "unknown (PasswordRefused)")
    assert "wr0ng" not in repr(told)

    kube.apply(secret(namespace, server.url("coder", "c0der", database="coder")))
    wait_verdict(kube, resource, LATENCY, "passed")
    assert "wr0ng" not in operator.log.read_text()
