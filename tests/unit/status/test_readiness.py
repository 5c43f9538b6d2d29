"""Ready, Reconciling and Stalled: the first thing that keeps a deployment from being ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import render
from coder_cva.desired.changes import Action, Change
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.status import readiness
from coder_cva.values.manifest import Ref
from support import builders
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.managed_coder import CODERD_NODES, SECRET, after, before, rendered, resource

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
ACCOUNT = Ref("v1", "ServiceAccount", "coder", "coder")
SERVICE = Ref("v1", "Service", "coder", "coder")
UNTIL = (builders.NOW + timedelta(hours=1)).isoformat()


def told(world: World, *changes: Change) -> tuple[str, str, str]:
    """Ready's truth, its reason, and which of Reconciling and Stalled stands beside it."""
    ready, *beside = readiness.conditions(readiness.standing(world, render.plan(world), changes))
    assert ready.type == "Ready"
    assert all((one.status, one.reason) == ("True", ready.reason) for one in beside)
    return ready.status, ready.reason, " ".join(one.type for one in beside)


def message(world: World, *changes: Change) -> str:
    """What Ready says."""
    return readiness.standing(world, render.plan(world), changes).message


def half_way(**status: Any) -> World:
    """A coderd of which some replicas are not there yet."""
    deployment, *rest = builders.rolled_out(rendered(resource()), CODERD_NODES)
    deployment["status"] |= status
    return before(resource(), deployment, rest)


def test_what_is_as_intended_is_ready() -> None:
    """All replicas up to date and available, nothing written, nothing failed."""
    world = after(resource())

    assert told(world, Change(CODERD, Action.UNCHANGED)) == ("True", "AsIntended", "")
    assert "coderd has 3 of 3 replicas ready" in message(world)


@pytest.mark.parametrize(
    "status",
    [
        {"availableReplicas": 2},
        {"updatedReplicas": 1},
        {"replicas": 4},
        {"observedGeneration": 0},
    ],
    ids=[
        "one is not available",
        "the old template still runs",
        "one of the old template is left",
        "not looked at yet",
    ],
)
def test_a_rollout_that_is_not_over_is_under_way(status: dict[str, int]) -> None:
    """Ready only when the Deployment controller has seen the last change and finished it."""
    assert told(half_way(**status)) == ("False", "RollingOut", "Reconciling")


def test_a_rollout_by_hand_in_a_maintenance_is_no_alarm() -> None:
    """Another reason, so that nobody is woken for what somebody wants."""
    deployment, *rest = builders.rolled_out(rendered(resource()), CODERD_NODES)
    deployment["status"]["availableReplicas"] = 1
    world = before(resource({"maintenance": {"until": UNTIL}}), deployment, rest)

    assert told(world) == ("False", "Maintenance", "Reconciling")


def test_a_rollout_that_was_given_up_is_told_with_its_cause() -> None:
    """Kubernetes' own words, and the command that shows more."""
    condition = {
        "type": "Progressing",
        "status": "False",
        "reason": "ProgressDeadlineExceeded",
        "message": "has timed out progressing",
    }
    world = half_way(availableReplicas=0, conditions=[condition])

    assert told(world) == ("False", "RolloutFailed", "Reconciling")
    assert "has timed out progressing. Look: kubectl -n coder describe pods -l" in message(world)


def test_the_scheduler_is_quoted() -> None:
    """A replica that finds no node says why."""
    deployment, replica_set, *pods = builders.rolled_out(rendered(resource()), CODERD_NODES)
    deployment["status"]["availableReplicas"] = 2
    del pods[0]["spec"]["nodeName"]
    pods[0] = builders.pending(pods[0], "0/6 nodes are available: 6 Insufficient cpu.")
    world = before(resource(), deployment, replica_set, pods)

    assert "the scheduler says: 0/6 nodes are available: 6 Insufficient cpu." in message(world)


def test_a_deployment_that_was_just_written_is_not_believed_yet() -> None:
    """What is seen is older than the write."""
    world = after(resource())

    for action in (Action.CREATED, Action.CONFIGURED):
        assert told(world, Change(CODERD, action)) == ("False", "Writing", "Reconciling")
    assert told(world, Change(SERVICE, Action.CONFIGURED))[0] == "True"


