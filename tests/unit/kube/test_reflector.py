"""The reflector against an API server that misbehaves in every way that one was seen to."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube.listing import PAGE
from coder_cva.kube.reflector import Pace, Reflector
from coder_cva.snapshot.model import Absence, Gathered, Unavailable
from coder_cva.snapshot.needs import Source
from support.api_server import answer, background, event, listed, obj, refuse, until, watched

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi

PODS = Source("", "v1", "pods", "Pod")
PACE = Pace(silence=5.0, first=0.01, longest=0.05, not_served=0.02)


@dataclasses.dataclass(frozen=True, slots=True)
class Record:
    """Only the name and one field are kept."""

    name: str
    phase: str = ""


def project(raw: Mapping[str, Any]) -> Record | None:
    """Leaves out what is called "hidden" and fails on what is called "odd"."""
    name = raw["metadata"]["name"]
    if name == "odd" and raw.get("phase") != "fine":
        raise KeyError(name)
    return None if name == "hidden" else Record(name, raw.get("phase", ""))


class Harness:
    """A reflector and what it told."""

    def __init__(self, connection: Connection, source: Source = PODS, **options: Any) -> None:
        self.changes = 0
        options.setdefault("pace", PACE)
        options.setdefault("on_change", self.changed)
        self.reflector: Reflector[Record] = Reflector(
            connection, lambda: source, project, chance=lambda: 0.0, **options
        )

    def changed(self) -> None:
        """Counts."""
        self.changes += 1

    @property
    def names(self) -> list[str] | None:
        """The records' names; None while they cannot be read."""
        reading = self.reflector.reading()
        return [one.name for one in reading.items] if isinstance(reading, Gathered) else None

    @property
    def absence(self) -> Absence | None:
        """Why they cannot be read."""
        reading = self.reflector.reading()
        return reading.reason if isinstance(reading, Unavailable) else None


@pytest.fixture
def make(connection: Connection) -> Callable[..., Harness]:
    """Makes reflectors over the connection to the fake."""
    return lambda *args, **options: Harness(connection, *args, **options)


async def test_before_the_first_answer_nothing_is_claimed(make: Callable[..., Harness]) -> None:
    """A reflector that has not listed yet is NotSynced, not empty."""
    assert make().absence is Absence.NOT_SYNCED


async def test_pages_become_one_sorted_reading(api: FakeApi, make: Callable[..., Harness]) -> None:
    """All pages are asked for with their token, and the records are sorted by namespace and name."""
    api.lists = [
        listed(obj("b"), obj("z", "a"), token="more"),
        listed(obj("a"), obj("hidden"), version="7"),
    ]
    api.watches = [watched(stay=9)]
    kept = make(label_selector="x=y", field_selector="spec.a=b")
    async with background(kept.reflector.run()):
        await kept.reflector.answered()

        assert kept.names == ["z", "a", "b"]
        assert [one.get("continue") for one in api.asked] == [None, "more", None]
        assert {one.get("limit") for one in api.asked[:2]} == {str(PAGE)}
        assert {one["labelSelector"] for one in api.asked} == {"x=y"}
        assert {one["fieldSelector"] for one in api.asked} == {"spec.a=b"}
        assert api.asked[2]["resourceVersion"] == "7"
        assert api.asked[2]["allowWatchBookmarks"] == "true"
        assert kept.changes == 1
        first, second = kept.reflector.reading(), kept.reflector.reading()
        assert isinstance(first, Gathered)
        assert isinstance(second, Gathered)
        assert first.items is second.items


