"""The reflectors while the API server is stopped, frozen and changed under them."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.kube.credentials import Credentials
from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.needs import SOURCES, Need
from harness.fixtures import own_cluster
from support.api_server import background, until
from support.watched import MAPS, QUICK, Watched, config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from harness.provider import Provider

pytestmark = pytest.mark.cluster


@pytest.fixture(scope="module")
def own(request: pytest.FixtureRequest) -> Iterator[Provider]:
    """A cluster of this file's own, to be broken and to have kinds added."""
    with own_cluster(request) as started:
        yield started


@pytest.fixture
async def to_own(own: Provider) -> AsyncIterator[Connection]:
    """A connection to it with short limits."""
    credentials = Credentials(str(own.kubeconfig))
    await credentials.load()
    async with Connection(credentials, connect_timeout=1.0, timeout=2.0) as opened:
        yield opened


def only(namespace: str) -> dict[str, str]:
    """The ConfigMaps of one test: the cluster is shared, and the tests' order is left to chance."""
    return {"label_selector": "step", "field_selector": f"metadata.namespace={namespace}"}


async def test_an_api_server_that_is_killed_and_started_again(
    own: Provider, to_own: Connection
) -> None:
    """What was seen stays believed for a while, and what changed meanwhile is seen afterwards."""
    namespace = await asyncio.to_thread(own.kube.namespace)
    await asyncio.to_thread(own.kube.create, config_map("a", namespace))
    seen = Watched(to_own, MAPS, QUICK, **only(namespace))
    async with background(seen.reflector.run()):
        await until(lambda: seen.items == {"a": "0"})
        await asyncio.to_thread(own.stop, "kube-apiserver")
        await asyncio.sleep(1)

        assert seen.items == {"a": "0"}

        await asyncio.to_thread(own.start, "kube-apiserver")
        await asyncio.to_thread(own.kube.create, config_map("b", namespace))
        await until(lambda: seen.items == {"a": "0", "b": "0"})
        changes = seen.changes

    assert changes == 2


async def test_an_api_server_that_stays_away(own: Provider, to_own: Connection) -> None:
    """After the time allowed the reading is Stale and says since when; then it recovers."""
    seen = Watched(to_own, MAPS, replace(QUICK, stale=1.0))
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is None)
        await asyncio.to_thread(own.stop, "kube-apiserver")
        try:
            await until(lambda: seen.absence is Absence.STALE)
            reading = seen.reflector.reading()

            assert isinstance(reading, Unavailable)
            assert reading.message.startswith("not followed since 20")
        finally:
            await asyncio.to_thread(own.start, "kube-apiserver")
        await until(lambda: seen.absence is None)


async def test_a_frozen_api_server(own: Provider, to_own: Connection) -> None:
    """Open connections that say nothing are noticed; a request ends in bounded time."""
    seen = Watched(to_own, MAPS, replace(QUICK, silence=1.0, stale=2.0))
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is None)
        await asyncio.to_thread(own.freeze, "kube-apiserver")
        try:
            with pytest.raises(NoAnswer):
                await to_own.request("GET", "/api/v1/namespaces")
            await until(lambda: seen.absence is Absence.STALE)
        finally:
            await asyncio.to_thread(own.thaw, "kube-apiserver")
        await until(lambda: seen.absence is None)


async def test_a_version_that_is_no_longer_known(
    own: Provider, to_own: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked for a version of long ago the API server refuses; a list follows, nothing is missed."""
    lists: list[str] = []
    request = to_own.request

    async def counted(method: str, path: str, **rest: Any) -> Answer:
        lists.append(path)
        return await request(method, path, **rest)

    monkeypatch.setattr(to_own, "request", counted)
    namespace = await asyncio.to_thread(own.kube.namespace)
    seen = Watched(to_own, MAPS, QUICK, **only(namespace))
    async with background(seen.reflector.run()):
        await until(lambda: seen.absence is None)
        assert len(lists) == 1

        # The watch breaks with the API server, whose memory after a restart begins later than this.
        seen.reflector._version = "1"
        await asyncio.to_thread(own.restart, "kube-apiserver")
        await asyncio.to_thread(own.kube.create, config_map("late", namespace))
        await until(lambda: "late" in seen.items)

        assert len(lists) == 2


async def test_a_kind_that_comes_and_goes(own: Provider, to_own: Connection) -> None:
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
        await until(lambda: seen.absence is None)
        await asyncio.to_thread(own.kube.create, route)
        await until(lambda: "r" in seen.items)
        await asyncio.to_thread(own.kube.delete, crd)
        await until(lambda: seen.absence is Absence.NOT_SERVED)