def test_a_deployment_that_waits_for_admission_is_under_way() -> None:
    """It is made as soon as the API server places its Pods."""
    waiting = Change(CODERD, Action.WAITING, message="it is made soon")

    assert told(before(resource()), waiting) == ("False", "Writing", "Reconciling")


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (Action.FAILED, ("False", "Forbidden", "Reconciling")),
        (Action.FOREIGN, ("False", "Forbidden", "")),
    ],
)
def test_a_write_that_failed_is_told(action: Action, expected: tuple[str, str, str]) -> None:
    """Time may help a failure; somebody else's object stays where it is."""
    change = Change(SERVICE, action, "Forbidden", "no rights", 60.0)

    assert told(after(resource()), change) == expected
    assert message(after(resource()), change) == "Service coder/coder: no rights"
    assert message(after(resource()), change, change).endswith("(and 1 more)")


@pytest.mark.parametrize(
    ("world", "expected"),
    [
        (after(resource({"suspend": True}), rendered(resource())), ("False", "Suspended", "")),
        (
            before(resource(), secrets=dict.fromkeys(SECRET)),
            ("False", "DatabaseSecretMissing", ""),
        ),
        (after(resource(version="2.1.0"), rendered(resource())), ("False", "DowngradeRefused", "Stalled")),
        (
            before(resource(), builders.all_running(chart_coderd(), CODERD_NODES)),
            ("False", "ForeignCoderd", "Stalled"),
        ),
        (
            after(resource(), unavailable={Need.DEPLOYMENTS: Absence.FORBIDDEN}, plausible=False),
            ("False", "ClusterUnreadable", ""),
        ),
        (
            before(adopted("coder"), unavailable={Need.DEPLOYMENTS: Absence.FORBIDDEN}),
            ("False", "ClusterUnreadable", ""),
        ),
        (before(adopted("coder")), ("False", "CoderdNotFound", "")),
        (
            before(adopted("coder"), builders.all_running(chart_coderd(), CODERD_NODES)),
            ("True", "AsIntended", ""),
        ),
    ],
    ids=[
        "suspended",
        "no Secret",
        "a downgrade",
        "a foreign coderd",
        "managed, unseen",
        "adopted, unseen",
        "adopted, not there",
        "adopted, there",
    ],
)  # fmt: skip
def test_what_comes_first_is_told(world: World, expected: tuple[str, str, str]) -> None:
    """Stalled only where nothing but a change by the user helps."""
    assert told(world) == expected


def test_what_runs_under_no_identity_of_ours_is_told_with_both_remedies() -> None:
    """Before the foreign object itself, whose own sentence does not say what depends on it."""
    foreign = Change(ACCOUNT, Action.FOREIGN, "ForeignObject", "is somebody else's", 60.0)
    waiting = Change(CODERD, Action.WAITING, "ForeignIdentity", "either rename or remove")

    assert told(before(resource()), foreign, waiting) == ("False", "ForeignIdentity", "")
    assert message(before(resource()), foreign, waiting) == "either rename or remove"


def test_what_waits_for_a_failed_write_is_told_by_the_failure() -> None:
    """The cause, and that it is tried again."""
    failed = Change(ACCOUNT, Action.FAILED, "Forbidden", "no rights", 60.0)
    waiting = Change(CODERD, Action.WAITING, message="it waits for the account")

    assert told(before(resource()), failed, waiting) == ("False", "Forbidden", "Reconciling")


def test_a_coderd_that_was_deleted_in_a_maintenance_is_not_there() -> None:
    """Nobody says Ready of what does not exist; when it comes back is told."""
    world = before(resource({"maintenance": {"until": UNTIL}}))
    gone = replace(world, previous={"controlPlane": {"name": "coder"}})

    assert told(gone) == ("False", "Maintenance", "Reconciling")
    assert UNTIL in message(gone)


@pytest.mark.parametrize(
    ("spec", "reason"),
    [({"suspend": True}, "Suspended"), ({}, "ForeignCoderd")],
    ids=["suspended", "nothing can be written"],
)
def test_that_coderd_would_go_with_its_resource_is_in_the_sentence(
    spec: dict[str, Any], reason: str
) -> None:
    """Orphan is not in force: whoever reads Ready reads that too."""
    foreign = builders.all_running(chart_coderd(name="theirs"), CODERD_NODES) if not spec else []
    world = after(resource({**spec, "deletionPolicy": "Orphan"}), rendered(resource()), foreign)

    assert told(world)[1] == reason
    assert "Beware: spec.deletionPolicy: Orphan is not in force yet" in message(world)


def test_what_is_held_back_without_harm_is_a_notice() -> None:
    """Ready stays True and names it."""
    world = after(resource({"maintenance": {"until": UNTIL}}))

    assert told(world)[0] == "True"
    assert "held back: Deployment coder/coder (Maintenance)" in message(world)
