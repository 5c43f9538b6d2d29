"""Nodes that are protected: from the spec to the node and back, whoever goes first."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva import ports
from coder_cva.values.manifest import Ref, ref_of
from support import builders
from support.managed_coder import BIG, resource
from support.story import Story, settled

DISABLED = "cluster-autoscaler.kubernetes.io/scale-down-disabled"
NODES = [one for one in builders.flat(BIG) if one["kind"] == "Node"]
PROTECTED = {f"control-plane-{number}" for number in (1, 2, 3)}


@pytest.fixture
def story() -> Story:
    """A cluster whose nodes can be written, and an operator that may annotate them for this namespace."""
    it = Story(around=[one for one in builders.flat(BIG) if one["kind"] != "Node"])
    it.objects |= {ref_of(one): builders.live(one) for one in NODES}
    permit(it, "coder")
    return it


def permit(story: Story, *namespaces: str) -> None:
    """A new process of the operator, that is told so."""
    story.restart()
    object.__setattr__(story.shell, "may_annotate_nodes", frozenset(namespaces))


def protecting(*, wanted: bool = True) -> dict[str, Any]:
    """A CoderDeployment that asks for it."""
    made = resource()
    made["spec"]["controlPlane"]["nodePool"]["protectNodes"] = wanted
    return made


def protected(story: Story) -> set[str]:
    """The nodes that carry our annotation."""
    nodes = [one for ref, one in story.objects.items() if ref.kind == "Node"]
    return {
        one["metadata"]["name"]
        for one in nodes
        if (one["metadata"].get("annotations") or {}).get(DISABLED) == "true"
    }


def held_back(story: Story) -> dict[str, str]:
    """What is held back, by reason."""
    return {one["reason"]: one["message"] for one in story.status().get("withheld") or ()}


async def test_it_comes_with_the_switch_and_goes_with_it(story: Story) -> None:
    """A settled cluster sees no further write; Ready has nothing to do with it."""
    story.put(protecting())
    await settled(story)
    assert protected(story) == PROTECTED
    assert story.status()["conditions"][0]["status"] == "True"
    story.writes.clear()
    await story.look()
    assert story.writes == []

    story.put(protecting(wanted=False))
    await settled(story)
    assert protected(story) == set()


async def test_it_goes_with_its_coderdeployment(story: Story) -> None:
    """Also where that was deleted while the operator was away: nodes have no owner that takes it along."""
    story.put(protecting())
    await settled(story)
    story.bodies.clear()
    permit(story, "coder")
    await story.look("", "")
    assert protected(story) == set()


async def test_without_the_operators_own_configuration_it_is_a_notice(story: Story) -> None:
    """Nothing is written on a node, the rest is as intended, and what is missing is told."""
    permit(story)
    story.put(protecting())
    await settled(story)
    assert protected(story) == set()
    assert story.status()["conditions"][0]["status"] == "True"
    assert "ALLOW_NODE_ANNOTATIONS=coder" in held_back(story)["NotPermitted"]


async def test_without_the_right_it_is_a_notice_too(story: Story) -> None:
    """One try a pass; the API server's word and the remedy are told."""
    for one in NODES:
        story.refuse_apply[ref_of(one)] = ports.Forbidden(ref_of(one), "nodes is forbidden")
    story.put(protecting())
    await settled(story)
    assert story.status()["conditions"][0]["status"] == "True"
    assert "deploy/optional/protect-nodes.yaml" in held_back(story)["Forbidden"]
    outcome = await story.look()
    assert [one.ref for one in outcome.changes if one.reason == "Forbidden"] == [
        Ref("v1", "Node", "", "control-plane-1")
    ]
    assert outcome.retry_after == 60.0


async def test_a_suspended_deployment_keeps_what_it_has(story: Story) -> None:
    """Nothing is written for it, and nothing is taken from it by others."""
    story.put(protecting())
    await settled(story)
    asleep = protecting()
    asleep["spec"]["suspend"] = True
    story.put(asleep)
    await settled(story)
    await story.look("", "")
    assert protected(story) == PROTECTED
