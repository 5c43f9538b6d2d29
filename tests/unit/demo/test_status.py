"""What the demo tells of a status."""

from __future__ import annotations

from typing import Any

from demo import status

RESOURCE: dict[str, Any] = {
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Reconciled", "message": "All is there."}
        ],
        "findings": [
            {"rule": "CVA-A", "severity": "high", "resource": "Deployment a/b", "field": "spec.x"},
            {"rule": "CVA-A", "severity": "high", "resource": "Deployment a/c"},
            {"rule": "CVA-B", "severity": "low", "resource": "Pod a/d", "remedy": "Do it."},
        ],
        "summary": {"passed": 3, "failed": 2, "unknown": 40, "notApplicable": 5, "total": 50},
    }
}


def test_conditions_become_rows() -> None:
    """Type, status, reason, message, in that order."""
    assert status.condition_rows(RESOURCE) == [("Ready", "True", "Reconciled", "All is there.")]


def test_a_message_of_several_statements_is_cut_and_says_so() -> None:
    """The whole message is one `kubectl describe` away."""
    many = "2 failed: A; " + "; ".join(f"the reason {number}" for number in range(20))
    assert status.in_short(many) == "2 failed: A …"
    assert status.in_short("all is well; nothing to do") == "all is well; nothing to do"
    assert status.in_short("x" * 200) == "x" * 200


def test_previews_become_rows() -> None:
    """Rule and message; none where nothing would be hit."""
    previews = [{"rule": "CVA-A", "message": "would refuse one", "resources": []}]
    assert status.preview_rows({"status": {"previews": previews}}) == [
        ("CVA-A", "would refuse one")
    ]
    assert status.preview_rows(RESOURCE) == []


def test_the_worst_findings_are_one_a_rule_in_their_order() -> None:
    """Five workspaces with the same mistake do not hide the next mistake."""
    assert [one["resource"] for one in status.worst(RESOURCE, 5)] == ["Deployment a/b", "Pod a/d"]
    assert len(status.worst(RESOURCE, 1)) == 1


def test_a_finding_says_only_what_it_knows() -> None:
    """Empty fields have no line."""
    assert status.finding_lines(RESOURCE["status"]["findings"][2]) == [
        ("where", "Pod a/d"),
        ("remedy", "Do it."),
    ]


def test_a_resource_without_status_tells_nothing() -> None:
    """Before the first status there is nothing to show, and nothing breaks."""
    assert status.condition_rows({}) == []
    assert status.worst({}, 3) == []
    assert status.summary({}).startswith("0 clauses")
