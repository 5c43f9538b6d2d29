"""Suspended: what restricts goes at once, whatever else is wrong; the rest is left as it is."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from coder_cva import ports
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.values.manifest import Ref
from support import builders
from support.coder_manifests import chart_coderd
from support.managed_coder import resource
from support.story import Story, settled

TEAM = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})
CODERD = Ref("apps/v1", "Deployment", "coder", "coder")


@pytest.fixture
async def story() -> Story:
    """A Coder that is Ready, with a namespace that consents."""
    it = Story(around=[*Story().around, TEAM])
    it.put(resource())
    await settled(it)
    return it


async def test_suspended_nothing_restricts_and_nothing_is_brought_back(story: Story) -> None:
    """Admission is disarmed first, then what acts there goes, then what isolates; coderd is not looked after."""
    before = dict(story.objects)
    del story.objects[CODERD]
    story.around[-1] = builders.namespace("team")
    journal = len(story.writes)
    story.put({**resource({"suspend": True}), "status": story.status()})

    await story.look()

    kinds = ("NetworkPolicy", "CoderPlacement")
    going = {ref for ref in before if ref.kind in kinds or ref.kind.endswith("Binding")}
    going -= {ref for ref in going if ref.kind == "RoleBinding"}
    assert story.objects.keys() == before.keys() - going - {CODERD}
    assert {one.kind for one in going} == {
        "CoderPlacement",
        "MutatingAdmissionPolicyBinding",
        "NetworkPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    *deleted, last = (one.partition(" ")[0] for one in story.writes[journal:])
    assert (set(deleted), last) == ({"delete"}, "status")
    assert story.writes[journal] == "delete CoderPlacement coder/coder"
    assert "Binding" in story.writes[journal + 1]
    assert story.status()["placement"]["workspaces"] == {"mode": "Off"}
    assert story.status()["conditions"][0]["reason"] == "Suspended"


async def test_suspended_what_cannot_be_read_keeps_no_restriction(story: Story) -> None:
    """It is the way out: no list that is missing keeps a policy in force."""
    story.unavailable = dict.fromkeys(
        (Need.NAMESPACES, Need.PODS, Need.SERVICES), Absence.FORBIDDEN
    )
    story.put({**resource({"suspend": True}), "status": story.status()})

    await story.look()

    assert not [ref for ref in story.objects if ref.kind == "NetworkPolicy"]


async def test_suspended_with_its_rule_off_the_budget_goes_too(story: Story) -> None:
    """Each enforcement can be turned off, also while it is suspended."""
    off = {"suspend": True, "enforcement": {"rules": {"CVA-NODE-002": "Off"}}}
    story.put({**resource(off), "status": story.status()})

    await story.look()

    assert not [ref for ref in story.objects if ref.kind == "PodDisruptionBudget"]


async def test_resumed_everything_is_as_before(story: Story) -> None:
    """Objects and status, without a rollout."""
    before, told = dict(story.objects), undated(story.status())
    story.put({**resource({"suspend": True}), "status": story.status()})
    await settled(story)
    story.put({**resource(), "status": story.status()})

    await settled(story)

    assert story.objects == before
    assert undated(story.status()) == told


async def test_suspended_what_cannot_be_taken_away_is_said(story: Story) -> None:
    """With the object and the error, until it is gone."""

    async def refuse(ref: Ref, *, uid: str) -> None:
        raise ports.Forbidden(ref, "no right to delete")

    story.delete = refuse  # type: ignore[method-assign]
    story.put({**resource({"suspend": True}), "status": story.status()})

    outcome = await story.look()

    ready = story.status()["conditions"][0]
    assert ready["reason"] == "Suspended"
    assert "no right to delete" in ready["message"]
    assert outcome.word == "progressing"


def undated(status: dict[str, Any]) -> dict[str, Any]:
    """A status without the times, which do differ."""
    made = deepcopy(status)
    for one in made["conditions"]:
        del one["lastTransitionTime"]
    for one in made.get("restrictions", ()):
        del one["since"]
    return made


async def test_who_has_to_stand_back_acts_at_admission_no_longer(story: Story) -> None:
    """Somebody else's coderd is there instead: what admission reads goes, everything else is left as it is."""
    del story.objects[CODERD]
    here = {ref for ref in story.objects if ref.kind != "CoderPlacement"}
    story.around += builders.all_running(chart_coderd())
    journal = len(story.writes)

    outcome = await story.look()

    assert outcome.word == "stalled"
    assert story.objects.keys() == here
    told = [one for one in story.writes[journal:] if not one.startswith("status")]
    assert told == ["delete CoderPlacement coder/coder"]
