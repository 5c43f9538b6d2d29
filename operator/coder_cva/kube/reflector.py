"""One kind of object, listed and then watched: raw objects in, a Gathered or Unavailable out."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Generic, TypeVar

from coder_cva.kube.backoff import CHANCE, Backoff
from coder_cva.kube.connection import Connection, NoAnswer, Refused, Silence
from coder_cva.kube.listing import Listing, Scope
from coder_cva.kube.store import Projection, Store
from coder_cva.snapshot.model import Absence, Gathered, Reading, Unavailable
from coder_cva.snapshot.needs import Source
from coder_cva.values.manifest import dig

T = TypeVar("T")
logger = logging.getLogger(__name__)

_EVENTS = frozenset({"ADDED", "MODIFIED", "DELETED", "BOOKMARK"})
_SHORT = 1.0
"""A watch that lasts less than so many seconds counts as a failure."""


@dataclass(frozen=True, slots=True)
class Pace:
    """All times of a reflector, in seconds."""

    watch: float = 300.0
    """After which the API server ends a watch; half as much again by chance, so that they spread."""
    silence: float = 90.0
    """Without a byte for so long a watch is dead: bookmarks come about every minute."""
    stale: float = 60.0
    """How long a broken watch is still believed."""
    not_served: float = 60.0
    """When a kind that is not served is looked for again."""
    first: float = 0.5
    longest: float = 25.0
    """The back-off; a right that is granted is noticed within the longest."""


DEFAULT_PACE: Final = Pace()


class Expired(Exception):
    """The resourceVersion that we knew is gone: list again."""


class Reflector(Generic[T]):
    """Keeps the records of one kind up to date until its ``run`` is cancelled.

    ``source`` is asked again with each bookmark, about once a minute: where another version of the
    kind has become the best that is served, it is listed and watched anew in that one. Where it is
    not served ``next_version`` is asked whether ``source`` has another version to try at once.
    ``patience`` is after how many seconds a first list that is not over yet counts as timed out.
    ``on_change`` is called when a record or the state of the reading has changed, never for a
    write that the projection does not show.
    """

    def __init__(  # noqa: PLR0913 - the clock, chance and pace are for tests
        self,
        connection: Connection,
        source: Callable[[], Source],
        project: Projection[T],
        *,
        on_change: Callable[[], None],
        next_version: Callable[[], bool] = lambda: False,
        label_selector: str = "",
        field_selector: str = "",
        namespace: str = "",
        patience: float | None = None,
        pace: Pace = DEFAULT_PACE,
        chance: Callable[[], float] = CHANCE,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._source = source
        self._next_version = next_version
        self._selectors = (label_selector, field_selector, namespace)
        self._on_change = on_change
        self._patience = patience
        self._pace = pace
        self._chance = chance
        self._clock = clock
        self._backoff = Backoff(chance, first=pace.first, longest=pace.longest)
        self._store: Store[T] = Store(project)
        self._scope = self._look()
        self._version = ""
        self._absent: Unavailable | None = Unavailable(Absence.NOT_SYNCED, "not listed yet")
        self._stale: Unavailable | None = None
        self._fuse: asyncio.TimerHandle | None = None
        self._heard = clock()
        self._told: Absence | None = Absence.NOT_SYNCED
        self._answered = asyncio.Event()
        self._woken = asyncio.Event()

    async def run(self) -> None:
        """Lists and watches for ever; recovers by itself from everything that an API server does."""
        patience = self._patience
        loop = asyncio.get_running_loop()
        end = loop.call_later(patience, self._late, patience) if patience is not None else None
        try:
            while True:
                await self._rest(await self._session())
        finally:
            if end is not None:
                end.cancel()
            self._mend()

    def wake(self) -> None:
        """Looks again at once for a kind that was not served: somebody else has found it."""
        if self._absent is not None and self._absent.reason is Absence.NOT_SERVED:
            self._woken.set()

    async def _rest(self, pause: float) -> None:
        """Waits so many seconds, or until it is woken."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(pause):
                await self._woken.wait()
        self._woken.clear()

    def _late(self, seconds: float) -> None:
        """Each page may come in time, and all of them together late; it goes on being listed."""
        if not self._answered.is_set():
            told = f"its first list was not over after {seconds:g} s"
            self._settled(Unavailable(Absence.TIMED_OUT, told))

    async def _session(self) -> float:
        """A list where one is needed, then a watch to its end; the pause in seconds after it."""
        began = self._clock()
        try:
            if self._is_outdated():
                self._version = ""
            if not self._version:
                await self._list()
            await self._watch()
        except Expired:
            self._version = ""
            return self._backoff.next()
        except Refused as refused:
            return self._refused(refused)
        except NoAnswer as error:
            return self._broke(str(error))
        except Exception as error:
            # A fault of ours must not leave an old picture standing as if it were followed.
            logger.exception("%s: the reflector failed and lists again", self._scope.path)
            self._version = ""
            return self._broke(type(error).__name__)
        # A watch that is ended at once, again and again, must not become a hot loop.
        return self._backoff.next() if self._clock() - began < _SHORT else 0.0

    async def answered(self) -> None:
        """Waits for the first answer of the API server, whatever it is."""
        await self._answered.wait()

    @property
    def has_answered(self) -> bool:
        """Whether there was a first answer."""
        return self._answered.is_set()

    def reading(self) -> Reading[T]:
        """All records sorted by namespace and name, or why they cannot be given."""
        if self._absent is not None:
            return self._absent
        if self._stale is not None:
            return self._stale
        unreadable = self._store.unreadable()
        if unreadable:
            return Unavailable(Absence.UNREADABLE, unreadable)
        return Gathered(self._store.items())

    async def _list(self) -> None:
        self._scope = self._look()
        fresh = self._store.emptied()
        listing = Listing(self._connection, self._scope)
        try:
            async for raw in listing.objects():
                fresh.put(raw)
        except Refused as refused:
            if refused.answer.status != 410:
                raise
            # A page expired under way. Once more without pages: on a busy cluster they may never fit.
            fresh = self._store.emptied()
            listing = Listing(self._connection, self._scope, page=0)
            async for raw in listing.objects():
                fresh.put(raw)
        self._version = listing.version
        if self._store.replace(fresh) and self._absent is None:
            self._on_change()

    async def _watch(self) -> None:
        params = {
            **self._scope.params,
            "watch": "true",
            "allowWatchBookmarks": "true",
            "resourceVersion": self._version,
            "timeoutSeconds": str(max(1, round(self._pace.watch * (1 + self._chance() / 2)))),
        }
        granted = False
        try:
            async with self._connection.stream(
                self._scope.path,
                params=params,
                accept=self._scope.accept(many=False),
                silence=self._pace.silence,
            ) as events:
                granted = True
                # Only now is the list known to be followed up, and told to others.
                self._settled(None)
                async for event in events:
                    self._heard = self._clock()
                    self._backoff.reset()
                    if self._event(event):
                        self._on_change()
            self._heard = self._clock()
        except Refused as refused:
            if refused.answer.status != 410:
                raise
            raise Expired(refused.answer.message) from refused
        except Silence:
            # The last event counts, not the moment in which the silence was noticed.
            logger.info("%s: the watch fell silent", self._scope.path)
        except NoAnswer as error:
            if not granted:
                raise
            self._heard = self._clock()
            logger.debug("%s: the watch broke: %s", self._scope.path, error)

    def _event(self, event: Any) -> bool:
        raw = self._scope.named(dig(event, "object", default={}))
        version = str(dig(raw, "metadata", "resourceVersion", default=""))
        kind = dig(event, "type", default="")
        if kind not in _EVENTS or not version:
            # An ERROR, most often 410; or something that no API server says.
            raise Expired(str(dig(raw, "message", default="no watch event")))
        self._version = version
        if kind == "BOOKMARK":
            if self._is_outdated():
                raise Expired("another version of the kind is served")
            return False
        return self._store.remove(raw) if kind == "DELETED" else self._store.put(raw)

    def _refused(self, refused: Refused) -> float:
        status, message = refused.answer.status, refused.answer.message
        if status in {401, 403}:
            self._version = ""
            self._settled(Unavailable(Absence.FORBIDDEN, message))
            return self._backoff.next()
        if status == 404:
            self._version = ""
            if self._next_version():
                return 0.0
            self._settled(Unavailable(Absence.NOT_SERVED, message))
            return self._pace.not_served * (0.5 + self._chance() / 2)
        if status not in {429, 503}:
            # For example 504 for a version from before etcd was restored: only a list helps.
            self._version = ""
        return self._broke(message)

    def _broke(self, message: str) -> float:
        """Notes a failed try; what was seen is believed for a while. The pause in seconds."""
        if self._absent is not None:
            self._settled(Unavailable(Absence.TIMED_OUT, message))
        elif self._fuse is None:
            logger.info("%s: %s", self._scope.path, message)
            ago = self._clock() - self._heard
            moment = datetime.now(UTC) - timedelta(seconds=ago)
            since = moment.isoformat(timespec="seconds")
            stale = Unavailable(Absence.STALE, f"not followed since {since}: {message}")
            # A timer, since a try can hang: the reading changes exactly when it is told.
            left = max(0.0, self._pace.stale - ago)
            self._fuse = asyncio.get_running_loop().call_later(left, self._give_up, stale)
        return self._backoff.next()

    def _give_up(self, stale: Unavailable) -> None:
        self._stale = stale
        self._tell()

    def _mend(self) -> None:
        if self._fuse is not None:
            self._fuse.cancel()
        self._fuse, self._stale = None, None

    def _settled(self, absent: Unavailable | None) -> None:
        """Notes an answer: the list is followed (None), or why it cannot be had."""
        if absent is not None and absent.reason is not Absence.TIMED_OUT:
            self._store.replace(self._store.emptied())
        self._mend()
        self._absent = absent
        self._heard = self._clock()
        self._answered.set()
        self._tell()

    def _tell(self) -> None:
        reading = self.reading()
        reason = reading.reason if isinstance(reading, Unavailable) else None
        if reason is not self._told:
            # The first list of a kind is what everybody expects; a change after it is news.
            first = reason is None and self._told is Absence.NOT_SYNCED
            level = logging.DEBUG if first else logging.INFO
            logger.log(level, "%s: %s", self._scope.path, reason or "synced")
            self._told = reason
            self._on_change()

    def _is_outdated(self) -> bool:
        return self._source() != self._scope.source

    def _look(self) -> Scope:
        return Scope(self._source(), *self._selectors)
