"""The snapshot, the Secrets asked for, the CoderDeployments."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from coder_cva import ports
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.owned import SELECTOR
from coder_cva.kube.reflector import Pace
from coder_cva.kube.served import Discovery
from coder_cva.snapshot.model import Absence, Gathered, SecretKeys, Served, Unavailable
from coder_cva.snapshot.needs import Need
from support.api_server import FakeApi, background, obj, until

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coder_cva.kube.connection import Connection

PACE = Pace(first=0.01, longest=0.05, not_served=0.05)
GROUP = "/apis/admissionregistration.k8s.io"
POLICIES = {
    "v1": ["validatingadmissionpolicies", "validatingadmissionpolicybindings"],
    "v1beta1": ["mutatingadmissionpolicies", "mutatingadmissionpolicybindings"],
}


class World:
    """Objects by path; discovery; a refusal for a path where one is set."""

    def __init__(self) -> None:
        self.objects: dict[str, list[dict[str, Any]]] = {}
        self.refusals: dict[str, int] = {}
        self.policies: dict[str, list[str]] = dict(POLICIES)

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Serves lists, endless watches, single objects and discovery."""
        path = request.path
        if path in self.refusals:
            return web.json_response({"message": path}, status=self.refusals[path])
        if "watch" in request.query:
            response = web.StreamResponse()
            await response.prepare(request)
            await asyncio.sleep(9)
            return response
        if path == GROUP:
            return web.json_response({"versions": [{"version": one} for one in self.policies]})
        if path.startswith(f"{GROUP}/") and path.count("/") == 3:
            names = self.policies[path.rpartition("/")[2]]
            return web.json_response({"resources": [{"name": one} for one in names]})
        if "/secrets/" in path:
            return web.json_response({"data": {"url": "cG9zdGdyZXM6Ly9wdw==", "a": ""}})
        items = self.objects.get(path, [])
        return web.json_response({"items": items, "metadata": {"resourceVersion": "1"}})


@pytest.fixture
def world(api: FakeApi) -> World:
    """The world behind the fake."""
    made = World()
    api.watches = api.others = [made]
    return made


def name(raw: Mapping[str, Any]) -> Any:
    """A projection for every kind."""
    return raw["metadata"]["name"]


@pytest.fixture
def gatherer(connection: Connection) -> Gatherer:
    """A gatherer of three kinds."""
    needs = (Need.PODS, Need.NODES, Need.HTTP_ROUTES)
    return Gatherer(connection, dict.fromkeys(needs, name), on_change=lambda: None, pace=PACE)


async def test_each_kind_is_read_or_says_why_not(world: World, gatherer: Gatherer) -> None:
    """Synced after a first answer of any sort; refusals are told apart from empty lists."""
    world.objects["/api/v1/pods"] = [obj("b"), obj("a")]
    world.refusals["/api/v1/nodes"] = 403
    world.refusals["/apis/gateway.networking.k8s.io/v1/httproutes"] = 404
    assert not gatherer.is_synced
    async with gatherer.running():
        await asyncio.wait_for(gatherer.synced(), 120)
        snapshot = await gatherer.snapshot(frozenset())

    assert gatherer.is_synced
    assert snapshot.pods == Gathered(("a", "b"))
    assert snapshot.nodes == Unavailable(Absence.FORBIDDEN, "/api/v1/nodes")
    assert snapshot.reading(Need.HTTP_ROUTES).reason is Absence.NOT_SERVED
    assert snapshot.services == Unavailable(Absence.NOT_SYNCED, "not read yet")
    assert snapshot.served == Served(("v1beta1",), ("v1",))
    assert snapshot.secrets == {}


async def test_ours_of_a_kind_that_comes_later_are_known_as_soon_as_it_is(
    connection: Connection, world: World
) -> None:
    """The watch of Cilium's policies finds the kind, and the one of ours does not wait for its own next look."""
    path = "/apis/cilium.io/v2/ciliumnetworkpolicies"
    world.refusals[path] = 404
    slow = dataclasses.replace(PACE, not_served=3600.0)
    needs = dict.fromkeys((Need.CILIUM_POLICIES,), name)
    gatherer = Gatherer(connection, needs, on_change=lambda: None, pace=slow)
    async with gatherer.running():
        await asyncio.wait_for(gatherer.synced(), 120)
        del world.refusals[path]
        world.objects[path] = [obj("ours")]

        gatherer.reflectors[Need.CILIUM_POLICIES].wake()

        await until(lambda: "ours" in {name(one) for one in gatherer.owned.objects() or ()})


