"""The whole status: bounded, deterministic, lawful, and when to look again."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from coder_cva.api.v1alpha1.status import Status
from coder_cva.desired import render
from coder_cva.desired.changes import Action, Change, Yielded
from coder_cva.desired.plan import Plan, Preview, Withheld
from coder_cva.rules import misplaced
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Finding, Report
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.status import bites, conclude
from coder_cva.status.invariants import broken
from coder_cva.values.manifest import Ref
from support import builders
from support.deployments import adopted
from support.managed_coder import SECRET, after, before, rendered, resource
from support.results import FAILED, PASSED, UNKNOWN, report, result
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from coder_cva.snapshot.world import World

SERVICE = Ref("v1", "Service", "coder", "coder")
ROLLING = before(resource(), builders.live(rendered(resource())))
"""The Deployment is there, and nothing of it runs."""


def concluded(world: World, *changes: Change) -> dict[str, Any]:
    """The status of a world, with the plan and the verdicts that follow from it."""
    status = conclude.conclude(world, render.plan(world), evaluate(world), changes)
    assert broken(status, world.deployment.generation) == ()
    return status


def later(world: World, status: Mapping[str, Any], **passed: float) -> World:
    """The same world some time after this status was written."""
    return replace(world, previous=status, now=world.now + timedelta(**passed))


def settled(world: World) -> World:
    """The same world once nobody watches any more what its restrictions do."""
    return later(world, concluded(world), minutes=10)


def test_equal_worlds_have_equal_bytes() -> None:
    """A look a day later changes nothing at all, so nothing is written.

    The very first one remembers the version that it saw, by which later ones judge CVA-DB-009.
    """
    world = after(resource())
    first = concluded(later(world, concluded(world)))

    again = concluded(later(world, first, days=1))

    assert orjson.dumps(again) == orjson.dumps(first)


def test_every_clause_is_accounted_for_and_counted() -> None:
    """Fifty verdicts; the summary counts them."""
    status = concluded(after(resource()))

    assert len(status["verdicts"]) == status["summary"]["total"] == 50
    assert status["verdicts"]["CVA-DB-011"] == "unknown (NotAttested)"
    assert not [one for one in status["verdicts"].values() if "NotImplemented" in one]
    assert status["tier"] == "1k"
    assert status["controlPlane"] | {"management": "Managed", "ready": "3/3"} == status["controlPlane"]  # fmt: skip


def test_a_status_has_bounds() -> None:
    """However many findings there are, the worst stand there and the number of all; ours come first."""
    findings = tuple(Finding("CVA-WS-001", f"Pod a/{n:05}", severity="high") for n in range(5000))
    left = Change(SERVICE, Action.UNCHANGED, yielded=(Yielded(".spec.type", "argocd"),))
    many = tuple(f"Pod a/{n}" for n in range(300))
    plan = Plan(
        withheld=tuple(Withheld(f"Pod a/{n}", "Why", "because") for n in range(100)),
        previews=tuple(Preview(f"CVA-STO-{n:03}", "would hit", many) for n in range(50)),
    )

    status = conclude.conclude(after(resource()), plan, Report((), findings), (left,))

    assert status["findingsTotal"] == 5001
    assert len(status["findings"]) == 50
    assert status["findings"][0]["rule"] == "FieldLeft"
    assert "left to argocd" in status["findings"][0]["observed"]
    assert len(status["withheld"]) == 32
    assert len(status["previews"]) == 20
    assert status["previews"][0]["message"] == "would hit (and 280 more)"
    assert len(orjson.dumps(status)) < 64 * 1024


def test_waived_failures_are_counted_twice_and_told_as_waived() -> None:
    """A waiver does not erase what it excuses."""
    found = report(
        result("CVA-NODE-003", FAILED, waived=True),
        result("CVA-CTL-002", PASSED),
        result("CVA-GEN-001", UNKNOWN),
    )

    status = conclude.conclude(after(resource()), Plan(), found, ())

    assert status["verdicts"]["CVA-NODE-003"] == "failed (Waived)"
    assert status["summary"] == {
        "passed": 1,
        "failed": 1,
        "unknown": 1,
        "notApplicable": 0,
        "waived": 1,
        "total": 3,
    }
    assert status["findings"][0]["waived"] is True


def test_a_first_status_says_what_is_still_read() -> None:
    """Not ready, under way, nothing known, and lawful."""
    world = before(resource(), unavailable={Need.PODS: Absence.NOT_SYNCED})

    status = conclude.starting(world)

    assert broken(status, 1) == ()
    ready, reconciling, conformant = status["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "Starting")
    assert ready["message"].endswith("still missing: pods")
    assert (reconciling["type"], conformant["status"]) == ("Reconciling", "Unknown")


def test_where_nothing_is_missing_a_first_status_says_what_is_under_way() -> None:
    """It is told before objects are written: the cluster was read then, and no list is missing."""
    for status in (conclude.starting(before(resource())), told_first(before(resource()))):
        assert broken(status, 1) == ()
        assert {one["message"] for one in status["conditions"]} == {
            "the first pass over it is under way"
        }


def told_first(world: World) -> dict[str, Any]:
    """The status that is written before the objects."""
    first = conclude.early(world, render.plan(world))
    assert first is not None
    return first


def test_a_restart_of_the_operator_changes_nothing() -> None:
    """What was known stays told while the cluster is read again."""
    known = concluded(after(resource()))
    world = before(resource(), unavailable={Need.PODS: Absence.NOT_SYNCED})

    assert conclude.starting(replace(world, previous=known)) == known


def test_a_first_status_is_told_before_the_objects() -> None:
    """A pass takes its time, and who has no status counts as current; later there is none to write early."""
    world = before(resource())
    plan = render.plan(world)

    first = conclude.early(world, plan)

    assert first is not None
    assert broken(first, 1) == ()
    assert conclude.early(replace(world, previous=first), plan) is None
    assert conclude.early(replace(world, previous=concluded(after(resource()))), plan) is None


@pytest.mark.parametrize(
    ("world", "word"),
    [
        (after(resource()), "settled"),
        (ROLLING, "progressing"),
        (before(resource(), secrets=dict.fromkeys(SECRET)), "settled"),
        (after(resource(version="2.0.0"), rendered(resource())), "stalled"),
    ],
    ids=["ready", "rolling out", "waiting for a Secret", "refused"],
)
def test_one_word_for_logs(world: World, word: str) -> None:
    """What a pass came to."""
    assert conclude.word(concluded(world)) == word


def test_a_settled_deployment_is_left_to_the_watches() -> None:
    """No polling of what can be watched; what only the user can change is not looked at either."""
    refused = after(resource(version="2.0.0"), rendered(resource()))
    suspended = after(resource({"suspend": True}), rendered(resource()))
    for world in map(settled, (after(resource()), refused, suspended, before(adopted("coder")))):
        assert conclude.retry_after(world, concluded(world), ()) is None


def test_what_waits_for_others_says_when_to_look_again() -> None:
    """The soonest of them counts; what failed is tried again with back-off, and not from here."""
    world = after(resource())
    refused = Change(SERVICE, Action.FAILED, "Unreachable", "no", 5.0)
    changes = [
        refused,
        Change(SERVICE, Action.FOREIGN, "ForeignObject", "no", 60.0),
        Change(SERVICE, Action.WAITING, retry_after=1.5),
        Change(SERVICE, Action.UNCHANGED, retry_after=1.0),
    ]

    assert conclude.retry_after(world, concluded(world, *changes), changes) == 1.5
    quiet = settled(world)
    assert conclude.retry_after(quiet, concluded(quiet, refused), [refused]) is None


def test_what_is_not_watched_is_looked_at_ever_more_seldom() -> None:
    """A Secret that is missing: soon in the beginning, once a minute in the end."""
    world = before(resource(), secrets=dict.fromkeys(SECRET))
    status = concluded(world)

    waits = [
        conclude.retry_after(later(world, status, seconds=age), status, ())
        for age in (0, 3, 20, 59, 86400)
    ]

    assert waits == [5.0, 5.0, 20.0, 59.0, 60.0]


def test_a_window_ends_without_an_event() -> None:
    """The pass after a maintenance is due when it ends; one that has ended is not waited for."""
    until = (builders.NOW + timedelta(minutes=90)).isoformat()
    world = after(resource({"maintenance": {"until": until}}))
    status = concluded(world)

    assert conclude.retry_after(settled(world), status, ()) == 80 * 60
    assert conclude.retry_after(later(world, status, minutes=90), status, ()) is None


def test_what_waits_and_who_was_freed_is_remembered() -> None:
    """The next pass, or the next process of the operator, reads both again; the model of the status knows them."""
    live = rendered(resource())
    live["metadata"]["annotations"]["cva.coder.com/template"] = "another"
    world = after(resource(), live)
    placed = {"controlPlane": {"mode": "Preferred"}}
    pod = world.coderd_pods[0].meta
    plan = replace(render.plan(world), placement=placed)
    changes = (Change(Ref("v1", "Pod", "coder", pod.name), Action.EVICTED),)

    status = conclude.conclude(world, plan, evaluate(world), changes)

    assert pod.owner is not None
    assert status["evictions"] == {pod.owner.name: 1}
    assert status["pendingTemplate"] == {
        **status["pendingTemplate"],
        "since": "2026-11-23T09:00:00Z",
    }
    told = Status.model_validate(status)
    assert told.evictions == status["evictions"]
    assert told.pending_template is not None
    assert told.pending_template.since == builders.NOW


def test_what_rules_and_status_both_ask_is_worked_out_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Groups of workspaces beside their pool, and what restricts: in a pass over thousands they are dear."""
    asked: Counter[str] = Counter()
    for module, name in ((misplaced, "groups"), (bites, "bites")):
        monkeypatch.setattr(module, name, counted(asked, getattr(module, name)))
    astray = builders.all_running(workspace_deployment("dev"), ["control-plane-1"])

    status = concluded(builders.world(adopted("coder"), builders.pools(), astray))

    assert status["workspaces"]["misplacedGroups"][0]["count"] == 1
    assert asked == {"groups": 1, "bites": 1}


def counted(asked: Counter[str], work: Callable[..., Any]) -> Callable[..., Any]:
    """The same function, which counts its calls by its name."""

    def called(*given: Any) -> Any:
        asked[work.__name__] += 1
        return work(*given)

    return called
