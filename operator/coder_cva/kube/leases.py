"""One of several processes acts: a coordination.k8s.io Lease, renewed, watched and released."""

import asyncio
import contextlib
import logging
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from coder_cva.kube import paths
from coder_cva.kube.backoff import CHANCE
from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.values.manifest import Ref, dig

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Terms:
    """The times of a Lease in seconds, as Kubernetes' own controllers have them."""

    duration: float = 15.0
    """Others take over when they have seen no renewal for so long."""
    deadline: float = 10.0
    """The holder stops acting when its own last renewal is older."""
    retry: float = 2.0


DEFAULT_TERMS: Final = Terms()


def awake() -> float:
    """Seconds that also pass while the machine sleeps, where the system has such a clock."""
    return time.clock_gettime(getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC))


def identity() -> str:
    """A holder's name that no other process has, also not the next one in the same Pod."""
    return f"{socket.gethostname()}_{uuid.uuid4()}"


class Elector:
    """A candidate for a Lease. Ask ``holds`` before each write."""

    def __init__(
        self,
        connection: Connection,
        namespace: str,
        name: str = "coder-cva-operator",
        *,
        holder: str = "",
        terms: Terms = DEFAULT_TERMS,
        clock: Callable[[], float] = awake,
        chance: Callable[[], float] = CHANCE,
    ) -> None:
        self._connection = connection
        self._ref = Ref(paths.LEASES.api_version, paths.LEASES.kind, namespace, name)
        self.holder = holder or identity()
        self._terms = terms
        self._clock = clock
        self._chance = chance
        self._renewed: float | None = None
        self._seen: tuple[str, float] = ("", clock())
        self._told = False

    def holds(self) -> bool:
        """Whether this process may act: its own renewal is younger than the deadline.

        The age is looked at when asked. A process that was frozen and wakes up in the middle of
        a function therefore gets No, before any of its timers has run.
        """
        return self._renewed is not None and self._clock() - self._renewed < self._terms.deadline

    async def run(self, on_change: Callable[[bool], None]) -> None:
        """Tries to get the Lease and keeps it, for ever; tells each gain and loss.

        When it is cancelled the Lease is released, so that another may act at once.
        """
        try:
            while True:
                self._tell(on_change)
                await self._try()
                self._tell(on_change)
                await asyncio.sleep(self._terms.retry * (1 + self._chance() / 5))
        finally:
            # Told first: nobody may act any more when the Lease is given away.
            held, self._renewed = self.holds(), None
            self._tell(on_change)
            if held:
                with contextlib.suppress(NoAnswer):
                    await self._release()

    def _tell(self, on_change: Callable[[bool], None]) -> None:
        holds = self.holds()
        if holds != self._told:
            self._told = holds
            logger.info("%s: %s", self._ref, "held" if holds else "not held any more")
            on_change(holds)

    async def _try(self) -> None:
        # The moment before the request counts: the API server may take its time. Half of the
        # deadline leaves room for a second try on another connection.
        began = self._clock()
        try:
            async with asyncio.timeout(self._terms.deadline / 2):
                won = await self._round()
        except (NoAnswer, TimeoutError) as error:
            logger.warning("%s could not be renewed: %s", self._ref, error)
            return
        if won:
            self._renewed = began
        else:
            # Somebody else holds it, or the right was taken away: no more acting, whatever the age.
            self._renewed = None

    async def _round(self) -> bool:
        answer = await self._connection.request("GET", paths.item(self._ref))
        if answer.status == 404:
            return self._won(await self._create())
        if not answer.ok:
            return self._refused(answer)
        lease: Mapping[str, Any] = answer.body
        if not self._free(lease):
            return False
        return self._won(await self._put(lease, self._spec(lease)))

    def _free(self, lease: Mapping[str, Any]) -> bool:
        """Whether it is ours already, given up, or not renewed for its duration by our own clock."""
        holder = dig(lease, "spec", "holderIdentity", default="")
        version = str(dig(lease, "metadata", "resourceVersion", default=""))
        if version != self._seen[0]:
            # Clocks of other machines are not trusted: what counts is when we saw it change.
            self._seen = (version, self._clock())
        if holder in {"", self.holder}:
            return True
        duration = float(dig(lease, "spec", "leaseDurationSeconds", default=self._terms.duration))
        return self._clock() - self._seen[1] > duration

    def _won(self, answer: Answer) -> bool:
        if answer.ok:
            return True
        # 409: another one was faster.
        return False if answer.status == 409 else self._refused(answer)

    def _refused(self, answer: Answer) -> bool:
        if answer.status in {408, 429} or answer.status >= 500:
            raise NoAnswer(answer.message)
        logger.warning("%s cannot be had: %s", self._ref, answer.message)
        return False

    def _spec(self, lease: Mapping[str, Any]) -> dict[str, Any]:
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        ours = dig(lease, "spec", "holderIdentity") == self.holder
        # Transitions are counted from holder to holder, so the first one makes none.
        changes = int(dig(lease, "spec", "leaseTransitions", default=0 if lease else -1))
        return {
            "holderIdentity": self.holder,
            "leaseDurationSeconds": max(1, round(self._terms.duration)),
            "acquireTime": dig(lease, "spec", "acquireTime", default=now) if ours else now,
            "renewTime": now,
            "leaseTransitions": changes if ours else changes + 1,
        }

    async def _create(self) -> Answer:
        metadata = {"name": self._ref.name, "namespace": self._ref.namespace}
        body = {
            "apiVersion": self._ref.api_version,
            "kind": self._ref.kind,
            "metadata": metadata,
            "spec": self._spec({}),
        }
        path = paths.collection(paths.LEASES, self._ref.namespace)
        return await self._connection.request("POST", path, body=body)

    async def _put(self, lease: Mapping[str, Any], spec: Mapping[str, Any]) -> Answer:
        """Replaces the Lease; its resourceVersion makes sure that nobody did so in between."""
        body = {**lease, "spec": spec}
        return await self._connection.request("PUT", paths.item(self._ref), body=body)

    async def _release(self) -> None:
        answer = await self._connection.request("GET", paths.item(self._ref), timeout=2.0)
        if answer.ok and dig(answer.body, "spec", "holderIdentity") == self.holder:
            spec = {**answer.body["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
            await self._put(answer.body, spec)
