"""The engine writes what differs, once, and only what is ours."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from coder_cva import ports
from coder_cva.apply.engine import Engine, LeadershipLostError
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action
from coder_cva.values.manifest import ref_of
from support.fake_api import FakeApi

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def deployment(replicas: int = 3, uid: str = "uid-1", owner: str = "coder") -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "coder",
            "namespace": "coder",
            "labels": {
                "app.kubernetes.io/managed-by": "coder-cva-operator",
                "cva.coder.com/owner-uid": uid,
            },
            "annotations": {"cva.coder.com/deployment": f"coder/{owner}"},
        },
        "spec": {"replicas": replicas},
    }


@pytest.fixture
def api() -> FakeApi:
    return FakeApi()


@pytest.fixture
def engine(api: FakeApi) -> Engine:
    return Engine(api, Memory(), may_write=lambda: True)


async def test_creates_what_is_absent_then_rests(api: FakeApi, engine: Engine) -> None:
    """A second pass over an unchanged object costs neither a write nor a dry run."""
    wanted = deployment()

    first = await engine.apply(wanted, None, NOON)
    second = await engine.apply(wanted, api.objects[ref_of(wanted)], NOON)

    assert (first.action, second.action) == (Action.CREATED, Action.UNCHANGED)
    assert api.writes == ["apply Deployment coder/coder"]
    assert api.dry_runs == 0


async def test_a_new_leader_writes_nothing_where_nothing_differs(api: FakeApi) -> None:
    """Losing the memory costs a dry run an object, and no write."""
    await Engine(api, Memory(), lambda: True).apply(deployment(), None, NOON)

    change = await Engine(api, Memory(), lambda: True).apply(
        deployment(), api.objects[ref_of(deployment())], NOON
    )

    assert change.action is Action.UNCHANGED
    assert len(api.writes) == 1


async def test_repairs_an_edit_and_names_the_editor(api: FakeApi, engine: Engine) -> None:
    """A field of ours that somebody edited is taken back, and the change tells from whom."""
    wanted = deployment()
    await engine.apply(wanted, None, NOON)
    api.edit(ref_of(wanted), ".spec.replicas", 1, "kubectl-edit")

    change = await engine.apply(wanted, api.objects[ref_of(wanted)], NOON)

    assert change.action is Action.CONFIGURED
    assert change.repaired_from == ("kubectl-edit",)
    assert api.objects[ref_of(wanted)]["spec"]["replicas"] == 3


async def test_leaves_a_foreign_field_alone(api: FakeApi, engine: Engine) -> None:
    """A field that we do not render stays, and is no reason to write."""
    wanted = deployment()
    await engine.apply(wanted, None, NOON)
    api.edit(ref_of(wanted), ".spec.paused", True, "somebody")

    change = await engine.apply(wanted, api.objects[ref_of(wanted)], NOON)

    assert change.action is Action.UNCHANGED
    assert api.objects[ref_of(wanted)]["spec"]["paused"] is True


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"app.kubernetes.io/managed-by": "Helm"},
        {"app.kubernetes.io/managed-by": "Helm", "cva.coder.com/owner-uid": "uid-1"},
        {"cva.coder.com/owner-uid": "another"},
        {
            "app.kubernetes.io/managed-by": "coder-cva-operator",
            "cva.coder.com/owner-uid": "another",
        },
    ],
    ids=["nobody's", "Helm's", "Helm's now", "another's, unmarked", "another CoderDeployment's"],
)
async def test_never_writes_to_somebody_elses_object(
    api: FakeApi, engine: Engine, labels: dict[str, str]
) -> None:
    """An object of our name that we did not make for this owner is left, and told."""
    theirs = deployment(replicas=1, owner="somebody")
    theirs["metadata"]["labels"] = labels
    api.objects[ref_of(theirs)] = theirs

    change = await engine.apply(deployment(), None, NOON)

    assert change.action is Action.FOREIGN
    assert api.writes == []


@pytest.mark.parametrize(
    "lost",
    [
        ["app.kubernetes.io/managed-by"],
        ["cva.coder.com/owner-uid"],
        ["app.kubernetes.io/managed-by", "cva.coder.com/owner-uid"],
    ],
    ids=["managed-by", "owner-uid", "both"],
)
async def test_labels_that_were_taken_off_come_back(
    api: FakeApi, engine: Engine, lost: list[str]
) -> None:
    """What still names our owner, in a label or as its controller, is ours and is marked again."""
    wanted = deployment()
    wanted["metadata"]["ownerReferences"] = [
        {"kind": "CoderDeployment", "uid": "uid-1", "controller": True}
    ]
    await engine.apply(wanted, None, NOON)
    for label in lost:
        api.strip(ref_of(wanted), label)

    # The watch selects by one of these labels, so it may show nothing any more.
    change = await engine.apply(wanted, None, NOON)

    assert change.action is Action.CONFIGURED
    assert api.objects[ref_of(wanted)]["metadata"]["labels"] == wanted["metadata"]["labels"]


async def test_what_has_our_controller_is_ours_whatever_its_labels_say(
    api: FakeApi, engine: Engine
) -> None:
    """It goes with our CoderDeployment; a label that says otherwise is an edit like any other."""
    wanted = deployment()
    owner = {"kind": "CoderDeployment", "uid": "uid-1", "controller": True}
    wanted["metadata"]["ownerReferences"] = [owner]
    await engine.apply(wanted, None, NOON)
    api.objects[ref_of(wanted)]["metadata"]["labels"]["app.kubernetes.io/managed-by"] = "Helm"

    assert (await engine.apply(wanted, None, NOON)).action is Action.CONFIGURED


async def test_a_shared_object_that_lost_the_mark_of_its_manager_is_ours(
    api: FakeApi, engine: Engine
) -> None:
    """A policy that serves everybody names no owner; our own label on it is enough."""
    wanted = deployment()
    marks = {"app.kubernetes.io/managed-by": "coder-cva-operator", "cva.coder.com/shared": "true"}
    wanted["metadata"]["labels"] = marks
    await engine.apply(wanted, None, NOON)
    api.strip(ref_of(wanted), "app.kubernetes.io/managed-by")

    change = await engine.apply(wanted, None, NOON)

    assert change.action is Action.CONFIGURED
    assert api.objects[ref_of(wanted)]["metadata"]["labels"] == marks


@pytest.mark.parametrize("survives", [True, False], ids=["deletionPolicy", "cascade=orphan"])
async def test_takes_up_what_was_left_on_purpose(
    api: FakeApi, engine: Engine, survives: bool
) -> None:
    """A coderd that survived its CoderDeployment belongs to the next one of its name, and to no other."""
    left = deployment(uid="gone")
    if survives:
        left["metadata"]["labels"]["cva.coder.com/survives"] = "true"
    api.objects[ref_of(left)] = left

    other = await engine.apply(deployment(uid="uid-3", owner="other"), None, NOON)
    change = await engine.apply(deployment(uid="uid-2"), None, NOON)

    assert other.action is Action.FOREIGN
    assert change.action is Action.CONFIGURED


@pytest.mark.parametrize("is_marked", [True, False], ids=["as made", "without managed-by"])
async def test_waits_for_what_goes_with_its_earlier_owner(
    api: FakeApi, engine: Engine, is_marked: bool
) -> None:
    """An object that the garbage collector is about to take is no stranger's, and is not written to."""
    going = deployment(uid="gone")
    if not is_marked:
        del going["metadata"]["labels"]["app.kubernetes.io/managed-by"]
    going["metadata"]["ownerReferences"] = [{"kind": "CoderDeployment", "uid": "gone"}]
    api.objects[ref_of(going)] = going

    change = await engine.apply(deployment(uid="uid-2"), None, NOON)

    assert (change.action, change.reason) == (Action.FAILED, "BeingDeleted")
    assert api.writes == []


