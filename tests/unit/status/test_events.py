"""Events: only for news, once each, and a warning only for what is one."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.desired.changes import Action, Change
from coder_cva.status.events import MESSAGE_LIMIT, deserved
from coder_cva.values.manifest import Ref

CR = Ref("cva.coder.com/v1alpha1", "CoderDeployment", "coder", "coder")
SERVICE = Ref("v1", "Service", "coder", "coder")


def status(**truths: tuple[str, str]) -> dict[str, Any]:
    """A status with these conditions: truth and reason by type."""
    return {
        "conditions": [
            {"type": name, "status": truth, "reason": reason, "message": f"{name} {reason}"}
            for name, (truth, reason) in truths.items()
        ]
    }


def told(before: dict[str, Any], after: dict[str, Any], *changes: Change) -> list[tuple[str, str]]:
    """Type and reason of each Event."""
    found = deserved(before, after, changes, CR, "uid-1")
    assert all((one.regarding, one.uid) == (CR, "uid-1") for one in found)
    return [(one.type, one.reason) for one in found]


NOTHING: dict[str, Any] = {}
STARTING = status(Ready=("False", "Starting"))
ROLLING = status(Ready=("False", "RollingOut"))
WRITING = status(Ready=("False", "Writing"))
MAINTENANCE = status(Ready=("False", "Maintenance"))
READY = status(Ready=("True", "AsIntended"))
NO_SECRET = status(Ready=("False", "DatabaseSecretMissing"))
FOREIGN = status(Ready=("False", "ForeignCoderd"), Stalled=("True", "ForeignCoderd"))
CLAIMED = status(Ready=("False", "ClaimedByOlder"), Stalled=("True", "ClaimedByOlder"))


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        (NOTHING, STARTING, []),
        (NOTHING, WRITING, []),
        (STARTING, ROLLING, []),
        (ROLLING, READY, [("Normal", "Ready")]),
        (READY, READY, []),
        (READY, ROLLING, [("Warning", "NotReady")]),
        (READY, WRITING, [("Normal", "NotReady")]),
        (READY, MAINTENANCE, [("Normal", "NotReady")]),
        (NOTHING, NO_SECRET, [("Warning", "NotReady")]),
        (STARTING, NO_SECRET, [("Warning", "NotReady")]),
        (NO_SECRET, NO_SECRET, []),
        (STARTING, FOREIGN, [("Warning", "ForeignCoderd")]),
        (FOREIGN, FOREIGN, []),
        (FOREIGN, CLAIMED, [("Warning", "ClaimedByOlder")]),
        (FOREIGN, WRITING, []),
        (FOREIGN, NO_SECRET, [("Warning", "NotReady")]),
    ],
)
def test_readiness_is_told_when_it_is_news(
    before: dict[str, Any], after: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    """The way to Ready for the first time is no news; one trouble after another is."""
    assert told(before, after) == expected


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("", "Unknown", []),
        ("", "False", [("Warning", "NotConformant")]),
        ("", "True", [("Normal", "Conformant")]),
        ("Unknown", "False", [("Warning", "NotConformant")]),
        ("False", "False", []),
        ("False", "True", [("Normal", "Conformant")]),
        ("True", "Unknown", [("Normal", "ConformanceUnknown")]),
    ],
)
def test_conformance_is_told_when_its_truth_changes(
    before: str, after: str, expected: list[tuple[str, str]]
) -> None:
    """That nothing is known in the beginning is no news."""
    old = status(Conformant=(before, "A")) if before else NOTHING

    assert told(old, status(Conformant=(after, "A"))) == expected


def test_a_repair_names_the_editor() -> None:
    """An object that was brought back from somebody's edit, and no other write."""
    repaired = Change(SERVICE, Action.CONFIGURED, repaired_from=("kubectl-edit", "k9s"))
    (event,) = deserved(READY, READY, [repaired, Change(SERVICE, Action.CONFIGURED)], CR, "uid-1")

    assert (event.type, event.reason) == ("Normal", "Repaired")
    assert (
        event.message == "Service coder/coder was brought back after an edit by kubectl-edit, k9s"
    )


def test_a_field_that_is_given_up_is_told_once() -> None:
    """When it turns up among the findings, not as long as it stands there."""
    finding = {
        "rule": "FieldLeft",
        "resource": "Service coder/coder",
        "field": ".spec.type",
        "observed": "left to argocd",
    }
    left = {**READY, "findings": [finding, {"rule": "CVA-NODE-001", "resource": "Pool x"}]}

    assert told(READY, left) == [("Warning", "FieldLeft")]
    assert told(left, left) == []
    other = {**READY, "findings": [finding, {**finding, "field": ".spec.selector"}]}
    assert told(left, other) == [("Warning", "FieldLeft")]