async def test_nothing_runs_on_after_the_context(world: World, gatherer: Gatherer) -> None:
    """Leaving the context ends every task that was started."""
    before = asyncio.all_tasks()
    async with gatherer.running():
        await gatherer.synced()

    assert not {one for one in asyncio.all_tasks() - before if "reflector" in one.get_name()}


async def test_secrets_are_read_by_name_and_only_their_keys_kept(
    api: FakeApi, world: World, gatherer: Gatherer
) -> None:
    """Keys, None where there is none, the reason where it may not or cannot be read."""
    for secret, status in {"gone": 404, "mine": 403, "slow": 503}.items():
        world.refusals[f"/api/v1/namespaces/ns/secrets/{secret}"] = status
    asked = frozenset({("ns", "db"), ("ns", "gone"), ("ns", "mine"), ("ns", "slow")})

    snapshot = await gatherer.snapshot(asked)

    assert snapshot.secrets[("ns", "db")] == SecretKeys("ns", "db", frozenset({"url", "a"}))
    assert snapshot.secrets[("ns", "gone")] is None
    reasons = [snapshot.secrets[("ns", one)] for one in ("mine", "slow")]
    assert [one.reason for one in reasons if isinstance(one, Unavailable)] == [
        Absence.FORBIDDEN,
        Absence.TIMED_OUT,
    ]
    assert "cG9zdGdyZXM" not in repr(snapshot)
    assert list(snapshot.secrets) == sorted(asked)
    assert len(api.requests) == 4


async def test_deployments_are_live_sorted_and_named(world: World, gatherer: Gatherer) -> None:
    """All CoderDeployments with their kind, in the order of namespace and name."""
    path = "/apis/cva.coder.com/v1alpha1/coderdeployments"
    world.objects[path] = [obj("x", "b"), obj("z", "a"), obj("y", "a")]

    found = await gatherer.deployments()

    assert [one["metadata"]["name"] for one in found] == ["y", "z", "x"]
    assert {(one["apiVersion"], one["kind"]) for one in found} == {
        ("cva.coder.com/v1alpha1", "CoderDeployment")
    }


@pytest.mark.parametrize(
    ("status", "error"),
    [(403, ports.Forbidden), (404, ports.NotServed), (500, ports.Unreachable)],
)
async def test_deployments_that_cannot_be_listed(
    world: World, gatherer: Gatherer, status: int, error: type[ports.WriteError]
) -> None:
    """A refusal is an error about the kind, never an empty tuple."""
    world.refusals["/apis/cva.coder.com/v1alpha1/coderdeployments"] = status

    with pytest.raises(error) as raised:
        await gatherer.deployments()

    assert raised.value.ref.kind == "CoderDeployment"


async def test_what_is_ours_is_complete_or_none(
    api: FakeApi, world: World, gatherer: Gatherer
) -> None:
    """Objects with our label and without managedFields; None until every served kind is synced."""
    ours = obj("coder")
    ours["metadata"]["managedFields"] = [{}]
    world.objects["/api/v1/services"] = [ours]
    world.refusals["/apis/policy/v1/poddisruptionbudgets"] = 503
    world.refusals["/api/v1/serviceaccounts"] = 403
    async with gatherer.running():
        await gatherer.synced()
        assert gatherer.owned.objects() is None

        del world.refusals["/apis/policy/v1/poddisruptionbudgets"]
        await until(lambda: gatherer.owned.objects() is not None)
        found = gatherer.owned.objects()

    assert found is not None
    assert [(one["kind"], one["metadata"]["name"]) for one in found] == [("Service", "coder")]
    assert "managedFields" not in found[0]["metadata"]
    selected = [q for _, path, q, _, _ in api.requests if path == "/api/v1/services"]
    assert {one["labelSelector"] for one in selected} == {SELECTOR}


