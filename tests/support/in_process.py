"""The operator's passes in the test's own process, over a real API server; it can be killed at every write."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.kube.connection import Connection
from coder_cva.kube.gather import Gatherer
from coder_cva.kube.teller import Teller
from coder_cva.kube.writer import Writer
from coder_cva.reconcile import Shell, reconcile
from coder_cva.snapshot.observations import Observations
from coder_cva.snapshot.parse import PROJECTIONS
from support.installation import NAMESPACE
from support.story import Killed
from support.watched import QUICK

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from coder_cva import ports
    from coder_cva.api.v1alpha1.resource import CoderDeployment
    from coder_cva.snapshot.model import ClusterSnapshot, Served
    from coder_cva.values.manifest import Manifest, Ref
    from harness.provider import Provider

LAG = 0.04
"""Seconds that a watch is given to see what was written."""
QUIET = 2
"""Passes in a row without a write after which nothing more is to come."""


@dataclass
class Ports:
    """All four ports of the story; it dies instead of making the write after the last that it may."""

    writer: Writer
    teller: Teller
    gatherer: Gatherer
    served: Served | None = None
    left: int | None = None
    writes: list[str] = field(default_factory=list)

    async def deployments(self) -> tuple[Mapping[str, Any], ...]:
        return await self.gatherer.deployments()

    async def snapshot(self, secrets: frozenset[tuple[str, str]]) -> ClusterSnapshot:
        seen = await self.gatherer.snapshot(secrets)
        return seen if self.served is None else replace(seen, served=self.served)

    async def observations(self, _deployment: CoderDeployment) -> Observations:
        return Observations()

    async def live(self, ref: Ref) -> Mapping[str, Any] | None:
        return await self.writer.live(ref)

    def owned(self) -> tuple[Mapping[str, Any], ...] | None:
        return self.writer.owned()

    async def apply(
        self, manifest: Manifest, *, force: bool = False, dry_run: bool = False
    ) -> Mapping[str, Any]:
        if not dry_run:
            self._write(f"apply {manifest['kind']} {manifest['metadata']['name']}")
        return await self.writer.apply(manifest, force=force, dry_run=dry_run)

    async def amend(
        self, ref: Ref, metadata: Mapping[str, Any], *, version: str
    ) -> Mapping[str, Any]:
        self._write(f"amend {ref}")
        return await self.writer.amend(ref, metadata, version=version)

    async def delete(self, ref: Ref, *, uid: str) -> None:
        self._write(f"delete {ref}")
        await self.writer.delete(ref, uid=uid)

    async def evict(self, ref: Ref, *, uid: str) -> None:
        self._write(f"evict {ref}")
        await self.writer.evict(ref, uid=uid)

    async def write_status(
        self, ref: Ref, uid: str, status: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        self._write(f"status {ref}")
        return await self.teller.write_status(ref, uid, status)

    async def emit(self, event: ports.Event) -> None:
        """Events are nobody's business here."""

    def _write(self, what: str) -> None:
        if self.left == 0:
            raise Killed
        if self.left is not None:
            self.left -= 1
        self.writes.append(what)


@dataclass
class InProcess:
    """One operator after the other over the same watches. The clock runs five seconds a pass."""

    connection: Connection
    gatherer: Gatherer
    served: Served | None = None
    now: datetime = field(default_factory=lambda: datetime.now(UTC))

    def process(self, writes: int | None = None) -> tuple[Ports, Shell]:
        """A new process, which ends after so many writes."""
        writer = Writer(self.connection, self.gatherer.owned.objects)
        it = Ports(writer, Teller(self.connection), self.gatherer, self.served, writes)
        shell = Shell(
            reader=it,
            observer=it,
            engine=Engine(it, Memory(), lambda: True),
            teller=it,
            clock=lambda: self.now,
            operator_namespace=NAMESPACE,
        )
        return it, shell

    async def rests(self, key: tuple[str, str]) -> None:
        """Passes of one new process until it has nothing left to do."""
        await self._passes(key, *self.process())

    async def dies(self, key: tuple[str, str], writes: int) -> list[str] | None:
        """What a new process wrote until it ended in the middle; None where it had nothing left to do."""
        it, shell = self.process(writes)
        try:
            await self._passes(key, it, shell)
        except Killed:
            await asyncio.sleep(LAG)
            return it.writes
        return None

    async def _passes(self, key: tuple[str, str], it: Ports, shell: Shell) -> None:
        """While a Deployment rolls out something is to come, though nothing may be written."""
        quiet = 0
        while quiet < QUIET:
            before = len(it.writes)
            outcome = await reconcile(key, shell)
            self.now += timedelta(seconds=5)
            await asyncio.sleep(LAG)
            is_idle = len(it.writes) == before and outcome.word != "progressing"
            quiet = quiet + 1 if is_idle else 0


@contextlib.asynccontextmanager
async def in_process(cluster: Provider) -> AsyncIterator[InProcess]:
    """Watches of everything on a cluster on which no other operator runs."""
    async with await Connection.open(str(cluster.kubeconfig)) as connection:
        gatherer = Gatherer(connection, PROJECTIONS, on_change=lambda: None, pace=QUICK)
        async with gatherer.running():
            await gatherer.synced()
            yield InProcess(connection, gatherer)
