"""Which versions of the admission policies the API server serves, from its discovery."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Any

from coder_cva.kube import paths
from coder_cva.kube.backoff import CHANCE, Backoff
from coder_cva.kube.connection import Connection, NoAnswer, Refused
from coder_cva.snapshot.model import Absence, Served, Unavailable
from coder_cva.snapshot.needs import Source
from coder_cva.values.manifest import dig

logger = logging.getLogger(__name__)

_GROUP = f"/apis/{paths.ADMISSION}"
_STABILITY = ("v1", "v1beta1", "v1alpha1")


class Discovery:
    """Keeps the served versions of the admission policies up to date until ``run`` is cancelled."""

    def __init__(
        self,
        connection: Connection,
        *,
        on_change: Callable[[], None],
        interval: float = 300.0,
        longest: float = 25.0,
        chance: Callable[[], float] = CHANCE,
    ) -> None:
        self._connection = connection
        self._on_change = on_change
        self._interval = interval
        self._backoff = Backoff(chance, longest=longest)
        self._served: Served | Unavailable = Unavailable(Absence.NOT_SYNCED, "not read yet")
        self._answered = asyncio.Event()

    async def run(self) -> None:
        """Reads discovery again at an interval (seconds), and with back-off after errors."""
        while True:
            read = await self._read()
            if isinstance(read, Served):
                self._backoff.reset()
            known = isinstance(self._served, Served)
            # The API server serves what it served: an outage is told by everything else.
            if read != self._served and not (known and isinstance(read, Unavailable)):
                self._served = read
                self._on_change()
            self._answered.set()
            failed = isinstance(read, Unavailable)
            await asyncio.sleep(self._backoff.next() if failed else self._interval)

    def served(self) -> Served | Unavailable:
        """The versions, best first, or why they are not known."""
        return self._served

    def best(self, source: Source) -> Source:
        """The source in the best version that is served; unchanged while none is known."""
        served = self._served
        if not isinstance(served, Served):
            return source
        mutating = source.kind.startswith("Mutating")
        versions = served.mutating_policy if mutating else served.validating_policy
        return paths.versioned(source, versions[0]) if versions else source

    async def answered(self) -> None:
        """Waits for the first answer, whatever it is."""
        await self._answered.wait()

    @property
    def has_answered(self) -> bool:
        """Whether there was a first answer."""
        return self._answered.is_set()

    async def _read(self) -> Served | Unavailable:
        try:
            group = await self._get(_GROUP)
            served = [dig(one, "version") for one in dig(group, "versions", default=())]
            plurals = {
                version: await self._plurals(version) for version in _STABILITY if version in served
            }
        except Refused as refused:
            reasons = {403: Absence.FORBIDDEN, 401: Absence.FORBIDDEN, 404: Absence.NOT_SERVED}
            reason = reasons.get(refused.answer.status, Absence.TIMED_OUT)
            return Unavailable(reason, refused.answer.message)
        except NoAnswer as error:
            return Unavailable(Absence.TIMED_OUT, str(error))
        return Served(
            mutating_policy=_serving(plurals, paths.MUTATING_POLICIES),
            validating_policy=_serving(plurals, paths.VALIDATING_POLICIES),
        )

    async def _plurals(self, version: str) -> frozenset[str]:
        body = await self._get(f"{_GROUP}/{version}")
        names = (dig(one, "name", default="") for one in dig(body, "resources", default=()))
        return frozenset(names)

    async def _get(self, path: str) -> Mapping[str, Any]:
        answer = await self._connection.request("GET", path)
        if not answer.ok:
            raise Refused(answer)
        body: Mapping[str, Any] = answer.body
        return body


def _serving(plurals: Mapping[str, frozenset[str]], source: Source) -> tuple[str, ...]:
    return tuple(version for version, names in plurals.items() if source.plural in names)
