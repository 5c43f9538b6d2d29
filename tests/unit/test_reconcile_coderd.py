"""What a pass leaves alone of a coderd: held back, deleted by hand, changed beyond recognition."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import Any

import pytest

from coder_cva.desired import staying
from coder_cva.values.manifest import Ref
from support.deployments import adopted
from support.managed_coder import resource
from support.story import Story, settled

CODERD = Ref("apps/v1", "Deployment", "coder", "coder")


@pytest.fixture
async def story() -> Story:
    """A Coder that is Ready."""
    it = Story()
    it.put(resource())
    await settled(it)
    assert it.status()["conditions"][0]["status"] == "True"
    return it


HELD_BACK: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "Maintenance": ({"maintenance": {"until": "2026-12-01T00:00:00Z"}}, {}),
    "FitsNoNode": ({}, {"resources": {"memory": "900Gi"}}),
    "DowngradeRefused": ({}, {"version": "2.1.0"}),
}


@pytest.mark.parametrize("reason", HELD_BACK)
async def test_held_back_coderd_outlives_its_resource_as_orphan_says(
    story: Story, reason: str
) -> None:
    """Its Deployment is not written but for the owner, which goes with the first pass."""
    spec, plane = HELD_BACK[reason]
    cr = resource({"deletionPolicy": "Orphan", **spec}, **plane)
    before = deepcopy(story.objects[CODERD])
    story.put({**cr, "status": story.status()})
    journal = list(story.writes)

    await story.look()

    assert reason in {one["reason"] for one in story.status()["withheld"]}
    assert f"amend {CODERD}" in story.writes[len(journal) :]
    assert f"apply {CODERD}" not in story.writes[len(journal) :]
    del before["metadata"]["ownerReferences"]
    del before["metadata"]["labels"]["app.kubernetes.io/instance"]
    assert story.objects[CODERD] == before


async def test_suspended_orphan_is_not_in_force_and_everybody_hears_it(story: Story) -> None:
    """In what is held back, in Ready's own sentence, and by an Event; nothing of coderd is written."""
    journal = {ref: one for ref, one in story.objects.items() if ref.kind in staying.KINDS}
    story.put({**resource({"suspend": True, "deletionPolicy": "Orphan"}), "status": story.status()})

    await settled(story)

    assert {ref: one for ref, one in story.objects.items() if ref.kind in staying.KINDS} == journal
    assert [one["reason"] for one in story.status()["withheld"]] == ["StillOwned"]
    assert "Orphan is not in force" in story.status()["conditions"][0]["message"]
    told = [(one.type, one.reason) for one in story.events]
    assert told.count(("Warning", "StillOwned")) == 1


async def test_a_coderd_deleted_in_a_maintenance_stays_away_until_it_ends(story: Story) -> None:
    """Pass after pass, in new processes too; then it is made again."""
    cr = resource({"maintenance": {"until": (story.now + timedelta(hours=1)).isoformat()}})
    story.put({**cr, "status": story.status()})
    await settled(story)
    del story.objects[CODERD]

    for _ in range(3):
        story.restart()
        await story.look()
        assert CODERD not in story.objects
        assert story.status()["conditions"][0]["reason"] == "Maintenance"

    story.now += timedelta(hours=2)
    await settled(story)
    assert CODERD in story.objects


async def test_a_coderd_that_cannot_be_told_is_not_swept(story: Story) -> None:
    """Another image and command by hand, and the database's Secret gone: it is still coderd, and repaired."""
    container = story.objects[CODERD]["spec"]["template"]["spec"]["containers"][0]
    container |= {"image": "example.com/debug:1", "command": ["sleep"], "args": ["3600"]}
    story.secrets = dict.fromkeys(story.secrets)

    await story.look()

    assert story.objects[CODERD]["spec"]["template"]["spec"]["containers"][0]["args"] == ["server"]
    assert not any(one.startswith("delete") for one in story.writes)


async def test_under_somebody_elses_account_nothing_is_made() -> None:
    """The condition names both remedies; when the account is gone, coderd comes."""
    it = Story()
    account = Ref("v1", "ServiceAccount", "coder", "coder")
    it.objects[account] = {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": {"name": "coder", "namespace": "coder", "uid": "theirs"},
    }
    it.put(resource())

    await settled(it)

    assert not {"Deployment", "RoleBinding"} & {ref.kind for ref in it.objects}
    ready = it.status()["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("False", "ForeignIdentity")
    assert "under another name" in ready["message"]
    assert "delete serviceaccount coder" in ready["message"]
    del it.objects[account]
    await settled(it)
    assert it.status()["conditions"][0]["status"] == "True"


async def test_a_template_that_waits_is_rolled_out_by_a_later_maintenance_alone(
    story: Story,
) -> None:
    """A window that is over counts for nothing that comes after it; the next one does."""
    over = (story.now - timedelta(days=1)).isoformat()
    story.put({**resource({"maintenance": {"until": over}}), "status": story.status()})
    await settled(story)
    story.objects[CODERD]["metadata"]["annotations"]["cva.coder.com/template"] = "another"
    journal = list(story.writes)

    await settled(story)
    assert f"apply {CODERD}" not in story.writes[len(journal) :]
    waits = story.status()["pendingTemplate"]
    window = (story.now + timedelta(hours=1)).isoformat()
    story.put({**resource({"maintenance": {"until": window}}), "status": story.status()})
    await settled(story)
    assert story.status()["pendingTemplate"] == waits
    assert f"apply {CODERD}" not in story.writes[len(journal) :]

    story.now += timedelta(hours=2)
    await settled(story)
    assert f"apply {CODERD}" in story.writes[len(journal) :]
    assert "pendingTemplate" not in story.status()


async def test_two_who_disagree_about_its_management_cost_a_few_writes_an_hour(
    story: Story,
) -> None:
    """Each minute another spec: coderd comes to rest as nobody's, and Ready says that somebody fights."""
    story.writes.clear()
    for minute in range(60):
        cr = resource() if minute % 2 else adopted("coder")
        cr["metadata"]["generation"] = 10 + minute
        story.put({**cr, "status": story.status()})
        await story.look()
        if minute == 59:
            (ready,) = (one for one in story.status()["conditions"] if one["type"] == "Ready")
        story.now += timedelta(minutes=1)

    of_coderd = [one for one in story.writes if one.endswith(str(CODERD))]
    assert of_coderd.count(f"amend {CODERD}") <= 7  # it was taken up before, too
    assert of_coderd.count(f"apply {CODERD}") <= 6
    assert f"delete {CODERD}" not in of_coderd
    assert ready["reason"] == "Contested"
    assert "is taken up at" in ready["message"]
