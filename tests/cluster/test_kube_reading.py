"""The reflectors on a real API server: thousands, rights, metadata, the whole snapshot."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube.connection import Connection
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.reflector import Reflector
from coder_cva.kube.served import Discovery
from coder_cva.snapshot.model import Absence, Gathered, Served, Unavailable
from coder_cva.snapshot.needs import EXTENSIONS, SOURCES, Need
from coder_cva.snapshot.parse import PROJECTIONS
from support.api_server import background, until
from support.watched import QUICK, Watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

PODS = SOURCES[Need.PODS]


@pytest.fixture
async def connection(cluster: Provider) -> AsyncIterator[Connection]:
    """A connection as administrator."""
    async with await Connection.open(str(cluster.kubeconfig)) as opened:
        yield opened


def pod(name: str, namespace: str) -> dict[str, Any]:
    """A Pod that no node takes."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": namespace, "labels": {"step": "0", "many": "yes"}},
        "spec": {
            "containers": [{"name": "main", "image": "example.invalid/main"}],
            "nodeSelector": {"no.such/node": "there"},
        },
    }


async def test_a_thousand_pods(connection: Connection, kube: Kube, namespace: str) -> None:
    """Listed by pages, followed one by one, and the server's own housekeeping wakes nobody."""
    width = asyncio.Semaphore(32)

    async def create(number: int) -> None:
        async with width:
            path = f"/api/v1/namespaces/{namespace}/pods"
            answer = await connection.request(
                "POST", path, body=pod(f"p-{number:04}", namespace), timeout=60
            )
            assert answer.status == 201, answer.message

    await asyncio.gather(*(create(number) for number in range(1000)))
    seen = Watched(
        connection, PODS, QUICK, label_selector="many=yes",
        field_selector=f"metadata.namespace={namespace}",
    )  # fmt: skip
    async with background(seen.reflector.run()):
        await seen.reflector.answered()

        assert list(seen.items) == [f"p-{number:04}" for number in range(1000)]
        assert seen.changes == 1

        one = await asyncio.to_thread(kube.get, "Pod", "p-0500", namespace)
        await asyncio.to_thread(kube.patch, one, {"metadata": {"labels": {"step": "1"}}})
        await until(lambda: seen.items["p-0500"] == "1")
        await asyncio.to_thread(kube.patch, one, {"metadata": {"annotations": {"a": "b"}}})
        gone = await asyncio.to_thread(kube.get, "Pod", "p-0001", namespace)
        await asyncio.to_thread(kube.delete, gone, grace_seconds=0)
        await until(lambda: "p-0001" not in seen.items)

        assert len(seen.items) == 999
        assert seen.changes == 3