async def test_an_expired_page_starts_the_list_again_in_one_piece(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """After a 410 on a continue token nothing of the half list is kept."""
    api.lists = [listed(obj("gone"), token="old"), refuse(410), listed(obj("a"))]
    api.watches = [watched(stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await kept.reflector.answered()

        assert kept.names == ["a"]
        assert "limit" not in api.asked[2]


async def test_only_what_the_projection_shows_is_a_change(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """An event that leaves the record equal wakes nobody; additions, edits and deletions do."""
    api.lists = [listed(obj("a"), obj("b"))]
    api.watches = [
        watched(
            event("MODIFIED", obj("a", version="2", noise=1)),
            event("BOOKMARK", {"metadata": {"resourceVersion": "3"}}),
            event("MODIFIED", obj("a", version="4", phase="Running")),
            event("ADDED", obj("c", version="5")),
            event("DELETED", obj("b", version="6")),
            event("DELETED", obj("never-seen", version="7")),
            stay=9,
        )
    ]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: kept.names == ["a", "c"])

        assert kept.changes == 1 + 3


async def test_a_watch_is_resumed_where_it_ended(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """After an orderly end the next watch starts from the last bookmark, without another list."""
    api.lists = [listed(obj("a"), version="1")]
    api.watches = [
        watched(event("BOOKMARK", {"metadata": {"resourceVersion": "41"}})),
        watched(stay=9),
    ]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: len(api.asked) == 3)

        assert api.asked[2]["resourceVersion"] == "41"
        assert kept.names == ["a"]


@pytest.mark.parametrize(
    "end",
    [
        pytest.param(watched(event("ERROR", {"code": 410, "message": "too old"})), id="event"),
        pytest.param(refuse(410), id="status"),
        pytest.param(refuse(504, "Too large resource version"), id="version-from-the-future"),
    ],
)
async def test_an_expired_version_is_listed_again(
    api: FakeApi, make: Callable[..., Harness], end: Any
) -> None:
    """Wherever the API server says that a version is of no use, the next thing is a list."""
    api.lists = [listed(obj("a"), obj("b")), listed(obj("b"), obj("c"), version="9")]
    api.watches = [watched(), end, watched(stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: kept.names == ["b", "c"] and len(api.asked) == 5)

        assert api.asked[-1]["resourceVersion"] == "9"


async def test_an_equal_list_is_no_change(api: FakeApi, make: Callable[..., Harness]) -> None:
    """Listing again what was known already wakes nobody."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched(event("ERROR", {"code": 410})), watched(stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: len(api.asked) == 4)

        assert kept.names == ["a"]
        assert kept.changes == 1


@pytest.mark.parametrize(
    ("status", "reason"), [(403, Absence.FORBIDDEN), (401, Absence.FORBIDDEN), (404, Absence.NOT_SERVED)]
)  # fmt: skip
async def test_a_refusal_is_told_and_outlived(
    api: FakeApi, make: Callable[..., Harness], status: int, reason: Absence
) -> None:
    """A refused kind is Unavailable with the server's words, and is read when it may be."""
    api.lists = [refuse(status, "because")] * 3 + [listed(obj("a"))]
    api.watches = [watched(stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await kept.reflector.answered()

        assert kept.reflector.reading() == Unavailable(reason, "because")

        await until(lambda: kept.names == ["a"])


async def test_a_right_taken_away_hides_what_was_seen(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """Once forbidden, old records are not shown any more, and the change is told once."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched(event("MODIFIED", obj("a", version="2"))), refuse(403)]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: kept.absence is Absence.FORBIDDEN)
        before = kept.changes
        await until(lambda: len(api.asked) > 8)

        assert kept.absence is Absence.FORBIDDEN
        assert kept.changes == before == 2


async def test_a_list_that_cannot_be_watched_is_not_believed(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """With the right to list and none to watch the kind stays Forbidden and never flaps."""
    api.lists = [listed(obj("a"))]
    api.watches = [refuse(403)]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: len(api.asked) > 8)

        assert kept.absence is Absence.FORBIDDEN
        assert kept.changes == 1


async def test_no_answer_to_the_first_list(api: FakeApi, make: Callable[..., Harness]) -> None:
    """A failing API server at the start is TimedOut with its words, then read."""
    api.lists = [refuse(500, "etcd is away"), refuse(500, "etcd is away"), listed(obj("a"))]
    api.watches = [watched(stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await kept.reflector.answered()

        assert kept.reflector.reading() == Unavailable(Absence.TIMED_OUT, "etcd is away")

        await until(lambda: kept.names == ["a"])


@pytest.mark.parametrize("body", [{}, [], "ok", {"items": []}])
async def test_something_else_is_no_empty_list(
    api: FakeApi, make: Callable[..., Harness], body: Any
) -> None:
    """A proxy that says 200 to everything does not make a cluster look empty."""
    api.lists = [answer(body)]
    kept = make()
    async with background(kept.reflector.run()):
        await kept.reflector.answered()

        assert kept.absence is Absence.TIMED_OUT


async def test_a_broken_watch_is_believed_for_a_while_then_stale(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """Within the time allowed the records stay, after it they are Stale, then they come back."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched(drop=True), refuse(503, "overloaded")]
    kept = make(pace=dataclasses.replace(PACE, stale=1.0))
    async with background(kept.reflector.run()):
        await until(lambda: len(api.asked) >= 4)

        assert kept.names == ["a"]

        await until(lambda: kept.absence is Absence.STALE)
        reading = kept.reflector.reading()

        assert isinstance(reading, Unavailable)
        assert reading.message.endswith("overloaded")
        assert reading.message.startswith("not followed since 20")
        assert kept.reflector.reading() == reading

        api.watches = [watched(stay=9)]
        await until(lambda: kept.names == ["a"])
        # Synced, stale, synced.
        assert kept.changes == 3


async def test_a_silent_watch_is_given_up(api: FakeApi, make: Callable[..., Harness]) -> None:
    """A connection without a byte is replaced, from the same version, without an alarm."""
    api.lists = [listed(obj("a"), version="5")]
    api.watches = [watched(stay=9)]
    kept = make(pace=dataclasses.replace(PACE, silence=0.1, stale=0.05))
    async with background(kept.reflector.run()):
        await until(lambda: len(api.asked) >= 4)

        assert {one["resourceVersion"] for one in api.asked[1:]} == {"5"}
        assert kept.names == ["a"]
        assert kept.changes == 1


@pytest.mark.parametrize("rubbish", [b"<html>\n", b'{"type":"ADDED","obj\n', b'"text"\n', b"[]\n"])
async def test_rubbish_in_a_watch_is_survived(
    api: FakeApi, make: Callable[..., Harness], rubbish: bytes
) -> None:
    """Whatever a proxy writes into the stream, the reflector goes on with the next watch."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched(rubbish), watched(event("ADDED", obj("b", version="2")), stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: kept.names == ["a", "b"])


async def test_huge_lines_and_torn_lines(api: FakeApi, make: Callable[..., Harness]) -> None:
    """A line of eight megabytes is one event, and so is a line that comes in three pieces."""
    huge = json.dumps(event("ADDED", obj("huge", version="2", ballast="x" * 8_000_000))).encode()
    torn = json.dumps(event("ADDED", obj("torn", version="3"))).encode()
    api.lists = [listed()]
    api.watches = [watched(huge + b"\n", torn[:9], torn[9:30], torn[30:] + b"\n\n", stay=9)]
    kept = make()
    async with background(kept.reflector.run()):
        await until(lambda: kept.names == ["huge", "torn"])


async def test_an_object_that_cannot_be_understood_is_no_silent_gap(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """While the projection fails on an object its kind is not Gathered; afterwards it is."""
    api.lists = [listed(obj("a"), obj("odd"))]
    api.watches = [
        watched(event("MODIFIED", obj("odd", version="2")), stay=0.2),
        watched(event("MODIFIED", obj("odd", version="3", phase="fine")), stay=9),
    ]
    kept = make()
    async with background(kept.reflector.run()):
        await kept.reflector.answered()
        reading = kept.reflector.reading()

        assert isinstance(reading, Unavailable)
        assert reading.reason is Absence.UNREADABLE
        assert "ns/odd: KeyError" in reading.message

        await until(lambda: kept.names == ["a", "odd"])


async def test_a_watch_that_ends_at_once_is_no_hot_loop(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """Watches that are closed immediately are asked for ever more slowly."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched()]
    kept = make(pace=dataclasses.replace(PACE, longest=9.0, first=0.02))
    async with background(kept.reflector.run()):
        with pytest.raises(TimeoutError):
            await until(lambda: len(api.asked) > 9, limit=0.6)


async def test_metadata_only_asks_for_metadata(api: FakeApi, make: Callable[..., Harness]) -> None:
    """Where labels suffice the API server is asked for no more; the record sees the true kind."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched(stay=9)]
    kept = make(dataclasses.replace(PODS, metadata_only=True))
    async with background(kept.reflector.run()):
        await kept.reflector.answered()

        accepts = [headers["Accept"] for _, _, _, headers, _ in api.requests]
        assert accepts == [
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            "application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1",
        ]


async def test_a_fault_of_ours_does_not_leave_an_old_picture(
    api: FakeApi, make: Callable[..., Harness]
) -> None:
    """If telling a change fails, the reflector lists again instead of standing still."""
    api.lists = [listed(obj("a"))]
    api.watches = [watched(event("ADDED", obj("b", version="2")), stay=9)]
    calls: list[int] = []

    def broken() -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError

    kept = make(on_change=broken)
    async with background(kept.reflector.run()):
        await until(lambda: kept.names == ["a", "b"] and len(api.asked) >= 4)
