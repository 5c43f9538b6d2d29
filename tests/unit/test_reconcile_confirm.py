"""A confirmation over whole passes: what is written in which order, and what a death in between leaves."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from coder_cva.snapshot.coder_seen import CoderSeen
from coder_cva.snapshot.observations import Observations
from support import builders
from support.deployments import adopted
from support.policies import service
from support.story import Killed, Story, settled
from support.workspace_manifests import workspace_deployment, workspace_id

DATABASE = service("db", {"com.coder.resource": "true"}, 5432)
CLOSED = {"coder-workspaces", "coder-workspaces-by-name"}


def around() -> list[Any]:
    """Two workspaces that run, each with a Service of its template."""
    return [
        *Story().around,
        *builders.all_running([workspace_deployment(one) for one in ("one", "two")]),
        *(
            service(f"app-{one}", {"com.coder.workspace.id": workspace_id(one)}, 3000)
            for one in ("one", "two")
        ),
    ]


def says(story: Story, confirm: str | None) -> None:
    """Somebody edits the spec; the status stays."""
    before = story.bodies[0].get("status") if story.bodies else None
    cr = adopted("coder")
    if confirm is not None:
        cr["spec"]["network"] = {"confirm": confirm}
    body = story.put(cr)
    if before is not None:
        body["status"] = before


def policies(story: Story) -> set[str]:
    """The NetworkPolicies of workspaces that are there."""
    return {
        ref.name
        for ref in story.objects
        if ref.kind == "NetworkPolicy" and "coderd" not in ref.name
    }


@pytest.fixture
async def story() -> Story:
    """An adopted Coder whose preview is there to be read."""
    it = Story(around=around())
    says(it, None)
    await settled(it)
    assert policies(it) == set()
    return it


async def test_what_was_meant_is_written_before_anything_is_closed(story: Story) -> None:
    """Then the policies, then the status of the pass; a quiet cluster sees no write afterwards."""
    says(story, story.status()["confirm"]["hash"])
    story.writes.clear()

    outcome = await story.look()

    assert story.writes[0] == story.writes[-1] == "status CoderDeployment coder/coder"
    assert policies(story) == CLOSED
    assert [one.reason for one in story.events][-1:] == ["Confirmed"]
    assert outcome.retry_after == 600
    await settled(story)  # the verdicts on what was written
    story.writes.clear()
    await settled(story)
    assert story.writes == []


async def test_one_edit_takes_all_of_it_back(story: Story) -> None:
    """In one pass; an Event says so."""
    says(story, story.status()["confirm"]["hash"])
    await settled(story)

    says(story, None)
    await story.look()

    assert policies(story) == set()
    assert "restrictions" not in story.status()
    assert [one.reason for one in story.events][-1:] == ["TakenBack"]


async def test_agents_that_coder_misses_afterwards_are_told_with_the_edit(story: Story) -> None:
    """No Pod shows it. A new leader compares with the number that the status has."""
    story.observed = Observations(coder=CoderSeen(lost_agents=1, running_workspaces=2))
    says(story, story.status()["confirm"]["hash"])
    await settled(story)
    story.restart()
    story.now += timedelta(minutes=4)
    story.observed = Observations(coder=CoderSeen(lost_agents=2, running_workspaces=2))

    await story.look()

    told = story.events[-1]
    assert told.reason == "RestrictionHarms"
    assert "Coder misses the agents of 2 running workspaces" in told.message
    assert told.message.endswith("""-p '{"spec":{"network":{"confirm":null}}}'""")
    assert story.status()["restrictions"][0]["agentsMissedBefore"] == 1
    story.observed = Observations(coder=CoderSeen(lost_agents=1, running_workspaces=2))
    story.now += timedelta(minutes=8)
    await story.look()
    assert "agentsMissedBefore" not in story.status()["restrictions"][0]
    assert "RestrictionHarms" not in [one["kind"] for one in story.status().get("notices", ())]


@pytest.mark.parametrize("writes", range(6))
async def test_a_death_at_any_write_closes_nothing_that_was_not_confirmed(
    story: Story, writes: int
) -> None:
    """A new class comes while the operator is dead: its port stays open, and what was meant is not forgotten."""
    says(story, story.status()["confirm"]["hash"])
    story.writes_left = writes
    try:
        await story.look()
    except Killed:
        assert writes < 5
    told = story.status()["confirm"].get("accepted")
    assert bool(told) == (writes > 0)
    assert told or policies(story) == set()

    story.writes_left = 10_000
    story.restart()
    story.around.append(DATABASE)
    await settled(story)

    if writes == 0:
        # It had not been understood yet, and is the hash of something else now.
        assert policies(story) == set()
        assert [one["kind"] for one in story.status()["notices"]] == ["ConfirmUnknown"]
        return
    opened = policies(story) - CLOSED
    assert policies(story) >= CLOSED
    assert len(opened) == 1
    assert opened.pop().startswith("coder-in-use-5432")
    assert [one["kind"] for one in story.status()["notices"]] == ["ConfirmAgain"]
