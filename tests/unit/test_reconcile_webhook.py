"""The story of a webhook that is tried, reached, lost and reached again, on an API server without policies that change Pods."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from coder_cva import reconcile
from coder_cva.desired import webhook_probe
from coder_cva.rules.model import Report
from coder_cva.snapshot.model import Served
from coder_cva.snapshot.webhook import Webhook
from coder_cva.snapshot.webhook_calls import Reach
from support.managed_coder import resource
from support.story import SOON, Killed, Story

if TYPE_CHECKING:
    from coder_cva.values.manifest import Ref

OLD = Served((), ("v1",))
NEW = Served(("v1",), ("v1",))
TRIED, REACHED = Reach(None), Reach(is_reached=True)
LOST = Reach(is_reached=False, why="context deadline exceeded")


@pytest.fixture(autouse=True)
def _unjudged(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rules write nothing, and cost most of a pass."""
    monkeypatch.setattr(reconcile, "evaluate", lambda _world: Report(()))


@pytest.fixture
def story() -> Story:
    made = Story(served=OLD)
    made.put(resource())
    return made


async def passes(story: Story, reach: Reach, count: int = 3) -> list[str]:
    """What is written while the webhook is reached so; without status writes."""
    known = Webhook(service="coder-cva-webhook", ca_bundle="PEM\n", caller="me", reach=reach)
    story.shell = replace(story.shell, webhook=lambda: known)
    before = len(story.writes)
    for _ in range(count):
        await story.look()
        story.now += SOON
    return [one for one in story.writes[before:] if not one.startswith("status")]


def _refs(story: Story, kind: str) -> list[Ref]:
    return [one for one in story.objects if one.kind == kind]


def for_pods(story: Story) -> bool:
    """Whether Pods depend on the webhook."""
    return bool(_refs(story, "MutatingWebhookConfiguration"))


def tries(story: Story) -> bool:
    """Whether it is tried."""
    found = _refs(story, "ValidatingWebhookConfiguration")
    return any(webhook_probe.is_probe(one) for one in found)


def has_coderd(story: Story) -> bool:
    """Whether coderd is made."""
    return bool(_refs(story, "Deployment"))


def engine(story: Story) -> str:
    """As it is told."""
    word: str = story.status()["placement"]["engine"]
    return word


async def test_first_it_is_tried_then_it_acts_then_coderd_is_made(story: Story) -> None:
    """No Pod meets an entry before the first answer, and coderd's first Pods meet one that acts."""
    await passes(story, TRIED)
    assert (tries(story), for_pods(story), has_coderd(story)) == (True, False, False)
    assert engine(story) == "None"
    await passes(story, REACHED, 1)
    assert (for_pods(story), has_coderd(story)) == (True, False)
    assert engine(story) == "Webhook"
    await passes(story, REACHED)
    assert has_coderd(story)
    assert await passes(story, REACHED) == [], "a quiet cluster sees no writes"


async def test_behind_a_wall_coderd_is_made_and_no_entry_ever_is(story: Story) -> None:
    """Also where no word ever comes: a minute, and coderd is made."""
    await passes(story, TRIED)
    written = await passes(story, LOST)
    assert has_coderd(story)
    assert not [one for one in written if "MutatingWebhook" in one]
    assert engine(story) == "None"
    other = Story(served=OLD)
    other.put(resource())
    await passes(other, TRIED, 15)
    assert has_coderd(other)
    assert not for_pods(other)


async def test_lost_and_reached_again_it_goes_and_comes_and_each_is_told_once(story: Story) -> None:
    """The entry that tries stays all the time."""
    await passes(story, TRIED)
    await passes(story, REACHED)
    for reach, acts, reason in (
        (LOST, False, "WebhookNotReached"),
        (REACHED, True, "WebhookReached"),
    ):
        story.events.clear()
        written = await passes(story, reach)
        assert len([one for one in written if "WebhookConfiguration" in one]) == 1, written
        assert for_pods(story) is acts
        assert tries(story)
        assert [one.reason for one in story.events] == [reason]
        assert await passes(story, reach) == []


@pytest.mark.parametrize("known", [REACHED, LOST], ids=["reached", "lost"])
async def test_a_restart_of_the_operator_changes_and_tells_nothing(
    story: Story, known: Reach
) -> None:
    """A new process knows nothing for a moment."""
    await passes(story, TRIED)
    await passes(story, REACHED)
    await passes(story, known)
    status = story.status()
    story.events.clear()
    story.restart()
    assert await passes(story, TRIED) == []
    assert story.status()["placement"]["workspaces"] == status["placement"]["workspaces"]
    assert engine(story) == status["placement"]["engine"]
    assert await passes(story, known) == []
    assert story.events == []
    assert story.status() == status


async def test_a_cluster_upgrade_while_it_is_lost_or_tried_ends_with_policies_alone(
    story: Story,
) -> None:
    """From whatever was known of the webhook, which nothing is asked of any more."""
    for reach in (REACHED, LOST, TRIED):
        story.served = OLD
        await passes(story, REACHED)
        assert for_pods(story)
        await passes(story, reach)
        story.served = NEW
        await passes(story, reach)
        assert (for_pods(story), tries(story)) == (False, False)
        assert engine(story) == "MutatingAdmissionPolicy"
        assert _refs(story, "MutatingAdmissionPolicyBinding")


@pytest.mark.parametrize(("first", "then"), [(REACHED, LOST), (LOST, REACHED)])
async def test_killed_at_any_write_of_a_change_it_ends_the_same(first: Reach, then: Reach) -> None:
    """And never does a status say that it acts where nothing does, or the other way, once a pass has ended."""
    ends = []
    for writes in (0, 1, 2, 3, 4):
        story = Story(served=OLD)
        story.put(resource())
        await passes(story, TRIED)
        await passes(story, first, 5)
        story.writes_left = writes
        try:
            await passes(story, then)
        except Killed:
            story.writes_left = 10_000
            story.restart()
            await passes(story, TRIED)
            await passes(story, then)
        ends.append((for_pods(story), tries(story), has_coderd(story), engine(story)))
    assert set(ends) == {(then is REACHED, True, True, "Webhook" if then is REACHED else "None")}


async def test_suspended_nothing_of_it_is_left(story: Story) -> None:
    """Nor is anything tried."""
    await passes(story, TRIED)
    await passes(story, REACHED)
    body = resource()
    body["spec"]["suspend"] = True
    story.put({**body, "status": story.status()})
    await passes(story, REACHED)
    assert (for_pods(story), tries(story)) == (False, False)