async def test_a_refusal_is_a_value(api: FakeApi, engine: Engine) -> None:
    """A write that is refused is told with its reason and does not stop the others."""
    wanted = deployment()
    api.refuse[ref_of(wanted)] = ports.Forbidden(ref_of(wanted), "no rights")

    change = await engine.apply(wanted, None, NOON)

    assert (change.action, change.reason) == (Action.FAILED, "Forbidden")


async def test_who_does_not_lead_does_not_write(api: FakeApi) -> None:
    """A frozen leader that wakes up finds itself without the Lease before the write."""
    engine = Engine(api, Memory(), may_write=lambda: False)

    with pytest.raises(LeadershipLostError):
        await engine.apply(deployment(), None, NOON)

    assert api.writes == []


async def test_a_shared_object_of_another_version_is_brought_up_to_date(api: FakeApi) -> None:
    """An update of the operator finds the policies of the one before; they name no CoderDeployment."""
    marks = {"app.kubernetes.io/managed-by": "coder-cva-operator", "cva.coder.com/shared": "true"}
    policy = {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "coder-cva-placement", "labels": marks},
        "spec": {"paramKind": {"kind": "CoderDeployment"}},
    }
    await Engine(api, Memory(), may_write=lambda: True).apply(policy, None, NOON)
    newer = {**policy, "spec": {"paramKind": {"kind": "CoderPlacement"}}}

    change = await Engine(api, Memory(), may_write=lambda: True).apply(newer, None, NOON)

    assert change.action is Action.CONFIGURED
    assert api.objects[ref_of(newer)]["spec"] == newer["spec"]
