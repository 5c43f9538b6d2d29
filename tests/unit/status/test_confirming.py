"""From the preview over the confirmation to the way back, as the status and the Events tell it."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from coder_cva.api.v1alpha1.status import MOST_CLASSES, Status
from coder_cva.desired import render
from coder_cva.desired.plan import Plan, Preview
from coder_cva.rules.engine import evaluate
from coder_cva.status import account, conclude, confirming
from coder_cva.status.events import deserved
from coder_cva.status.invariants import broken
from coder_cva.values.manifest import Ref
from support import builders as b
from support.coder_manifests import chart_coderd, workspace_binding
from support.deployments import adopted
from support.policies import service
from support.workspace_manifests import workspace_deployment, workspace_id

GOLDEN = Path(__file__).resolve().parents[2] / "golden" / "confirming.yaml"
CR = Ref("cva.coder.com/v1alpha1", "CoderDeployment", "coder", "coder")
SHOWN = ("previews", "confirm", "restrictions", "notices")
DATABASE = service("db", {"com.coder.resource": "true"}, 5432, "dev")
MISTYPED = "f" * 12


def look(
    confirm: str | None, before: dict[str, Any], *more: Any, minute: int = 0, suspend: bool = False
) -> dict[str, Any]:
    """The status of two workspaces with a Service each, so many minutes after the first look."""
    cr = adopted("coder")
    cr["spec"]["enforcement"] = {"rules": {"CVA-NET-004": "Off"}}
    cr["spec"]["suspend"] = suspend
    if confirm is not None:
        cr["spec"]["network"] = {"confirm": confirm}
    there = [
        b.pools(),
        workspace_binding("dev"),
        b.all_running([workspace_deployment(one, "dev") for one in ("one", "two")]),
        [
            service(f"app-{one}", {"com.coder.workspace.id": workspace_id(one)}, 3000, "dev")
            for one in ("one", "two")
        ],
        chart_coderd(),
    ]
    now = b.NOW + timedelta(minutes=minute)
    world = b.world(cr, there, more, previous=before, now=now)
    status = conclude.conclude(world, render.plan(world), evaluate(world), ())
    assert broken(status, 1) == ()
    Status.model_validate(status)
    return status


def told(before: dict[str, Any], after: dict[str, Any]) -> list[str]:
    """The reasons of the Events of this transition that are about restrictions."""
    reasons = [one.reason for one in deserved(before, after, (), CR, "u")]
    return [one for one in reasons if one not in ("Ready", "NotConformant", "NotReady")]


def test_the_way_from_the_preview_to_the_way_back_reads_well() -> None:
    """Each step as a user sees it; ``GOLDEN=write`` writes the file anew, and a person reads it."""
    previewed = look(None, {})
    first = previewed["confirm"]["hash"]
    in_force = look(first, previewed, minute=1)
    new_class = look(first, in_force, DATABASE, minute=2)
    mistyped = look(MISTYPED, new_class, DATABASE, minute=3)
    second = mistyped["confirm"]["hash"]
    all_confirmed = look(second, mistyped, DATABASE, minute=4)
    taken_back = look(None, all_confirmed, DATABASE, minute=5)

    steps = {
        "previewed": previewed,
        "in force": in_force,
        "a new class": new_class,
        "a mistyped hash": mistyped,
        "all confirmed": all_confirmed,
        "taken back": taken_back,
    }
    shown = {step: {key: one[key] for key in SHOWN if key in one} for step, one in steps.items()}
    text = yaml.safe_dump(shown, sort_keys=False, width=1000)
    if os.environ.get("GOLDEN") == "write":
        GOLDEN.write_text(text, encoding="utf-8")
    assert text == GOLDEN.read_text(encoding="utf-8")

    pairs = zip(list(steps.values()), list(steps.values())[1:], strict=False)
    assert [told(*pair) for pair in pairs] == [
        ["Confirmed"],
        ["ConfirmAgain"],
        ["ConfirmUnknown"],
        ["Confirmed"],
        ["TakenBack"],
    ]


def test_the_same_look_again_changes_nothing() -> None:
    """Neither the moment nor the memory moves."""
    first = look(None, {})["confirm"]["hash"]
    status = look(first, look(first, {}))

    assert look(first, status, minute=60) == status
    assert told(status, look(first, status, minute=60)) == []


def test_a_hash_of_what_is_there_and_confirmed_is_told_where_nothing_is_left() -> None:
    """Somebody types a hash anew although nothing waits: the right one is named, or the way out."""
    first = look(None, {})["confirm"]["hash"]
    status = look(MISTYPED, look(first, {}))

    (notice,) = status["notices"]
    assert notice["kind"] == "ConfirmUnknown"
    assert f"there now is {first}" in notice["message"]
    assert f"what {first} confirmed stays in force" in notice["message"]


def test_suspending_restricts_nothing_and_forgets_nothing() -> None:
    """What was confirmed is there again when it ends."""
    first = look(None, {})["confirm"]["hash"]
    status = look(first, {})

    paused = look(first, status, suspend=True, minute=1)
    resumed = look(first, paused, minute=2)

    assert "restrictions" not in paused
    assert paused["confirm"] == {"accepted": status["confirm"]["accepted"]}
    assert resumed["confirm"] == status["confirm"]
    assert resumed["restrictions"][0]["since"] == "2026-11-23T09:02:00Z"


def test_a_confirmation_is_written_before_what_it_closes() -> None:
    """A pass that dies in between is followed by one that knows what was meant, whatever came since."""
    cr = adopted("coder")
    running = b.all_running([workspace_deployment("one")])
    seen = b.world(cr, b.pools(), running)
    status = conclude.conclude(seen, render.plan(seen), evaluate(seen), ())
    cr["spec"]["network"] = {"confirm": status["confirm"]["hash"]}
    asked = b.world(cr, b.pools(), running, previous=status)

    early = conclude.early(asked, render.plan(asked))

    assert early is not None
    assert early["confirm"]["accepted"][0]["hash"] == status["confirm"]["hash"]
    known = b.world(cr, b.pools(), running, previous=early)
    assert conclude.early(known, render.plan(known)) is None


def notices(asked: str, previous: dict[str, Any], *hits: str) -> list[Any]:
    """What is told of this hash while these classes are there."""
    cr = adopted("coder")
    cr["spec"]["network"] = {"confirm": asked}
    world = b.world(cr, previous=previous)
    preview = Preview("CVA-NET-005", "would hit", (), hits)
    plan = Plan(previews=(preview,), is_whole=True, confirmations=world.confirmations)
    return list(confirming.notices(world, plan))


def test_too_many_classes_are_told_with_what_helps() -> None:
    """They have no hash; what was confirmed stays, and Enforce takes them all."""
    many = tuple(f"workspaces in {number}" for number in range(MOST_CLASSES + 1))
    known = {"confirm": {"accepted": [{"hash": MISTYPED, "since": "", "classes": []}]}}

    for previous, kind in (({}, "ConfirmUnknown"), (known, "ConfirmAgain")):
        (told,) = notices(MISTYPED, previous, *many)
        assert told.kind.value == kind
        assert "Enforce in spec.enforcement.rules takes all of a rule" in told.message


def test_a_hash_where_there_is_nothing_to_confirm_is_told_with_the_way_out() -> None:
    """Everything that it meant is gone, and the status with it."""
    (told,) = notices(MISTYPED, {})

    assert told.message.endswith("""-p '{"spec":{"network":{"confirm":null}}}'""")


def test_a_folder_of_any_name_breaks_no_line() -> None:
    """What is mounted is a tenant's own word."""
    world = b.world(adopted("coder"))
    preview = Preview("CVA-STO-004", "x\ny", ("Pod a/b\x1b[2J",), ("volumes\nof " + "n" * 999,))
    plan = Plan(previews=(preview,), is_whole=True)

    told = [account.previews(world, plan), confirming.told(world, plan)]

    assert "\\n" not in json.dumps(told)
    assert "\\u001b" not in json.dumps(told)
    assert len(told[1]["pending"][0]) == 256  # type: ignore[call-overload,index]
