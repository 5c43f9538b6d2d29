"""A reflector follows the version in which its kind is best served."""

from __future__ import annotations

import asyncio
import dataclasses
from typing import TYPE_CHECKING

import pytest

from coder_cva.kube.reflector import Pace, Reflector
from coder_cva.kube.versions import Versions
from coder_cva.snapshot.model import Absence, Gathered, Unavailable
from coder_cva.snapshot.needs import Source
from support.api_server import background, event, listed, obj, refuse, until, watched

if TYPE_CHECKING:
    from aiohttp import web

    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi, Handler

OLDER = Source("example.com", "v1beta1", "policies", "Policy")
PACE = Pace(silence=5.0, first=0.01, longest=0.05, not_served=0.02)


class Upgrade:
    """The served version of a kind, which another one takes the place of while a watch begins."""

    def __init__(self, then: Handler) -> None:
        self.source = OLDER
        self._then = then

    async def watch(self, request: web.Request) -> web.StreamResponse:
        """From now on v1 is served."""
        self.source = dataclasses.replace(OLDER, version="v1")
        return await self._then(request)


@pytest.mark.parametrize(
    "then",
    [
        pytest.param(
            watched(event("BOOKMARK", {"metadata": {"resourceVersion": "41"}}), stay=9),
            id="with a bookmark",
        ),
        pytest.param(watched(), id="with the next watch"),
    ],
)
async def test_another_served_version_is_listed_and_watched_anew(
    api: FakeApi, connection: Connection, then: Handler
) -> None:
    """Once another version is the best, a watch that could go on in the old one does not.

    Until the new one is followed the objects of the old list are shown.
    """
    upgrade, told = Upgrade(then), []
    api.lists = [listed(obj("a"), version="1"), listed(obj("a"), version="50")]
    api.watches = [upgrade.watch, watched(stay=9)]
    kept: Reflector[str] = Reflector(
        connection,
        lambda: upgrade.source,
        lambda raw: str(raw["metadata"]["name"]),
        on_change=lambda: told.append(kept.reading()),
        pace=PACE,
        chance=lambda: 0.0,
    )
    async with background(kept.run()):
        await until(lambda: len(api.asked) == 4)

        paths = [one[1].rpartition("/")[0] for one in api.requests]
        assert paths == ["/apis/example.com/v1beta1"] * 2 + ["/apis/example.com/v1"] * 2
        assert api.asked[3]["resourceVersion"] == "50"
        assert kept.reading() == Gathered(("a",))
        assert told == [Gathered(("a",))]


def of_policies(connection: Connection, versions: Versions) -> Reflector[str]:
    """A reflector that asks for the version whose turn it is."""
    return Reflector(
        connection,
        versions,
        lambda raw: str(raw["metadata"]["name"]),
        on_change=lambda: None,
        next_version=versions.next,
        pace=PACE,
        chance=lambda: 0.0,
    )


KNOWN = Source("example.com", "v1", "policies", "Policy", older=("v1beta2", "v1beta1"))


async def test_where_the_newest_version_is_not_served_the_older_ones_are_asked_for(
    api: FakeApi, connection: Connection
) -> None:
    """Down to the first that is served, which is then followed."""
    api.lists = [refuse(404), refuse(404), listed(obj("a"))]
    api.watches = [watched(event("BOOKMARK", obj("", version="2")), stay=9)]
    kept = of_policies(connection, Versions(KNOWN))

    async with background(kept.run()):
        await until(lambda: kept.reading() == Gathered(("a",)))

    paths = [one[1] for one in api.requests]
    assert paths[:4] == [
        f"/apis/example.com/{one}/policies" for one in ("v1", "v1beta2", "v1beta1", "v1beta1")
    ]


async def test_a_kind_that_no_version_has_is_not_served(
    api: FakeApi, connection: Connection
) -> None:
    """Only after all of them; then they are looked for again from the newest on."""
    api.lists = [*([refuse(404)] * 4), listed(obj("a"))]
    api.watches = [watched(stay=9)]
    kept = of_policies(connection, Versions(KNOWN))
    seen = [kept.reading()]

    def is_followed() -> bool:
        seen.append(kept.reading())
        return seen[-1] == Gathered(("a",))

    async with background(kept.run()):
        await until(is_followed)

    reasons = {one.reason for one in seen if isinstance(one, Unavailable)}
    assert reasons == {Absence.NOT_SYNCED, Absence.NOT_SERVED}
    assert [one[1].split("/")[3] for one in api.requests][:5] == [
        *("v1", "v1beta2", "v1beta1"),
        *("v1", "v1beta2"),
    ]


async def test_a_refusal_for_want_of_a_right_is_no_question_of_versions(
    api: FakeApi, connection: Connection
) -> None:
    """The newest version is asked for again, and the reading says what it is."""
    api.lists = [refuse(403)]
    kept = of_policies(connection, Versions(KNOWN))

    async with background(kept.run()):
        await until(lambda: len(api.requests) == 3)

    assert {one[1] for one in api.requests} == {"/apis/example.com/v1/policies"}
    reading = kept.reading()
    assert isinstance(reading, Unavailable)
    assert reading.reason is Absence.FORBIDDEN


async def test_a_kind_that_somebody_else_has_found_is_looked_for_at_once(
    api: FakeApi, connection: Connection
) -> None:
    """Long before the next look; woken while it is followed already it does nothing."""
    api.lists = [refuse(404), listed(obj("a"))]
    api.watches = [watched(stay=9)]
    kept: Reflector[str] = Reflector(
        connection,
        lambda: OLDER,
        lambda raw: str(raw["metadata"]["name"]),
        on_change=lambda: None,
        pace=dataclasses.replace(PACE, not_served=3600.0),
        chance=lambda: 0.0,
    )
    async with background(kept.run()):
        await kept.answered()
        assert isinstance(kept.reading(), Unavailable)
        kept.wake()
        await until(lambda: kept.reading() == Gathered(("a",)))
        asked = len(api.asked)

        kept.wake()
        await asyncio.sleep(0.05)

        assert len(api.asked) == asked
