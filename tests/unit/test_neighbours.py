"""The story with others in it who write to what is ours: autoscalers, people with kubectl, slow ones."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from coder_cva.desired.changes import Action
from coder_cva.values.manifest import Ref
from support import builders
from support.managed_coder import resource
from support.story import Story

CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
SERVICE = Ref("v1", "Service", "coder", "coder")
SCALER = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "theirs", "namespace": "coder"},
    "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "coder"}, "maxReplicas": 9},
}
CONTROLLER = "kube-controller-manager"


@pytest.fixture
async def story() -> Story:
    """A Coder that is Ready."""
    it = Story()
    it.put(resource())
    await looks(it, 6)
    assert it.status()["conditions"][0]["status"] == "True"
    return it


async def looks(story: Story, count: int = 3) -> list[int]:
    """Passes with a little time between them; coderd's replicas after each."""
    found = []
    for _ in range(count):
        await story.look()
        story.now += timedelta(seconds=5)
        found.append(replicas(story) if CODERD in story.objects else 0)
    return found


def replicas(story: Story) -> int:
    """How many replicas coderd is asked to have."""
    count: int = story.objects[CODERD]["spec"]["replicas"]
    return count


def left(story: Story) -> list[dict[str, Any]]:
    """The findings that tell of fields that were left to somebody."""
    return [one for one in story.status().get("findings", []) if one["rule"] == "FieldLeft"]


async def test_who_scales_by_hand_three_times_an_hour_has_the_last_word(story: Story) -> None:
    """Twice it goes back to three, then five stay and are told; at no time are there fewer than three."""
    seen = []
    for _ in range(3):
        story.edit(CODERD, ".spec.replicas", 5, "kubectl")
        seen.append(await looks(story))
        story.now += timedelta(minutes=10)
    journal = list(story.writes)

    assert seen == [[3, 3, 3], [3, 3, 3], [5, 5, 5]]
    assert [(one["field"], one["resource"]) for one in left(story)] == [
        (".spec.replicas", "Deployment coder/coder")
    ]
    assert await looks(story) == [5, 5, 5]
    assert story.writes == journal


async def test_a_type_that_is_set_by_others_never_falls_back(story: Story) -> None:
    """A Service that somebody exposes otherwise is not closed by leaving the field to them."""
    seen = []
    for _ in range(4):
        story.edit(SERVICE, ".spec.type", "NodePort", "argocd-controller")
        await looks(story)
        seen.append(story.objects[SERVICE]["spec"]["type"])
        story.now += timedelta(minutes=10)

    assert seen == ["LoadBalancer", "LoadBalancer", "NodePort", "NodePort"]


async def test_an_autoscaler_that_appears_changes_nothing(story: Story) -> None:
    """Before it scales, while it scales up and down, and when it goes: its number, then the tier's."""
    story.around.append(SCALER)
    before = list(story.writes)
    assert await looks(story) == [3, 3, 3]
    assert [one for one in story.writes[len(before) :] if "status" not in one] == []

    for wanted in (5, 9, 4, 2):
        story.edit(CODERD, ".spec.replicas", wanted, CONTROLLER)
        assert await looks(story) == [wanted] * 3
    assert left(story) == []

    story.around.remove(SCALER)
    assert await looks(story) == [3, 3, 3]
    assert left(story) == []


async def test_a_rollout_under_an_autoscaler_keeps_its_number(story: Story) -> None:
    """A new version is applied with as many replicas as there are, and the next scale is not fought."""
    story.around.append(SCALER)
    story.edit(CODERD, ".spec.replicas", 7, CONTROLLER)
    story.put({**resource(version="2.31.0"), "status": story.status()})

    assert await looks(story) == [7, 7, 7]
    (container,) = story.objects[CODERD]["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(":v2.31.0")
    story.edit(CODERD, ".spec.replicas", 4, CONTROLLER)
    assert await looks(story) == [4, 4, 4]


async def test_a_label_that_is_taken_off_makes_nothing_foreign(story: Story) -> None:
    """Without the label by which it is watched the object is found by name, and marked again, not made anew."""
    before = {ref: dict(one["metadata"]["labels"]) for ref, one in story.objects.items()}
    for ref in before:
        story.strip(ref, "app.kubernetes.io/managed-by")

    outcome = await story.look()

    assert {one.action for one in outcome.changes} == {Action.CONFIGURED}
    assert {ref: one["metadata"]["labels"] for ref, one in story.objects.items()} == before
    assert story.status()["conditions"][0]["reason"] != "ForeignObject"


async def test_an_autoscaler_of_another_deployment_is_no_reason_to_look_away(story: Story) -> None:
    """coderd's replicas are still ours: scaled down by hand they come back."""
    other = {**SCALER, "spec": {"scaleTargetRef": {"kind": "Deployment", "name": "another"}}}
    story.around += [other, builders.deployment("another", "coder")]
    story.edit(CODERD, ".spec.replicas", 1, "kubectl")

    assert await looks(story) == [3, 3, 3]
