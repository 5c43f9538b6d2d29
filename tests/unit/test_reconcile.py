"""The story as a whole: what a pass reads, decides, writes and tells, and in which order."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from coder_cva import ports
from coder_cva.apply.engine import LeadershipLostError
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.status import bites
from coder_cva.status.invariants import broken
from coder_cva.values.manifest import Ref, ref_of
from support import builders
from support.managed_coder import resource
from support.story import SOON, Killed, Story, settled

TEAM = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})
CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
THERE = Ref("rbac.authorization.k8s.io/v1", "RoleBinding", "team", "coder-coder")


@pytest.fixture
async def story() -> Story:
    """A Coder that is Ready, with a namespace that consents."""
    it = Story(around=[*Story().around, TEAM])
    it.put(resource())
    await settled(it)
    assert it.status()["conditions"][0]["status"] == "True"
    return it


async def test_admission_is_told_before_anything_acts_by_it() -> None:
    """The first write is a status, the second the parameter, the last one the status of the pass."""
    it = Story()
    it.put(resource())

    await it.look()

    assert it.writes[0] == it.writes[-1] == "status CoderDeployment coder/coder"
    assert it.writes[1] == "apply CoderPlacement coder/coder"
    assert it.status()["placement"]["controlPlane"]["mode"] == "Required"
    assert len(it.writes) > 8


async def test_policies_come_before_the_pods_that_they_place() -> None:
    """coderd's Deployment is the last object, and comes a moment after the policies."""
    it = Story()
    it.put(resource())

    first = await it.look()
    it.now += SOON
    await it.look()

    assert first.retry_after is not None
    assert f"apply {CODERD}" in it.writes
    assert it.writes.index(f"apply {CODERD}") > max(
        at for at, one in enumerate(it.writes) if "AdmissionPolicy" in one or "NetworkPolicy" in one
    )


async def test_from_nothing_to_ready_and_then_rest() -> None:
    """Ready when what is seen is as intended; then no write, no dry run, no status, no Event."""
    it = Story()
    it.put(resource())
    await settled(it)
    assert (await it.look()).word == "settled"
    journal, asked, told = list(it.writes), it.dry_runs, list(it.events)

    for _ in range(3):
        outcome = await it.look()
        it.now += timedelta(days=1)

    assert (it.writes, it.dry_runs, it.events) == (journal, asked, told)
    assert outcome.retry_after is None
    assert [(one.type, one.reason) for one in it.events if "Ready" in one.reason] == [
        ("Normal", "Ready")
    ]


async def test_a_new_process_asks_and_does_not_write(story: Story) -> None:
    """A dry run an object, and nothing else."""
    journal = list(story.writes)
    story.restart()

    await story.look()

    assert story.writes == journal
    assert story.dry_runs >= len(story.objects)


async def test_every_status_on_the_way_is_lawful() -> None:
    """From the first to the last, through a rollout that takes its time."""
    it = Story(rolls_out=False)
    it.put(resource())
    for step in range(8):
        it.rolls_out = step > 4
        await it.look()
        assert broken(it.status(), 1) == ()
        it.now += SOON


async def test_what_is_deleted_is_made_again(story: Story) -> None:
    """One write, of that object."""
    del story.objects[CODERD]
    journal = list(story.writes)

    await story.look()

    assert [one for one in story.writes[len(journal) :] if "status" not in one] == [
        f"apply {CODERD}"
    ]


async def test_what_is_no_longer_wanted_goes(story: Story) -> None:
    """A namespace that withdrew its consent keeps nothing of ours."""
    assert THERE in story.objects
    story.around[-1] = builders.namespace("team")

    outcome = await story.look()

    assert THERE not in story.objects
    assert str(THERE) in {str(one.ref) for one in outcome.changes if one.action == "deleted"}


async def test_what_is_watched_in_an_older_version_stays(story: Story) -> None:
    """While an upgrade of the control plane goes on, the plan is of one version and the watch of another."""
    before, journal = dict(story.objects), list(story.writes)
    story.watched_version = "v1beta1"

    for _ in range(3):
        await story.look()

    assert story.objects == before
    assert story.writes == journal