async def test_admission_policies_are_watched_in_the_version_served(
    api: FakeApi, world: World, gatherer: Gatherer
) -> None:
    """Each kind in its best version, as discovery told before the first list."""
    async with gatherer.running():
        await gatherer.synced()

    listed = {path for _, path, _, _, _ in api.requests if path.startswith(f"{GROUP}/")}
    assert f"{GROUP}/v1beta1/mutatingadmissionpolicies" in listed
    assert f"{GROUP}/v1/validatingadmissionpolicies" in listed
    assert f"{GROUP}/v1/mutatingadmissionpolicies" not in listed


async def test_discovery_is_read_again(world: World, connection: Connection) -> None:
    """An error is told with its reason and retried; an upgrade is seen; an outage changes nothing."""
    world.refusals[GROUP] = 403
    changes: list[int] = []
    discovery = Discovery(
        connection, on_change=lambda: changes.append(1), interval=0.02, longest=0.02
    )
    async with background(discovery.run()):
        await discovery.answered()
        assert discovery.served() == Unavailable(Absence.FORBIDDEN, GROUP)

        del world.refusals[GROUP]
        await until(lambda: discovery.served() == Served(("v1beta1",), ("v1",)))
        world.policies = {"v1beta1": POLICIES["v1beta1"], "v1": [*POLICIES["v1"], *POLICIES["v1beta1"]]}  # fmt: skip
        await until(lambda: discovery.served() == Served(("v1", "v1beta1"), ("v1",)))
        world.refusals[GROUP] = 503
        await asyncio.sleep(0.1)

        assert discovery.served() == Served(("v1", "v1beta1"), ("v1",))
        assert len(changes) == 3


async def test_a_cluster_without_policies_serves_none(world: World, connection: Connection) -> None:
    """Old API servers: () is an answer."""
    world.policies = {"v1": []}
    discovery = Discovery(connection, on_change=lambda: None)
    async with background(discovery.run()):
        await discovery.answered()

        assert discovery.served() == Served((), ())


async def test_coder_deployments_are_known_by_their_keys(world: World, gatherer: Gatherer) -> None:
    """Namespace and name of each; none where they cannot be read."""
    path = "/apis/cva.coder.com/v1alpha1/coderdeployments"
    world.objects[path] = [obj("b", "x"), obj("a", "x")]
    async with gatherer.running():
        await asyncio.wait_for(gatherer.synced(), 120)
        assert gatherer.keys() == {("x", "a"), ("x", "b")}


async def test_where_none_are_served_none_are_known(world: World, gatherer: Gatherer) -> None:
    """Without the CRD there is nothing to wake."""
    world.refusals["/apis/cva.coder.com/v1alpha1/coderdeployments"] = 404
    async with gatherer.running():
        await asyncio.wait_for(gatherer.synced(), 120)

        assert gatherer.keys() == frozenset()


async def test_their_status_is_no_news(
    world: World, gatherer: Gatherer, connection: Connection
) -> None:
    """What we write into a status wakes nobody; a new generation or UID does."""
    told: list[int] = []
    again = Gatherer(connection, {}, on_change=lambda: told.append(1), pace=PACE)
    put = again.resources._store.put
    body = {"metadata": {"name": "a", "namespace": "x", "uid": "u", "generation": 1}}
    assert put(body)

    assert not put({**body, "status": {"tier": "1k"}})
    assert put({"metadata": {**body["metadata"], "generation": 2}})
    assert put({"metadata": {**body["metadata"], "uid": "v"}})


async def test_an_api_server_that_is_not_there_is_no_answer(
    world: World, gatherer: Gatherer
) -> None:
    """Where every kind times out nothing is synced; one kind that does not time out is enough."""
    world.policies = {"v1": [plural for plurals in POLICIES.values() for plural in plurals]}
    everything = {
        source.path: 503
        for source in (
            *(one._scope for one in gatherer.reflectors.values()),
            *(one._scope for one in gatherer.owned.reflectors),
            gatherer.resources._scope,
        )
    }
    world.refusals |= everything
    async with gatherer.running():
        every = gatherer._every
        await until(lambda: all(one.has_answered for one in every))
        assert not gatherer.is_synced
        del world.refusals["/api/v1/pods"]
        await asyncio.wait_for(gatherer.synced(), 120)
        snapshot = await gatherer.snapshot(frozenset())

    assert isinstance(snapshot.pods, Gathered)
    assert snapshot.missing()[Need.NODES].reason is Absence.TIMED_OUT
