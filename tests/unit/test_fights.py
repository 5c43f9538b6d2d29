"""Whoever undoes what the operator writes: it is outlasted with a few writes an hour, and told.

Hours are those of a clock that the tests set; a pass follows every single thing that happens.
"""

from __future__ import annotations

import copy
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva import ports, reconcile
from coder_cva.rules.model import Report
from coder_cva.values.manifest import Ref
from support import builders, safety
from support.managed_coder import resource
from support.story import Story, settled
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Callable

CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
POLICY = Ref("networking.k8s.io/v1", "NetworkPolicy", "coder", "coder-coderd")
SECONDS = 100
HOURS = 2
PER_HOUR = 7
"""At most so many writes to one object in any hour."""


@pytest.fixture
async def story(monkeypatch: pytest.MonkeyPatch) -> Story:
    """A Coder that is Ready and is not judged: it is about writes, over hundreds of passes."""
    monkeypatch.setattr(reconcile, "evaluate", lambda _world: Report(()))
    it = Story()
    it.put(resource())
    await settled(it)
    return it


async def fought(story: Story, meddle: Callable[[Story], None]) -> list[int]:
    """How often one object was written, at most, in each hour while somebody meddles before every pass."""
    counts = []
    for _ in range(HOURS):
        before = len(story.writes)
        for _ in range(3600 // SECONDS):
            meddle(story)
            await story.look()
            story.now += timedelta(seconds=SECONDS)
        counts.append(most(story.writes[before:]))
    return counts


def most(writes: list[str]) -> int:
    """How often the object is written that is written most, without the status."""
    objects = Counter(one.partition(" ")[2] for one in writes if not one.startswith("status"))
    return max(objects.values(), default=0)


def ready(story: Story) -> dict[str, Any]:
    """The condition."""
    found: dict[str, Any] = story.status()["conditions"][0]
    return found


def prunes(ref: Ref) -> Callable[[Story], None]:
    """A GitOps tool that removes what is not in its repository."""

    def meddle(story: Story) -> None:
        story.objects.pop(ref, None)

    return meddle


@pytest.mark.parametrize("ref", [CODERD, POLICY], ids=str)
async def test_who_prunes_is_outlasted(story: Story, ref: Ref) -> None:
    """Made again twice at once, then ever more seldom; the condition says what to do about it."""
    counts = await fought(story, prunes(ref))

    assert all(0 < one <= PER_HOUR for one in counts)
    assert ready(story)["reason"] == "Contested"
    assert str(ref) in ready(story)["message"]
    assert "prunes" in ready(story)["message"]
    assert [one.reason for one in story.events if one.type == "Warning"].count("NotReady") <= 12

    story.now += timedelta(minutes=20)
    await settled(story)
    assert ref in story.objects
    assert ready(story)["status"] == "True"


async def test_a_gitops_tool_that_has_a_policy_of_our_name(story: Story) -> None:
    """Its ingress in ours: taken back twice, then left and told with its name, and an hour later tried again."""
    theirs: list[Any] = [{"from": [{"podSelector": {}}]}]
    counts = await fought(
        story,
        lambda it: it.edit(POLICY, ".spec.ingress", copy.deepcopy(theirs), "argocd-controller"),
    )

    assert all(one <= PER_HOUR for one in counts)
    left = [one for one in story.status()["findings"] if one["rule"] == "FieldLeft"]
    assert [(one["field"], one["resource"]) for one in left] == [(".spec.ingress", str(POLICY))]
    assert "argocd-controller" in left[0]["observed"]


async def test_a_policy_of_our_name_that_is_theirs_is_never_written(story: Story) -> None:
    """Replaced as a whole, without our labels, it is somebody else's: no write at all, and told."""

    def replaces(it: Story) -> None:
        it.objects[POLICY] = {
            "apiVersion": POLICY.api_version,
            "kind": POLICY.kind,
            "metadata": {"name": POLICY.name, "namespace": POLICY.namespace, "uid": "theirs"},
            "spec": {"podSelector": {"matchLabels": {"app": "theirs"}}},
        }
        it.managers.pop(POLICY, None)

    assert await fought(story, replaces) == [0] * HOURS
    assert ready(story)["reason"] == "ForeignObject"


async def test_two_operators_of_different_versions(story: Story) -> None:
    """Each renders the policy differently, under the same name: both become quiet and say so."""
    other = Story(bodies=story.bodies, around=story.around)
    other.objects, other.managers = story.objects, story.managers
    render = other.apply

    async def older(manifest: dict[str, Any], **options: Any) -> Any:
        made = copy.deepcopy(manifest)
        if made["kind"] == "NetworkPolicy":
            made["metadata"]["annotations"]["cva.coder.com/rendered-by"] = "an older version"
        return await render(made, **options)

    other.apply = older  # type: ignore[method-assign]
    other.now = story.now

    for it in (story, other):
        it.writes.clear()
    for _ in range(3600 // SECONDS):
        for it in (story, other):
            await it.look()
            it.now += timedelta(seconds=SECONDS)

    objects = len(story.objects)
    assert 0 < most(story.writes) <= PER_HOUR
    assert 0 < most(other.writes) <= PER_HOUR
    assert len(story.objects) == objects
    heard = [one.message for it in (story, other) for one in it.events if one.type == "Warning"]
    assert any("second operator" in one for one in heard)


async def test_two_that_write_the_same_status(story: Story) -> None:
    """Neither goes on for ever: a few writes an hour, and an Event that says where to look."""

    def overwrites(it: Story) -> None:
        it.bodies[0]["status"] = {**it.status(), "tier": "another opinion"}

    story.writes.clear()
    counts = await fought(story, overwrites)

    told = [one for one in story.writes if one.startswith("status")]
    assert counts == [0] * HOURS
    assert HOURS <= len(told) <= HOURS * PER_HOUR
    warnings = [one for one in story.events if one.reason == "Contested"]
    assert warnings
    assert "coder-cva-operator" in warnings[0].message


async def test_a_status_that_is_nobodys_quarrel_is_written_at_once(story: Story) -> None:
    """However often it changes, as long as nobody else writes it."""
    for number in range(10):
        story.writes.clear()
        story.put({**resource(version=f"2.30.{number + 1}"), "status": story.status()})
        await story.look()
        assert "status CoderDeployment coder/coder" in story.writes


async def test_what_is_made_each_time_it_is_deleted(story: Story) -> None:
    """A copy of ours with our labels, in somebody's repository: deleted rarely, and told."""
    extra = copy.deepcopy(story.objects[POLICY])
    extra["metadata"] |= {"name": "copied", "uid": ""}
    ref = Ref(POLICY.api_version, POLICY.kind, "coder", "copied")
    made = iter(range(1_000_000))

    def copies(it: Story) -> None:
        if ref not in it.objects:
            it.objects[ref] = copy.deepcopy(extra)
            it.objects[ref]["metadata"]["uid"] = f"copy-{next(made)}"

    counts = await fought(story, copies)

    assert all(0 < one <= PER_HOUR for one in counts)
    assert ready(story)["reason"] == "Contested"


async def test_a_switch_may_be_thrown_as_often_as_one_likes(story: Story) -> None:
    """What we undo ourselves is no fight: off and on take effect at once, ten times in a row."""
    for _ in range(10):
        for mode, is_there in (("Off", False), ("Enforce", True)):
            rules = {"enforcement": {"rules": {"CVA-NET-004": mode}}}
            story.put({**resource(rules), "status": story.status()})
            await story.look()
            assert (POLICY in story.objects) is is_there


async def test_an_edit_is_in_force_at_once(story: Story) -> None:
    """Whatever was undone again and again before: whoever edits the resource need not wait."""
    for _ in range(6):
        story.objects.pop(POLICY, None)
        await story.look()
    assert POLICY not in story.objects
    body = story.put({**resource({"waivers": []}), "status": story.status()})
    body["metadata"]["generation"] = 2

    await story.look()

    assert POLICY in story.objects


async def test_a_namesake_that_is_applied_again_is_no_fight(story: Story) -> None:
    """Deleted and applied again and again, a CoderDeployment gets its objects at once each time."""
    for number in range(6):
        again = resource()
        again["metadata"]["uid"] = f"uid-{number}"
        story.objects.clear()
        story.bodies.clear()
        story.put(again)
        await settled(story)
        assert CODERD in story.objects


async def test_an_account_that_waits_holds_up_the_coderd_that_needs_it(story: Story) -> None:
    """Pruned together, no coderd is made that would run without its account."""
    account = Ref("v1", "ServiceAccount", "coder", "coder")
    for _ in range(4):
        story.objects.pop(account, None)
        story.objects.pop(CODERD, None)
        await story.look()
        story.now += timedelta(seconds=SECONDS)

    assert account not in story.objects
    assert CODERD not in story.objects
    assert story.now > builders.NOW


@pytest.mark.parametrize("how", ["pruned", "refused"])
async def test_what_isolates_yields_where_its_exceptions_cannot_be_kept(
    story: Story, how: str
) -> None:
    """A connection in use is worth more than the isolation; when the exception is back, so is that."""
    story.around += builders.flat(
        [builders.all_running(workspace_deployment("alpha", "coder")), safety.in_use("coder")]
    )
    await settled(story)
    (ref, *_) = (one for one in story.objects if one.name.startswith("coder-in-use"))
    keeps = reached(story)
    assert "somebody outside to the workspace in coder on 8888" in keeps

    for _ in range(5):
        story.objects.pop(ref, None)
        if how == "refused":
            story.refuse[ref] = ports.Forbidden(ref, "a webhook of somebody's says no")
        await story.look()
        story.now += timedelta(seconds=SECONDS)

    closing = [one for one in story.objects if one.name.startswith("coder-workspaces")]
    assert closing == []
    assert ready(story)["status"] == "False"
    assert keeps <= reached(story)
    journal = list(story.writes)
    await story.look()
    assert story.writes == journal
    story.refuse.clear()
    story.now += timedelta(minutes=20)
    await settled(story)
    assert ref in story.objects
    assert [one for one in story.objects if one.name.startswith("coder-workspaces")]
    assert ready(story)["status"] == "True"


def reached(story: Story) -> frozenset[str]:
    """The connections that work."""
    return safety.working([*builders.flat(story.around), *story.objects.values()], "coder")
