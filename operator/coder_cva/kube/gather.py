"""Reading the cluster: implements ``ReadPort`` over the reflectors."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from coder_cva.kube import listing, paths, refusals
from coder_cva.kube.connection import Connection, NoAnswer, Refused
from coder_cva.kube.owned import KINDS, Owned
from coder_cva.kube.reflector import DEFAULT_PACE, Pace, Reflector
from coder_cva.kube.served import Discovery
from coder_cva.kube.store import Key, Projection, key_of
from coder_cva.kube.versions import Versions
from coder_cva.snapshot.model import (
    Absence,
    ClusterSnapshot,
    Gathered,
    Reading,
    SecretKeys,
    Unavailable,
)
from coder_cva.snapshot.needs import EXTENSIONS, SOURCES, Need, Source
from coder_cva.values.manifest import Ref, dig

logger = logging.getLogger(__name__)

_LOOK_AGAIN: Final = 0.5
"""Seconds."""
_PATIENCE: Final = 30.0
"""Seconds after which what a cluster need not have is not waited for: its API may convert each object by a
webhook of somebody else's."""
_AWAITED: Final = frozenset({Need.HTTP_ROUTES, Need.NODE_POOLS})
"""Those of them by which it is decided what is written."""


class Gatherer:
    """All reflectors of the operator, and the few things that are read when they are asked for."""

    def __init__(
        self,
        connection: Connection,
        projections: Mapping[Need, Projection[Any]],
        *,
        on_change: Callable[[], None],
        on_nodes: Callable[[], None] | None = None,
        pace: Pace = DEFAULT_PACE,
    ) -> None:
        self._connection = connection
        self.discovery = Discovery(connection, on_change=on_change, longest=pace.longest)
        self.owned = Owned(connection, self.discovery, on_change=on_change, pace=pace)
        self.reflectors: dict[Need, Reflector[Any]] = {
            need: Reflector(
                connection,
                versions,
                project,
                on_change=self._told(
                    need, on_nodes if on_nodes and need is Need.NODES else on_change
                ),
                next_version=versions.next,
                field_selector=f"metadata.name={SOURCES[need].name}" if SOURCES[need].name else "",
                patience=_PATIENCE if need in EXTENSIONS - _AWAITED else None,
                pace=pace,
            )
            for need, project in projections.items()
            for versions in (Versions(SOURCES[need]),)
        }
        # kopf watches them too, and tells of everything at once. This one is for what kopf misses: it
        # looks for a CRD in the moment of its event, which is before the API server serves it.
        self.resources: Reflector[_Resource] = Reflector(
            connection,
            _always(replace(paths.CODER_DEPLOYMENTS, metadata_only=True)),
            _resource,
            on_change=on_change,
            pace=replace(pace, not_served=min(pace.not_served, 5.0)),
        )

    def _told(self, need: Need, on_change: Callable[[], None]) -> Callable[[], None]:
        """What is called when records of a need have changed. Of an extension that we write ours are looked for too."""
        source = SOURCES[need]
        if need not in EXTENSIONS or source not in KINDS:
            return on_change

        def told() -> None:
            self.owned.wake(source)
            on_change()

        return told

    @property
    def _every(self) -> tuple[Reflector[Any], ...]:
        return (*self.reflectors.values(), *self.owned.reflectors, self.resources)

    def keys(self) -> frozenset[Key]:
        """Namespace and name of every CoderDeployment that is known; none where they cannot be read."""
        reading = self.resources.reading()
        items = reading.items if isinstance(reading, Gathered) else ()
        return frozenset(one.key for one in items)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Reads along while the context is open."""
        runs = {"discovery": self.discovery.run}
        runs |= {"reflector of CoderDeployments": self.resources.run}
        runs |= {f"reflector of {need}": one.run for need, one in self.reflectors.items()}
        runs |= {
            f"reflector of our {kind.plural}": partial(self._own, one)
            for kind, one in zip(KINDS, self.owned.reflectors, strict=True)
        }
        tasks = [asyncio.create_task(_kept(name, run), name=name) for name, run in runs.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def _own(self, reflector: Reflector[Any]) -> None:
        # Which version of the admission policies to list is known from discovery.
        await self.discovery.answered()
        await reflector.run()

    async def synced(self) -> None:
        """Waits until everything that is watched has had its first answer, and not all in vain.

        One kind for which no answer comes holds up nothing; an API server that is not there does.
        """
        await self.discovery.answered()
        for reflector in self._every:
            await reflector.answered()
        while not self.is_synced:  # noqa: ASYNC110 - two dozen reflectors, any of which may be the first
            await asyncio.sleep(_LOOK_AGAIN)

    @property
    def is_synced(self) -> bool:
        """Whether ``synced`` would return at once."""
        readings = [one.reading() for one in self._every if one.has_answered]
        complete = self.discovery.has_answered and len(readings) == len(self._every)
        return complete and not all(_timed_out(one) for one in readings)

    async def snapshot(self, secrets: frozenset[tuple[str, str]]) -> ClusterSnapshot:
        """The cluster now: the watched kinds, and the keys of the Secrets asked for by name."""
        asked = sorted(secrets)
        keys = await asyncio.gather(*(self._secret(*one) for one in asked))
        readings = {need.value: one.reading() for need, one in self.reflectors.items()}
        return ClusterSnapshot(
            **readings,
            secrets=dict(zip(asked, keys, strict=True)),
            served=self.discovery.served(),
        )

    async def deployments(self) -> tuple[Mapping[str, Any], ...]:
        """All CoderDeployments, live, sorted. Raises WriteError where they cannot be listed."""
        source = paths.CODER_DEPLOYMENTS
        ref = Ref(source.api_version, source.kind, "", "")
        try:
            found = await listing.whole(self._connection, listing.Scope(source))
        except Refused as refused:
            raise refusals.refusal(ref, refused.answer) from refused
        except NoAnswer as error:
            raise refusals.unreachable(ref, error) from error
        return tuple(sorted(found, key=key_of))

    async def _secret(self, namespace: str, name: str) -> SecretKeys | Unavailable | None:
        path = paths.item(Ref("v1", "Secret", namespace, name))
        try:
            answer = await self._connection.request("GET", path)
        except NoAnswer as error:
            return Unavailable(Absence.TIMED_OUT, str(error))
        if answer.ok:
            return SecretKeys(namespace, name, frozenset(dig(answer.body, "data", default={})))
        if answer.status == 404:
            return None
        forbidden = answer.status in {401, 403}
        return Unavailable(Absence.FORBIDDEN if forbidden else Absence.TIMED_OUT, answer.message)


@dataclass(frozen=True, slots=True)
class _Resource:
    """What of a CoderDeployment is news; its status is our own."""

    key: Key
    uid: str
    generation: int
    deleting: bool


def _resource(raw: Mapping[str, Any]) -> _Resource:
    metadata = dig(raw, "metadata", default={})
    return _Resource(
        key_of(raw),
        str(dig(metadata, "uid", default="")),
        int(dig(metadata, "generation", default=0)),
        dig(metadata, "deletionTimestamp") is not None,
    )


def _timed_out(reading: Reading[Any]) -> bool:
    return isinstance(reading, Unavailable) and reading.reason is Absence.TIMED_OUT


def _always(source: Source) -> Callable[[], Source]:
    return lambda: source


async def _kept(name: str, run: Callable[[], Awaitable[None]]) -> None:
    """Runs a reader again should it ever fail by a fault of ours."""
    while True:
        try:
            await run()
        except Exception:
            logger.exception("%s failed and is started again", name)
        await asyncio.sleep(1.0)
