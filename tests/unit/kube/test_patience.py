"""A first list that takes long: how long it is waited for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from coder_cva.kube.gather import Gatherer
from coder_cva.kube.reflector import Reflector
from coder_cva.snapshot.model import Absence, Gathered, Unavailable
from coder_cva.snapshot.needs import EXTENSIONS, SOURCES, Need
from coder_cva.snapshot.parse import PROJECTIONS
from support.api_server import background, listed, obj, until, watched

if TYPE_CHECKING:
    from aiohttp import web

    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi


@pytest.mark.parametrize("patience", [0.05, None])
async def test_a_first_list_that_takes_long(
    api: FakeApi, connection: Connection, patience: float | None
) -> None:
    """After its time it counts as timed out, and is known all the same once it is over."""
    told: list[object] = []
    go_on = asyncio.Event()

    async def late(request: web.Request) -> web.StreamResponse:
        await go_on.wait()
        return await listed(obj("a"))(request)

    api.lists, api.watches = [late], [watched(stay=9)]
    kept: Reflector[str] = Reflector(
        connection,
        lambda: SOURCES[Need.SCHEDULED_BACKUPS],
        lambda raw: str(raw["metadata"]["name"]),
        on_change=lambda: told.append(kept.reading()),
        patience=patience,
    )
    async with background(kept.run()):
        await asyncio.sleep(0.15)
        assert kept.has_answered is (patience is not None)
        go_on.set()
        await until(lambda: kept.reading() == Gathered(("a",)))

    first = Unavailable(Absence.TIMED_OUT, "its first list was not over after 0.05 s")
    assert told == [*([first] if patience else []), Gathered(("a",))]


def test_what_a_cluster_need_not_have_is_not_waited_for(connection: Connection) -> None:
    """Everything else decides what the operator writes."""
    made = Gatherer(connection, PROJECTIONS, on_change=lambda: None)

    impatient = {need for need, one in made.reflectors.items() if one._patience is not None}

    assert impatient == EXTENSIONS - {Need.HTTP_ROUTES, Need.NODE_POOLS}
