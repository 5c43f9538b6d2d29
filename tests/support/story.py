"""A cluster in memory for the whole story: reads what was written, notes everything in order."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from coder_cva import ports
from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.reconcile import Outcome, Shell, reconcile
from coder_cva.snapshot.observations import Observations
from coder_cva.values.manifest import ref_of
from support import builders
from support.fake_api import FakeApi
from support.managed_coder import BIG, CODERD_NODES, SECRET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from coder_cva.api.v1alpha1.resource import CoderDeployment
    from coder_cva.snapshot.model import Absence, ClusterSnapshot, Served
    from coder_cva.snapshot.needs import Need
    from coder_cva.values.manifest import Ref

Manifest = dict[str, Any]
SOON = timedelta(seconds=5)
"""Longer than a new Deployment waits for the policies that place its Pods."""


class Killed(BaseException):
    """The process ends here, without a word: nothing of ours may catch it."""


@dataclass
class Story(FakeApi):
    """Implements all three ports. ``journal`` tells what was written, in order."""

    bodies: list[Manifest] = field(default_factory=list)
    around: list[Any] = field(default_factory=lambda: list(BIG))
    unavailable: dict[Need, Absence] = field(default_factory=dict)
    secrets: Mapping[tuple[str, str], Any] = field(default_factory=lambda: dict(SECRET))
    events: list[ports.Event] = field(default_factory=list)
    now: datetime = builders.NOW
    leads: bool = True
    synced: bool = True
    rolls_out: bool = True
    observed: Observations = field(default_factory=Observations)
    writes_left: int = 10_000
    served: Served | None = None
    watched_version: str = ""
    """In which version the watches of admission policies go on; "" is that of the plan."""

    def __post_init__(self) -> None:
        self.restart()

    def restart(self) -> None:
        """A new process of the operator: it remembers nothing."""
        self.shell = Shell(
            reader=self,
            observer=self,
            engine=Engine(self, Memory(), lambda: self.leads),
            teller=self,
            clock=lambda: self.now,
            operator_namespace="coder-cva-system",
        )

    async def observations(self, deployment: CoderDeployment) -> Observations:
        """What the last looks saw."""
        assert deployment.name
        return self.observed

    def put(self, cr: Manifest) -> Manifest:
        """Somebody applies a CoderDeployment."""
        body = builders.live(cr)
        self.bodies = [one for one in self.bodies if ref_of(one) != ref_of(body)] + [body]
        return body

    async def look(self, namespace: str = "coder", name: str = "coder") -> Outcome:
        """One pass."""
        return await reconcile((namespace, name), self.shell)

    def status(self, name: str = "coder") -> Manifest:
        """The status as it was written last."""
        (found,) = (one for one in self.bodies if one["metadata"]["name"] == name)
        status: Manifest = found.get("status") or {}
        return status

    async def deployments(self) -> tuple[Mapping[str, Any], ...]:
        """All CoderDeployments."""
        return tuple(copy.deepcopy(self.bodies))

    async def snapshot(self, secrets: frozenset[tuple[str, str]]) -> ClusterSnapshot:
        """What is around, and what was written, with what its controllers made of it."""
        written: list[Any] = [
            builders.rolled_out(one, CODERD_NODES)
            if one["kind"] == "Deployment" and self.rolls_out
            else one
            for one in self.objects.values()
        ]
        return builders.snapshot_of(
            self.around,
            written,
            unavailable=self.unavailable,
            secrets={key: self.secrets.get(key) for key in secrets},
            served=self.served,
            namespaces=[one["metadata"]["namespace"] for one in self.bodies],
        )

    async def write_status(
        self, ref: Ref, uid: str, status: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Replaces the status of the CoderDeployment of that UID."""
        self._write(f"status {ref}")
        for body in self.bodies:
            if ref_of(body) == ref and body["metadata"]["uid"] == uid:
                body["status"] = copy.deepcopy(dict(status))
                return status
        raise ports.Stale(ref, "there is none of that UID")

    async def emit(self, event: ports.Event) -> None:
        """Notes an Event."""
        self.events.append(event)

    async def apply(
        self, manifest: Manifest, *, force: bool = False, dry_run: bool = False
    ) -> Mapping[str, Any]:
        """Server-side apply; the process may be killed before it."""
        if not dry_run and self.writes_left <= 0:
            raise Killed
        self.writes_left -= not dry_run
        return await super().apply(manifest, force=force, dry_run=dry_run)

    async def amend(
        self, ref: Ref, metadata: Mapping[str, Any], *, version: str
    ) -> Mapping[str, Any]:
        """Amends; the process may be killed before it."""
        if self.writes_left <= 0:
            raise Killed
        self.writes_left -= 1
        return await super().amend(ref, metadata, version=version)

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Deletes; the process may be killed before it."""
        if self.writes_left <= 0:
            raise Killed
        self.writes_left -= 1
        await super().delete(ref, uid=uid)

    def owned(self) -> tuple[Mapping[str, Any], ...] | None:
        """What was written, as far as the watches have seen it."""
        if not self.synced:
            return None
        return tuple(self._as_watched(one) for one in super().owned() or ())

    def _as_watched(self, body: Mapping[str, Any]) -> Mapping[str, Any]:
        group = ref_of(body).group
        if not self.watched_version or group != "admissionregistration.k8s.io":
            return body
        return {**body, "apiVersion": f"{group}/{self.watched_version}"}

    def _write(self, what: str) -> None:
        if self.writes_left <= 0:
            raise Killed
        self.writes_left -= 1
        self.writes.append(what)


async def settled(story: Story) -> Story:
    """The story once nothing is left to do, a good half minute later."""
    for _ in range(6):
        await story.look()
        story.now += SOON
    return story