def test_an_eviction_is_told_with_its_reason() -> None:
    """A Pod that vanishes without a word would be a riddle."""
    evicted = Change(Ref("v1", "Pod", "coder", "a"), Action.EVICTED, message="it makes way")
    (event,) = deserved(READY, READY, [evicted], CR, "uid-1")

    assert (event.type, event.reason, event.message) == ("Normal", "Evicted", "it makes way")


def test_a_note_keeps_to_the_apis_limit() -> None:
    """The API server refuses longer ones."""
    long = Change(SERVICE, Action.EVICTED, message="x" * 5000)

    assert len(deserved(READY, READY, [long], CR, "uid-1")[0].message) == MESSAGE_LIMIT


def test_what_was_released_is_told() -> None:
    """Whose it was, and that it stays."""
    change = Change(SERVICE, Action.RELEASED, message="is nobody's now")

    assert told(READY, READY, change) == [("Normal", "Released")]


def test_that_coderd_would_go_with_its_resource_is_told_once() -> None:
    """When it begins to be so; what else is held back is told by the status alone."""
    harmless = {"subject": "a", "reason": "Maintenance", "message": "m"}
    owned = {"subject": "Deployment coder/coder", "reason": "StillOwned", "message": "m"}
    before = {**READY, "withheld": [harmless]}
    after = {**READY, "withheld": [harmless, owned]}

    assert told(NOTHING | READY, before) == []
    assert told(before, after) == [("Warning", "StillOwned")]
    assert told(after, after) == []
    assert told(after, before) == []


@pytest.mark.parametrize(
    ("was", "told"),
    [
        (None, True),
        ("Fits", True),
        ("Oversized", True),
        ("AboutToOutgrow", False),
        ("Outgrown", False),
    ],
)
def test_a_tier_that_is_about_to_be_outgrown_is_told_once(was: str | None, told: bool) -> None:
    """In time to order machines; on the way down it is no news."""
    before = {"sizing": {"fit": was}} if was else {}
    after = {
        "sizing": {
            "fit": "AboutToOutgrow",
            "reasons": ["850 of 1,000 users are 85 %"],
            "betterTier": "2k",
        }
    }

    found = deserved(before, after, (), CR, "uid")

    messages = ["the tier is about to be outgrown: 850 of 1,000 users are 85 %; plan tier 2k"]
    assert [one.message for one in found] == (messages if told else [])


def noticed(
    kind: str, message: str = "it ends in 5 days", clause: str = "CVA-OPS-004"
) -> dict[str, Any]:
    """A ready deployment of which this is to be known."""
    return {**READY, "notices": [{"clause": clause, "kind": kind, "message": message}]}


@pytest.mark.parametrize(
    "kind", ["AttestationEnding", "AttestationEnded", "WaiverEnding", "WaiverEnded"]
)
def test_what_ends_is_told_once(kind: str) -> None:
    """A day less is no news; another clause is, and so is the end itself."""
    soon = noticed(kind)

    assert told(READY, soon) == [("Warning", kind)]
    assert told(soon, noticed(kind, "it ends in 4 days")) == []
    assert told(soon, noticed(kind, clause="CVA-SUP-002")) == [("Warning", kind)]
    assert told(noticed("Other"), soon) == [("Warning", kind)]


@pytest.mark.parametrize(
    "kind", ["AttestationNotNeeded", "AttestationNotTaken", "WaiverUnused", "ExemptionUnused"]
)
def test_what_has_no_effect_is_no_event(kind: str) -> None:
    """It stands in the status, for whoever tidies up."""
    assert told(READY, noticed(kind)) == []


def test_a_webhook_that_is_not_reached_is_told_once_and_so_is_its_return() -> None:
    """Another cause is no news, nor is an engine that never was without."""

    def seen(engine: str, message: str = "") -> dict[str, Any]:
        line = {"subject": "Pods", "reason": "WebhookNotReached", "message": message}
        return {"placement": {"engine": engine}, "withheld": [line] if message else []}

    good, lost = seen("Webhook"), seen("None", "refused")
    assert told(good, lost) == [("Warning", "WebhookNotReached")]
    assert told(lost, seen("None", "timed out")) == []
    assert told(lost, good) == [("Normal", "WebhookReached")]
    assert told(lost, seen("MutatingAdmissionPolicy")) == []
    assert told(NOTHING, good) == []