def right_to_nodes(namespace: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A ClusterRole to read nodes, and its binding to the ServiceAccount ``reader``."""
    group = "rbac.authorization.k8s.io"
    role = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRole",
        "metadata": {"name": namespace},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}],
    }
    binding = {
        "apiVersion": f"{group}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": namespace},
        "roleRef": {"apiGroup": group, "kind": "ClusterRole", "name": namespace},
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }
    return role, binding


async def test_a_right_that_is_granted_and_taken_away(
    cluster: Provider, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    """Forbidden becomes Gathered when it is granted, and Forbidden again within a watch's length."""
    account: dict[str, Any] = {"apiVersion": "v1", "kind": "ServiceAccount"}
    account |= {"metadata": {"name": "reader", "namespace": namespace}}
    await asyncio.to_thread(kube.create, account)
    config = await asyncio.to_thread(
        cluster.serviceaccount_kubeconfig, namespace, "reader", tmp_path / "kubeconfig"
    )
    role, binding = right_to_nodes(namespace)
    async with await Connection.open(str(config)) as connection:
        seen = Watched(connection, SOURCES[Need.NODES], replace(QUICK, watch=1.0))
        async with background(seen.reflector.run()):
            await seen.reflector.answered()
            reading = seen.reflector.reading()

            assert isinstance(reading, Unavailable)
            assert reading.reason is Absence.FORBIDDEN
            assert 'cannot list resource "nodes"' in reading.message

            try:
                await asyncio.to_thread(kube.create, role)
                await asyncio.to_thread(kube.create, binding)
                await until(lambda: seen.absence is None)
            finally:
                await asyncio.to_thread(kube.delete, binding)
                await asyncio.to_thread(kube.delete, role)
            await until(lambda: seen.absence is Absence.FORBIDDEN)


async def test_metadata_alone(connection: Connection, kube: Kube, namespace: str) -> None:
    """ReplicaSets come without a spec, with their owners, in the list and in the watch."""

    def keys(raw: Mapping[str, Any]) -> tuple[str, str, bool]:
        return raw["metadata"]["name"], raw["kind"], "spec" in raw

    seen = Reflector(
        connection,
        lambda: SOURCES[Need.REPLICA_SETS],
        keys,
        on_change=lambda: None,
        field_selector=f"metadata.namespace={namespace}",
    )
    for name in ("listed", "watched"):
        manifest = {
            "apiVersion": "apps/v1",
            "kind": "ReplicaSet",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {
                "replicas": 0,
                "selector": {"matchLabels": {"a": "b"}},
                "template": {
                    "metadata": {"labels": {"a": "b"}},
                    "spec": {"containers": [{"name": "c", "image": "example.invalid/c"}]},
                },
            },
        }
        await asyncio.to_thread(kube.create, manifest)
        if name == "listed":
            task = asyncio.create_task(seen.run())
            await seen.answered()
    want = Gathered((("listed", "ReplicaSet", False), ("watched", "ReplicaSet", False)))
    try:
        await until(lambda: seen.reading() == want)
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_the_whole_snapshot(connection: Connection, kube: Kube, namespace: str) -> None:
    """Every kind of a fresh API server is read, but for those that it does not serve."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "db", "namespace": namespace},
        "stringData": {"url": "postgres://never-shown"},
    }
    await asyncio.to_thread(kube.create, secret)
    gatherer = Gatherer(connection, PROJECTIONS, on_change=lambda: None, pace=QUICK)
    async with gatherer.running():
        await asyncio.wait_for(gatherer.synced(), 120)
        snapshot = await gatherer.snapshot(frozenset({(namespace, "db"), (namespace, "no")}))
        owned = gatherer.owned.objects()

    assert set(snapshot.missing()) <= EXTENSIONS
    assert namespace in {one.meta.name for one in snapshot.items(Need.NAMESPACES)}
    keys = snapshot.secrets[(namespace, "db")]
    assert not isinstance(keys, Unavailable)
    assert keys is not None
    assert keys.keys == {"url"}
    assert snapshot.secrets[(namespace, "no")] is None
    assert "never-shown" not in repr(snapshot)
    assert owned is not None


async def test_what_this_world_serves(connection: Connection) -> None:
    """The newest world serves both admission policies as v1."""
    discovery = Discovery(connection, on_change=lambda: None)
    async with background(discovery.run()):
        await discovery.answered()
        served = discovery.served()

    assert isinstance(served, Served)
    assert served.mutating_policy[0] == "v1"
    assert served.validating_policy[0] == "v1"


async def test_what_the_old_world_serves(old_cluster: Provider) -> None:
    """The oldest world serves the validating policy and no mutating one."""
    async with await Connection.open(str(old_cluster.kubeconfig)) as connection:
        gatherer = Gatherer(connection, {}, on_change=lambda: None, pace=QUICK)
        async with gatherer.running():
            await asyncio.wait_for(gatherer.synced(), 120)

            assert gatherer.discovery.served() == Served((), ("v1",))
            owned = gatherer.owned.objects()

    # What is not served holds up nothing, and gives nothing; another test may have left the rest.
    assert owned is not None
    assert {one["kind"] for one in owned if one["kind"].startswith("Mutating")} == set()
