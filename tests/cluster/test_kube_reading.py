"""The reflectors on a real API server that is stopped, frozen, upgraded and locked."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.kube.credentials import Credentials
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.reflector import Pace, Reflector
from coder_cva.kube.served import Discovery
from coder_cva.snapshot.model import Absence, Gathered, Served, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need, Source
from coder_cva.snapshot.parse import PROJECTIONS
from harness.native import NativeCluster
from support.api_server import background, until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping
    from pathlib import Path

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

QUICK = Pace(watch=300, silence=30, stale=60, not_served=0.5, first=0.1, longest=0.5)
PODS = SOURCES[Need.PODS]


def labelled(raw: Mapping[str, Any]) -> tuple[str, str]:
    """Name and one label."""
    metadata = raw["metadata"]
    return metadata["name"], metadata.get("labels", {}).get("step", "")


class Watched:
    """A reflector of one kind, running."""

    def __init__(self, connection: Connection, source: Source, pace: Pace, **options: Any) -> None:
        self.changes = 0
        self.reflector = Reflector(
            connection,
            lambda: source,
            labelled,
            on_change=self._changed,
            pace=pace,
            **options,
        )

    def _changed(self) -> None:
        self.changes += 1

    @property
    def items(self) -> dict[str, str]:
        """Name to label; empty while it cannot be read."""
        reading = self.reflector.reading()
        return dict(reading.items) if isinstance(reading, Gathered) else {}

    @property
    def absence(self) -> Absence | None:
        """Why it cannot be read."""
        reading = self.reflector.reading()
        return reading.reason if isinstance(reading, Unavailable) else None


@pytest.fixture
async def connection(cluster: Provider) -> AsyncIterator[Connection]:
    """A connection as administrator."""
    async with await Connection.open(str(cluster.kubeconfig)) as opened:
        yield opened


@pytest.fixture(scope="module")
def own() -> Iterator[NativeCluster]:
    """A cluster of this file's own, to be broken and to have kinds added."""
    started = NativeCluster()
    started.up()
    yield started
    started.down()


@pytest.fixture
async def to_own(own: NativeCluster) -> AsyncIterator[Connection]:
    """A connection to it with short limits."""
    credentials = Credentials(str(own.kubeconfig))
    await credentials.load()
    async with Connection(credentials, connect_timeout=1.0, timeout=2.0) as opened:
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


def config_map(name: str, namespace: str, step: str = "0") -> dict[str, Any]:
    """A ConfigMap with a label."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": name, "namespace": namespace, "labels": {"step": step}},
    }


MAPS = Source("", "v1", "configmaps", "ConfigMap")


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
    began = time.monotonic()
    async with background(seen.reflector.run()):
        await seen.reflector.answered()
        took = time.monotonic() - began

        assert list(seen.items) == [f"p-{number:04}" for number in range(1000)]
        assert seen.changes == 1
        assert took < 5

        one = await asyncio.to_thread(kube.get, "Pod", "p-0500", namespace)
        await asyncio.to_thread(kube.patch, one, {"metadata": {"labels": {"step": "1"}}})
        await until(lambda: seen.items["p-0500"] == "1")
        await asyncio.to_thread(kube.patch, one, {"metadata": {"annotations": {"a": "b"}}})
        gone = await asyncio.to_thread(kube.get, "Pod", "p-0001", namespace)
        await asyncio.to_thread(kube.delete, gone, grace_seconds=0)
        await until(lambda: "p-0001" not in seen.items)

        assert len(seen.items) == 999
        assert seen.changes == 3


async def test_an_api_server_that_is_killed_and_started_again(
    own: NativeCluster, to_own: Connection
) -> None:
    """What was seen stays believed for a while, and what changed meanwhile is seen afterwards."""
    namespace = await asyncio.to_thread(own.kube.namespace)
    await asyncio.to_thread(own.kube.create, config_map("a", namespace))
    seen = Watched(to_own, MAPS, QUICK, label_selector="step")
    async with background(seen.reflector.run()):
        await until(lambda: seen.items == {"a": "0"})
        await asyncio.to_thread(own.stop, "kube-apiserver")
        await asyncio.sleep(1)

        assert seen.items == {"a": "0"}

        await asyncio.to_thread(own.start, "kube-apiserver")
        await asyncio.to_thread(own.kube.create, config_map("b", namespace))
        await until(lambda: seen.items == {"a": "0", "b": "0"}, limit=10)
        changes = seen.changes

    assert changes == 2


async def test_an_api_server_that_stays_away(own: NativeCluster, to_own: Connection) -> None:
    """After the time allowed the reading is Stale and says since when; then it recovers."""
    seen = Watched(to_own, MAPS, replace(QUICK, stale=1.0))
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is None)
        await asyncio.to_thread(own.stop, "kube-apiserver")
        try:
            await until(lambda: seen.absence is Absence.STALE, limit=5)
            reading = seen.reflector.reading()

            assert isinstance(reading, Unavailable)
            assert reading.message.startswith("not followed since 20")
        finally:
            await asyncio.to_thread(own.start, "kube-apiserver")
        await until(lambda: seen.absence is None, limit=10)


async def test_a_frozen_api_server(own: NativeCluster, to_own: Connection) -> None:
    """Open connections that say nothing are noticed; a request ends in bounded time."""
    seen = Watched(to_own, MAPS, replace(QUICK, silence=1.0, stale=2.0))
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is None)
        await asyncio.to_thread(own.freeze, "kube-apiserver")
        try:
            began = time.monotonic()
            with pytest.raises(NoAnswer):
                await to_own.request("GET", "/api/v1/namespaces")

            assert time.monotonic() - began < 3
            await until(lambda: seen.absence is Absence.STALE, limit=8)
        finally:
            await asyncio.to_thread(own.thaw, "kube-apiserver")
        await until(lambda: seen.absence is None, limit=10)


async def test_a_version_that_is_no_longer_known(
    own: NativeCluster, to_own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for a version of long ago the API server refuses; a list follows, nothing is missed."""
    lists: list[str] = []
    request = to_own.request

    async def counted(method: str, path: str, **rest: Any) -> Answer:
        lists.append(path)
        return await request(method, path, **rest)

    monkeypatch.setattr(to_own, "request", counted)
    namespace = await asyncio.to_thread(own.kube.namespace)
    seen = Watched(to_own, MAPS, QUICK, label_selector="step")
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is None)
        assert len(lists) == 1

        # The watch breaks with the API server, whose memory after a restart begins later than this.
        seen.reflector._version = "1"
        await asyncio.to_thread(own.restart, "kube-apiserver")
        await asyncio.to_thread(own.kube.create, config_map("late", namespace))
        await until(lambda: "late" in seen.items, limit=10)

        assert len(lists) == 2


