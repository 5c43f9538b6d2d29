"""A coderd that is no longer managed is let go: what a pass writes, and what is left whenever it is killed."""

from __future__ import annotations

from contextlib import suppress
from copy import deepcopy
from typing import Any

import pytest

from coder_cva.values.manifest import Ref
from support import builders
from support.deployments import adopted
from support.managed_coder import resource
from support.story import Killed, Story, settled

MANAGED_BY = "app.kubernetes.io/managed-by"
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


def undated(status: dict[str, Any]) -> dict[str, Any]:
    """A status without the times, which do differ."""
    made = deepcopy(status)
    for one in made["conditions"]:
        del one["lastTransitionTime"]
    return made


COMPONENTS = ("Deployment", "Service", "ServiceAccount", "RoleBinding")


def of_coderd(story: Story) -> dict[Ref, Any]:
    """What coderd consists of, without what tells whose it is."""
    found = {ref: deepcopy(one) for ref, one in story.objects.items() if ref.kind in COMPONENTS}
    for one in found.values():
        one["metadata"].pop("ownerReferences", None)
        for label in (MANAGED_BY, "app.kubernetes.io/instance"):
            one["metadata"]["labels"].pop(label, None)
    return found


def unmanaged(management: str) -> dict[str, Any]:
    """The same CoderDeployment, managed no longer."""
    made = adopted("coder")
    if management == "None":
        made["spec"]["controlPlane"] = {"management": "None"}
    return made


@pytest.mark.parametrize("management", ["Adopted", "None"])
async def test_managed_no_longer_coderd_is_let_go_and_not_deleted(
    story: Story, management: str
) -> None:
    """Nothing of it goes or changes; it is nobody's, told as that, and never written to again."""
    before = of_coderd(story)
    story.put({**unmanaged(management), "status": story.status()})

    await settled(story)

    assert of_coderd(story) == before
    for ref in before:
        assert "ownerReferences" not in story.objects[ref]["metadata"]
        assert MANAGED_BY not in story.objects[ref]["metadata"]["labels"]
    assert not any(f"delete {ref}" in story.writes for ref in before)
    assert "Released" in {one["reason"] for one in story.status()["withheld"]}
    assert ("Normal", "Released") in {(one.type, one.reason) for one in story.events}
    assert story.status()["conditions"][0]["status"] == "True"
    assert "(Released)" in story.status()["conditions"][0]["message"]
    journal = list(story.writes)
    story.restart()
    await settled(story)
    assert story.writes == journal


async def test_managed_again_coderd_is_taken_back(story: Story) -> None:
    """With its owner and its labels, as it was."""
    before = {ref: deepcopy(one) for ref, one in story.objects.items()}
    for cr in (adopted("coder"), resource()):
        story.put({**cr, "status": story.status()})
        await settled(story)

    assert story.objects == before
    assert story.status()["conditions"][0]["status"] == "True"
    assert "withheld" not in story.status()


async def test_killed_while_it_lets_go_coderd_is_whole_all_the_same(story: Story) -> None:
    """After each single write every part of coderd is there, and the next process ends at the same."""
    start = {ref: deepcopy(one) for ref, one in story.objects.items()}
    known, whole = story.status(), of_coderd(story)
    story.put({**adopted("coder"), "status": known})
    await settled(story)

    for writes in range(12):
        it = Story(around=[*Story().around, TEAM], writes_left=writes)
        it.objects = deepcopy(start)
        it.put({**adopted("coder"), "status": deepcopy(known)})
        with suppress(Killed):
            await settled(it)
        assert of_coderd(it) == whole, f"killed before write {writes}"
        it.writes_left = 10_000
        it.restart()
        await settled(it)
        assert it.objects == story.objects
        assert undated(it.status()) == undated(story.status())


async def test_what_survived_its_resource_is_let_go_by_an_adopted_one(story: Story) -> None:
    """deletionPolicy Orphan, the resource deleted, then applied again as Adopted: coderd stays."""
    for one in of_coderd(story):
        story.objects[one]["metadata"].pop("ownerReferences", None)
        story.objects[one]["metadata"]["labels"]["cva.coder.com/survives"] = "true"
    before = of_coderd(story)
    story.bodies.clear()
    await story.look()
    again = adopted("coder")
    again["metadata"]["uid"] = "another"
    story.put(again)

    await settled(story)

    labels = {"cva.coder.com/survives"}
    for ref, was in before.items():
        assert labels.isdisjoint(story.objects[ref]["metadata"]["labels"])
        del was["metadata"]["labels"]["cva.coder.com/survives"]
    assert of_coderd(story) == before
    assert not any(one.startswith("delete Deployment") for one in story.writes)


async def test_what_a_namespace_takes_back_goes_also_while_the_rest_is_let_go(
    story: Story,
) -> None:
    """Its consent withdrawn, a namespace keeps nothing of ours, not even as nobody's."""
    story.around[-1] = builders.namespace("team")
    story.put({**adopted("coder"), "status": story.status()})

    await settled(story)

    assert THERE not in story.objects
    assert CODERD in story.objects
