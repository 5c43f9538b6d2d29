"""From an object that cannot be understood to what becomes of it: only what needs its kind stands still."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from coder_cva.kube.gather import Gatherer
from coder_cva.rules.registry import ALL
from coder_cva.snapshot.model import Absence, Reading, Unavailable
from coder_cva.snapshot.needs import Need
from coder_cva.values.manifest import Ref
from support import builders
from support.api_server import answer, listed, obj, watched
from support.managed_coder import resource
from support.story import Story

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coder_cva.kube.connection import Connection
    from coder_cva.snapshot.model import ClusterSnapshot
    from support.api_server import FakeApi

TEAM = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})
BINDING = Ref("rbac.authorization.k8s.io/v1", "RoleBinding", "team", "coder-coder")
POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "team", "coder-coder-workspaces")


def odd(raw: Mapping[str, Any]) -> Any:
    """A projection that fails on one object of two."""
    if raw["metadata"]["name"] == "odd":
        raise KeyError("spec")
    return raw["metadata"]["name"]


async def unreadable(api: FakeApi, connection: Connection) -> Reading[Any]:
    """What the reflector of Services says when one of two cannot be understood."""
    api.lists = [listed(obj("fine"), obj("odd"))]
    api.watches = [watched(stay=600)]
    api.others = [answer({})]
    gatherer = Gatherer(connection, {Need.SERVICES: odd}, on_change=lambda: None)
    async with gatherer.running():
        await asyncio.wait_for(gatherer.reflectors[Need.SERVICES].answered(), 120)
        reading: Reading[Any] = gatherer.reflectors[Need.SERVICES].reading()
        return reading


@dataclass
class Half(Story):
    """A cluster of which one kind is read as it was by the reflector."""

    services: Reading[Any] | None = None

    async def snapshot(self, secrets: frozenset[tuple[str, str]]) -> ClusterSnapshot:
        """What is around, but for Services."""
        whole = await super().snapshot(secrets)
        return whole if self.services is None else replace(whole, services=self.services)


async def test_one_object_that_is_not_understood_stops_only_what_needs_its_kind(
    api: FakeApi, connection: Connection
) -> None:
    """Its rules are Unknown with the object's name, all others are judged, and nothing of its builders is swept."""
    story = Half(around=[*Story().around, TEAM])
    story.put(resource())
    for _ in range(6):
        await story.look()
    before = story.status()["verdicts"]
    assert {BINDING, POLICY} <= story.objects.keys()

    story.services = await unreadable(api, connection)
    story.around[-1] = builders.namespace("team")
    outcome = await story.look()

    assert isinstance(story.services, Unavailable)
    assert story.services.reason is Absence.UNREADABLE
    assert outcome.word != "starting"
    after = story.status()["verdicts"]
    asking = {rule.id for rule in ALL if Need.SERVICES in rule.needs}
    assert {after[one] for one in asking} == {"unknown (NotUnderstood)"}
    judged = before.keys() - asking - {"CVA-WS-001"}
    assert {one: after[one] for one in judged} == {one: before[one] for one in judged}
    # The consent of the namespace was withdrawn: what needs no Services is swept, the policies are not.
    assert BINDING not in story.objects
    assert POLICY in story.objects
    (held,) = [one for one in story.status()["withheld"] if one["reason"] == "ClusterUnreadable"]
    assert "services: NotUnderstood, 1 could not be understood, first ns/odd: KeyError" in held["message"]  # fmt: skip