@pytest.mark.parametrize(
    "reason", [Absence.FORBIDDEN, Absence.STALE, Absence.TIMED_OUT, Absence.UNREADABLE]
)
async def test_on_the_ground_of_what_was_not_read_nothing_goes(
    story: Story, reason: Absence
) -> None:
    """Namespaces are unread: nobody's consent is known to be withdrawn, so nothing is swept."""
    before = dict(story.objects)
    story.unavailable = {Need.NAMESPACES: reason}

    await story.look()

    assert story.objects == before
    assert f"unknown ({reason})" in set(story.status()["verdicts"].values())
    assert story.status()["conditions"][0]["reason"] == "ClusterUnreadable"


async def test_while_our_own_watches_are_not_synced_nothing_goes(story: Story) -> None:
    """What is not seen cannot be told from what is not wanted."""
    story.around[-1] = builders.namespace("team")
    story.synced = False

    await story.look()

    assert THERE in story.objects


async def test_while_the_cluster_is_still_read_nothing_is_done() -> None:
    """An early status, a look a second later, no object."""
    it = Story(unavailable={Need.PODS: Absence.NOT_SYNCED})
    it.put(resource())

    outcome = await it.look()

    assert (outcome.word, outcome.retry_after) == ("starting", 1.0)
    assert it.writes == ["status CoderDeployment coder/coder"]


async def test_a_spec_that_is_not_understood_is_told_and_nothing_else(story: Story) -> None:
    """Stalled, with everything of before still in the status, and every object where it was."""
    before, known = dict(story.objects), story.status()
    broken_one = resource()
    broken_one["spec"]["architecture"] = {"tier": "many"}
    story.put({**broken_one, "status": known})

    outcome = await story.look()

    assert outcome.word == "stalled"
    assert story.objects == before
    assert story.status()["verdicts"] == known["verdicts"]
    assert {one["type"]: one["status"] for one in story.status()["conditions"]} == {
        "Ready": "False",
        "Stalled": "True",
        "Conformant": "Unknown",
    }


async def test_another_ones_broken_spec_concerns_nobody_else(story: Story) -> None:
    """It claims nothing, as long as nobody knows what."""
    other = resource()
    other["metadata"]["name"] = "other"
    other["metadata"]["creationTimestamp"] = "2020-01-01T00:00:00Z"
    other["spec"] = {"nonsense": True}
    story.put(other)

    assert (await story.look()).word == "settled"


async def test_beside_the_coderd_of_a_broken_spec_none_is_made(story: Story) -> None:
    """It claims nothing, and its coderd runs all the same: the other one says so and writes nothing."""
    story.bodies[0]["spec"]["architecture"] = {"tier": "many"}
    other = resource()
    other["metadata"]["name"] = "other"
    story.put(other)
    before = dict(story.objects)

    outcome = await story.look(name="other")

    assert outcome.word == "stalled"
    assert story.status("other")["conditions"][0]["reason"] == "ForeignCoderd"
    assert story.objects == before


async def test_a_region_that_is_applied_in_a_namespace_of_an_older_one_changes_nothing(
    story: Story,
) -> None:
    """coderd keeps its rights there; the newcomer is Stalled and says whose the namespace is."""
    region = resource()
    region["metadata"] |= {
        "name": "region",
        "namespace": "team",
        "creationTimestamp": "2026-11-22T08:00:00Z",
    }
    region["spec"]["controlPlane"] = {"management": "None"}
    story.put(region)
    before = dict(story.objects)

    outcome = await story.look("team", "region")
    await story.look()

    assert outcome.word == "stalled"
    assert "CoderDeployment coder/coder too" in story.status("region")["conditions"][0]["message"]
    assert story.objects == before


async def test_when_it_is_gone_only_what_nobody_collects_goes(story: Story) -> None:
    """The policies and what is in other namespaces; the rest has an owner whom Kubernetes knows."""
    story.bodies.clear()

    outcome = await story.look()

    assert outcome.word == "gone"
    left = {ref.kind for ref in story.objects}
    assert left == {"Deployment", "Service", "ServiceAccount", "RoleBinding", "PodDisruptionBudget", "NetworkPolicy"}  # fmt: skip
    assert {ref.namespace for ref in story.objects} == {"coder"}


async def test_while_it_is_going_nothing_is_made(story: Story) -> None:
    """Deleted in the foreground it is still there, and its objects go one by one."""
    del story.objects[CODERD]
    story.bodies[0]["metadata"]["deletionTimestamp"] = "2026-11-23T09:00:00Z"
    journal = list(story.writes)

    assert (await story.look()).word == "gone"
    assert story.writes == journal