async def test_a_right_that_is_granted_and_taken_away(
    cluster: Provider, kube: Kube, namespace: str, tmp_path: Path
) -> None:
    """Forbidden becomes Gathered when it is granted, and Forbidden again within a watch's length."""
    await asyncio.to_thread(
        kube.create,
        {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": "reader", "namespace": namespace},
        },
    )
    config = await asyncio.to_thread(
        cluster.serviceaccount_kubeconfig, namespace, "reader", tmp_path / "kubeconfig"
    )
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": namespace},
        "rules": [{"apiGroups": [""], "resources": ["nodes"], "verbs": ["list", "watch"]}],
    }
    binding = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": namespace},
        "roleRef": {
            "apiGroup": "rbac.authorization.k8s.io",
            "kind": "ClusterRole",
            "name": namespace,
        },
        "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": namespace}],
    }
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
                await until(lambda: seen.absence is None, limit=10)
            finally:
                await asyncio.to_thread(kube.delete, binding)
                await asyncio.to_thread(kube.delete, role)
            await until(lambda: seen.absence is Absence.FORBIDDEN, limit=10)


async def test_a_kind_that_comes_and_goes(own: NativeCluster, to_own: Connection) -> None:
    """NotServed until the CRD is there, Gathered while it is, NotServed again."""
    crd = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "httproutes.gateway.networking.k8s.io"},
        "spec": {
            "group": "gateway.networking.k8s.io",
            "scope": "Namespaced",
            "names": {"plural": "httproutes", "kind": "HTTPRoute"},
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object"}},
                }
            ],
        },
    }
    crd["metadata"]["annotations"] = {  # type: ignore[index]
        "api-approved.kubernetes.io": "unapproved, a test's own"
    }
    namespace = await asyncio.to_thread(own.kube.namespace)
    route = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "r", "namespace": namespace},
    }
    seen = Watched(to_own, SOURCES[Need.HTTP_ROUTES], QUICK)
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is Absence.NOT_SERVED)
        await asyncio.to_thread(own.kube.create, crd)
        await until(lambda: seen.absence is None, limit=15)
        await asyncio.to_thread(own.kube.create, route)
        await until(lambda: "r" in seen.items)
        await asyncio.to_thread(own.kube.delete, crd)
        await until(lambda: seen.absence is Absence.NOT_SERVED, limit=15)


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
        await asyncio.wait_for(gatherer.synced(), 10)
        snapshot = await gatherer.snapshot(frozenset({(namespace, "db"), (namespace, "no")}))
        owned = gatherer.owned.objects()

    assert set(snapshot.missing()) <= {Need.HTTP_ROUTES}
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
            await asyncio.wait_for(gatherer.synced(), 10)

            assert gatherer.discovery.served() == Served((), ("v1",))
            assert gatherer.owned.objects() == ()
