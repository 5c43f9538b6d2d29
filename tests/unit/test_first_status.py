"""A first status: told by the leader before the cluster has been read, and never over another one."""

from __future__ import annotations

import pytest

from coder_cva.apply.engine import LeadershipLostError
from coder_cva.reconcile import greet
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.status.invariants import broken
from support.managed_coder import resource
from support.story import Story


async def test_a_first_status_comes_before_the_cluster_has_been_read() -> None:
    """Whoever has none is told what is still missing, once; nothing else is written."""
    it = Story(unavailable={Need.PODS: Absence.NOT_SYNCED, Need.NODES: Absence.NOT_SYNCED})
    it.put(resource())

    for _ in range(3):
        await greet(it.shell)

    assert it.writes == ["status CoderDeployment coder/coder"]
    assert broken(it.status(), 1) == ()
    ready = it.status()["conditions"][0]
    assert (ready["reason"], ready["status"]) == ("Starting", "False")
    assert ready["message"].endswith("still missing: nodes, pods")


async def test_a_first_status_replaces_none() -> None:
    """What was told before a restart stays told; one that is going away is told nothing."""
    story = Story()
    story.put(resource())
    await story.look()
    before, count = story.status(), len(story.writes)
    story.put({**resource(), "metadata": {"name": "going", "namespace": "coder", "deletionTimestamp": "2026-11-23T09:00:00Z"}})  # fmt: skip
    story.unavailable = dict.fromkeys(Need, Absence.NOT_SYNCED)

    await greet(story.shell)

    assert story.status() == before
    assert len(story.writes) == count


async def test_a_first_status_of_a_spec_that_is_not_understood_says_so() -> None:
    """Nothing that is still to be read would change that."""
    it = Story()
    wrong = resource()
    wrong["spec"]["architecture"] = {"tier": "many"}
    it.put(wrong)

    await greet(it.shell)

    assert it.status()["conditions"][0]["reason"] == "InvalidSpec"


async def test_who_does_not_lead_tells_no_first_status() -> None:
    """Two replicas start at once: only one writes."""
    it = Story(leads=False)
    it.put(resource())

    with pytest.raises(LeadershipLostError):
        await greet(it.shell)

    assert it.writes == []
