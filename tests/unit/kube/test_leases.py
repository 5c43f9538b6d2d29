"""One of several processes acts."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from coder_cva.kube.leases import Elector, Terms, identity
from support.api_server import background, refuse, until

if TYPE_CHECKING:
    from collections.abc import Callable

    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi

TERMS = Terms(duration=15.0, deadline=10.0, retry=0.02)


class LeaseServer:
    """One Lease with optimistic locking, as the API server keeps it."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.version = 0
        self.frozen = False
        self.before_write: Callable[[], None] = lambda: None

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Serves GET, POST and PUT."""
        while self.frozen:  # noqa: ASYNC110 - as crude as SIGSTOP
            await asyncio.sleep(0.01)
        if request.method == "GET":
            return web.json_response(self.lease or {}, status=200 if self.lease else 404)
        self.before_write()
        sent = json.loads(await request.read())
        known = sent["metadata"].get("resourceVersion")
        if request.method == "POST" and self.lease:
            return web.json_response({}, status=409)
        if request.method == "PUT" and known != str(self.version):
            return web.json_response({}, status=409)
        self.keep(sent)
        return web.json_response(self.lease)

    def keep(self, sent: dict[str, Any]) -> None:
        """Stores what was sent as a new version."""
        self.version += 1
        self.lease = {
            **sent,
            "metadata": {**sent["metadata"], "resourceVersion": str(self.version)},
        }

    @property
    def spec(self) -> dict[str, Any]:
        """The spec as it stands."""
        assert self.lease is not None
        spec: dict[str, Any] = self.lease["spec"]
        return spec


class Clock:
    """A clock that a test moves."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        """The time."""
        return self.now


def renewed_after(server: LeaseServer, version: int) -> Callable[[], bool]:
    """A condition: the Lease is newer than a version."""
    return lambda: server.version > version


@pytest.fixture
def server(api: FakeApi) -> LeaseServer:
    """The fake keeps a Lease."""
    kept = LeaseServer()
    api.others = [kept]
    return kept


@pytest.fixture
def clock() -> Clock:
    """A clock for all candidates."""
    return Clock()


@pytest.fixture
def candidate(connection: Connection, clock: Clock) -> Callable[..., Elector]:
    """Makes candidates."""

    def make(holder: str, own_clock: Clock = clock) -> Elector:
        return Elector(
            connection, "ns", holder=holder, terms=TERMS, clock=own_clock, chance=lambda: 0.0
        )

    return make


async def test_the_first_one_gets_it_and_keeps_it(
    server: LeaseServer, clock: Clock, candidate: Callable[..., Elector]
) -> None:
    """The Lease is made, renewed, and told once; the second candidate never holds it."""
    first, second = candidate("first"), candidate("second")
    told: list[tuple[str, bool]] = []
    async with background(first.run(lambda holds: told.append(("first", holds)))):
        await until(first.holds)
        async with background(second.run(lambda holds: told.append(("second", holds)))):
            for _ in range(10):
                clock.now += 4
                await until(renewed_after(server, server.version + 1))

                assert first.holds()
                assert not second.holds()

        assert server.spec["leaseDurationSeconds"] == 15

    assert told == [("first", True), ("first", False)]


async def test_a_clean_end_gives_it_away_at_once(
    server: LeaseServer, candidate: Callable[..., Elector]
) -> None:
    """The holder tells that it stopped before it releases; the next one need not wait."""
    first, second = candidate("first"), candidate("second")
    told: list[tuple[bool, str]] = []
    async with background(
        first.run(lambda holds: told.append((holds, server.spec["holderIdentity"])))
    ):
        await until(first.holds)

    assert told == [(True, "first"), (False, "first")]
    assert server.spec["holderIdentity"] == ""

    async with background(second.run(lambda _: None)):
        await until(second.holds)

    assert server.spec["leaseTransitions"] == 1


async def test_a_dead_holder_is_waited_for(
    api: FakeApi, server: LeaseServer, clock: Clock, candidate: Callable[..., Elector]
) -> None:
    """Another's Lease is taken only after we ourselves saw no renewal for its whole duration."""
    server.keep(
        {
            "metadata": {"name": "l"},
            # Its clock is years behind: times in the Lease are not trusted.
            "spec": {
                "holderIdentity": "dead",
                "leaseDurationSeconds": 15,
                "renewTime": "2001-01-01T00:00:00.000000Z",
            },
        }
    )
    second = candidate("second")
    async with background(second.run(lambda _: None)):
        await until(lambda: len(api.requests) > 1)
        clock.now += 14.9
        looked = len(api.requests)
        await until(lambda: len(api.requests) > looked + 2)
        assert not second.holds()

        clock.now += 0.2
        await until(second.holds)


async def test_a_leader_that_was_frozen_does_not_act(
    server: LeaseServer, candidate: Callable[..., Elector]
) -> None:
    """After a freeze ``holds`` says no before any timer has run, and the loss is told."""
    own = Clock()
    first = candidate("first", own)
    told: list[bool] = []
    async with background(first.run(told.append)):
        await until(first.holds)
        own.now += 10.0

        assert not first.holds()

        server.keep({**(server.lease or {}), "spec": {**server.spec, "holderIdentity": "other"}})
        await until(lambda: told == [True, False])
        await asyncio.sleep(0.1)
        assert not first.holds()


async def test_a_silent_api_server_ends_the_leadership(
    server: LeaseServer, clock: Clock, candidate: Callable[..., Elector]
) -> None:
    """Renewals without an answer: the leader stops after the deadline, and comes back."""
    first = candidate("first")
    async with background(first.run(lambda _: None)):
        await until(first.holds)
        server.frozen = True
        await asyncio.sleep(0.05)
        clock.now += 9.0
        assert first.holds()
        clock.now += 1.0
        assert not first.holds()

        server.frozen = False
        await until(first.holds)


async def test_a_renewal_counts_from_before_it_was_sent(
    server: LeaseServer, clock: Clock, candidate: Callable[..., Elector]
) -> None:
    """An answer that took longer than the deadline makes nobody a leader."""

    def slow() -> None:
        clock.now += 10.0

    server.before_write = slow
    first = candidate("first")
    told: list[bool] = []
    async with background(first.run(told.append)):
        await until(lambda: server.version > 3)

        assert told == []

        server.before_write = lambda: None
        await until(lambda: told == [True])


async def test_a_right_taken_away_ends_the_leadership(
    api: FakeApi, server: LeaseServer, candidate: Callable[..., Elector]
) -> None:
    """Forbidden to renew is to have lost, at once."""
    first = candidate("first")
    async with background(first.run(lambda _: None)):
        await until(first.holds)
        api.others = [refuse(403)]
        await until(lambda: not first.holds())
        api.others = [server]
        await until(first.holds)


def test_every_process_has_a_name_of_its_own() -> None:
    """Two processes on one host never share an identity."""
    assert identity() != identity()
