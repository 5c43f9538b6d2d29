"""A reflector follows the version in which its kind is best served."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

import pytest

from coder_cva.kube.reflector import Pace, Reflector
from coder_cva.snapshot.model import Gathered
from coder_cva.snapshot.needs import Source
from support.api_server import background, event, listed, obj, until, watched

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