async def test_in_a_namespace_that_ends_nothing_is_made(story: Story) -> None:
    """Everything there goes at once, and the API server would refuse what is made."""
    del story.objects[CODERD]
    ending = builders.namespace("coder")
    ending["metadata"]["deletionTimestamp"] = "2026-11-23T09:00:00Z"
    story.around.append(ending)
    journal = list(story.writes)

    assert (await story.look()).word == "gone"
    assert story.writes == journal


async def test_a_sweep_that_failed_is_not_forgotten(story: Story) -> None:
    """The CoderDeployment is gone, and what could not be deleted is tried again."""
    story.bodies.clear()

    async def refuse(ref: Ref, *, uid: str) -> None:
        raise ports.Unreachable(ref, "no answer")

    story.delete = refuse  # type: ignore[method-assign]

    outcome = await story.look()

    assert (outcome.word, outcome.retry_after) == ("failed", ports.Unreachable.retry_after)


async def test_a_refused_object_holds_up_no_other(story: Story) -> None:
    """The others are repaired, the failure is told, and the outcome says when to try it again."""
    service = Ref("v1", "Service", "coder", "coder")
    del story.objects[service], story.objects[CODERD]
    story.refuse[service] = ports.Forbidden(service, "no rights")
    story.now += bites.WATCH

    outcome = await story.look()

    assert CODERD in story.objects
    (refused,) = (one for one in outcome.changes if one.action == "failed")
    assert (refused.ref, refused.retry_after) == (service, ports.Forbidden.retry_after)
    assert outcome.retry_after is None
    assert story.status()["conditions"][0]["reason"] == "Forbidden"


async def test_who_leads_no_longer_stops_in_the_middle(story: Story) -> None:
    """Before the first write after the loss; not even the status is written."""
    del story.objects[CODERD]
    story.leads = False
    journal = list(story.writes)

    with pytest.raises(LeadershipLostError):
        await story.look()

    assert story.writes == journal


async def test_applied_again_it_waits_for_what_goes_with_the_old_one(story: Story) -> None:
    """Another UID: what the garbage collector is after is not written to, then everything is made.

    Only what admission reads is made anew at once: nobody runs on it.
    """
    here = {ref: one for ref, one in story.objects.items() if ref.namespace == "coder"}
    old = {ref: one for ref, one in here.items() if ref.kind != "CoderPlacement"}
    again = resource()
    again["metadata"]["uid"] = "another"
    story.put(again)

    await story.look()

    assert {ref: story.objects[ref] for ref in old} == old
    assert story.status()["conditions"][0]["reason"] == "BeingDeleted"
    for ref in old:
        del story.objects[ref]
    await settled(story)
    owners = {one["metadata"]["labels"].get("cva.coder.com/owner-uid") for one in story.objects.values()}  # fmt: skip
    assert owners == {"another", None}
    assert story.status()["conditions"][0]["status"] == "True"


async def test_killed_at_any_write_the_next_process_ends_at_the_same() -> None:
    """Whatever was the last write of the first process, the objects and the status are the same in the end."""
    whole = Story(around=[*Story().around, TEAM])
    whole.put(resource())
    await settled(whole)

    for writes in range(len(whole.writes)):
        it = Story(around=[*Story().around, TEAM], writes_left=writes)
        it.put(resource())
        with pytest.raises(Killed):
            await settled(it)
        it.writes_left = 10_000
        it.restart()
        await settled(it)
        assert it.objects == whole.objects, f"killed before write {writes}"
        assert undated(it.status()) == undated(whole.status())


def undated(status: dict[str, Any]) -> dict[str, Any]:
    """A status without the times, which do differ."""
    made = deepcopy(status)
    for one in made["conditions"]:
        del one["lastTransitionTime"]
    return made


async def test_two_that_claim_the_same_namespace_do_not_take_turns(story: Story) -> None:
    """The younger one stands by for as long as the older is there: no object is written for it."""
    younger = resource()
    younger["metadata"] |= {"name": "younger", "creationTimestamp": "2026-11-22T08:00:00Z"}
    story.put(younger)

    outcome = await story.look(name="younger")
    await story.look()

    assert outcome.word == "stalled"
    names = {ref_of(one).name for one in story.objects.values() if one["kind"] == "Deployment"}
    assert names == {"coder"}
    assert story.status()["conditions"][0]["status"] == "True"
