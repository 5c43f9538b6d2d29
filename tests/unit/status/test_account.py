"""The account: no rule hides another, every finding counts, and no number stands for a refusal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired.changes import Action, Change, Yielded
from coder_cva.desired.plan import Plan
from coder_cva.rules.engine import evaluate
from coder_cva.rules.model import Finding, Notice, NoticeKind, Report
from coder_cva.rules.subjects import NAMESPACES, WORKSPACES
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.status.account import account, shown
from coder_cva.values.manifest import Ref, pruned
from support import builders
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.managed_coder import after, resource
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World


def told(world: World, report: Report, *changes: Change) -> dict[str, Any]:
    made: dict[str, Any] = pruned(account(world, Plan(), report, changes))
    return made


def found(rule: str, severity: str, count: int, *, waived: bool = False) -> list[Finding]:
    return [Finding(rule, f"Pod a/{n:03}", severity=severity, waived=waived) for n in range(count)]


def test_many_findings_of_one_rule_hide_no_other() -> None:
    """Each failing rule has its worst finding there; the rest is filled up in the order of all."""
    findings = [
        *found("CVA-NODE-005", "high", 70),
        *found("CVA-CTL-001", "high", 2),
        *found("CVA-NET-005", "medium", 1),
        *found("CVA-GEN-003", "low", 1, waived=True),
    ]

    status = told(after(resource()), Report((), tuple(findings)))

    rules = [one["rule"] for one in status["findings"]]
    assert rules == ["CVA-NODE-005"] * 47 + ["CVA-CTL-001", "CVA-NET-005", "CVA-GEN-003"]
    assert status["findings"][0]["resource"] == "Pod a/000"
    assert status["findingsTotal"] == 74
    assert status["findingsBySeverity"] == {"high": 72, "low": 1, "medium": 1}


def test_what_the_operator_left_itself_counts_as_a_rule() -> None:
    """Hundreds of fields that another manager keeps hide no finding either."""
    changes = [
        Change(
            Ref("v1", "Service", "coder", f"s-{n:03}"),
            Action.UNCHANGED,
            yielded=(Yielded(".spec.type", "argocd"),),
        )
        for n in range(90)
    ]

    status = told(after(resource()), Report((), tuple(found("CVA-NET-001", "critical", 3))), *changes)  # fmt: skip

    rules = [one["rule"] for one in status["findings"]]
    assert rules == ["FieldLeft"] * 49 + ["CVA-NET-001"]
    assert status["findingsBySeverity"] == {"critical": 3, "medium": 90}


def test_notices_are_bounded_and_urgent_ones_stay() -> None:
    """As many as a status holds, in the report's order; none at all leaves no field."""
    notices = tuple(Notice(f"CVA-{n:03}", NoticeKind.WAIVER_ENDED, "it ended") for n in range(40))

    status = told(after(resource()), Report(notices=notices))

    assert [one["clause"] for one in status["notices"]] == [f"CVA-{n:03}" for n in range(32)]
    assert status["notices"][0] == {
        "clause": "CVA-000",
        "kind": "WaiverEnded",
        "message": "it ended",
    }
    assert "notices" not in told(after(resource()), Report())


@given(st.lists(st.sampled_from("abcdefg"), max_size=30), st.integers(1, 12))
def test_what_is_shown_is_fair_and_in_order(rules: list[str], limit: int) -> None:
    """As many as fit, in the order of all; of each rule the first, as long as there is room for every rule."""
    findings = [{"rule": rule, "place": place} for place, rule in enumerate(rules)]

    some = shown(findings, limit)

    assert len(some) == min(limit, len(findings))
    assert some == [one for one in findings if one in some]
    firsts = [findings[rules.index(rule)] for rule in sorted(set(rules), key=rules.index)]
    assert all(one in some for one in firsts[:limit])
    others = [one for one in findings if one not in firsts]
    assert [one for one in some if one not in firsts] == others[: max(0, limit - len(firsts))]


def workspaces(**unavailable: Absence) -> dict[str, Any]:
    """What is told of workspaces in a namespace with one of them, astray; of kinds that could not be read none."""
    there = [
        builders.pools(),
        builders.all_running(chart_coderd(), ["control-plane-1"]),
        builders.all_running(workspace_deployment(), ["control-plane-1"]),
    ]
    unread = {Need(name): reason for name, reason in unavailable.items()}
    world = builders.world(adopted("coder"), there, unavailable=unread, plausible=False)
    made: dict[str, Any] = told(world, evaluate(world))["workspaces"]
    return made


def test_workspaces_are_counted() -> None:
    """All of them, those outside their pool, and the namespaces that they may be in."""
    group = {
        "template": "image codercom/enterprise-base:ubuntu",
        "nextStart": "Moves",
        "count": 1,
        "owners": ["alice"],
        "ownersTotal": 1,
    }
    assert workspaces() == {
        "count": 1,
        "misplaced": 1,
        "misplacedGroups": [group],
        "namespaces": ["coder"],
    }


@pytest.mark.parametrize("need", sorted(WORKSPACES))
def test_what_could_not_be_read_is_not_counted(need: Need) -> None:
    """An absent number is not 0; nor is an empty list of namespaces a refusal."""
    for reason in (Absence.FORBIDDEN, Absence.STALE):
        found = workspaces(**{need.value: reason})

        assert "count" not in found
        assert "misplaced" not in found
        assert ("namespaces" in found) is (need not in NAMESPACES)


def test_who_is_astray_takes_nodes() -> None:
    """Workspaces are recognised without them, and CVA-NODE-005 is not judged."""
    assert workspaces(nodes=Absence.FORBIDDEN) == {"count": 1, "namespaces": ["coder"]}


def test_where_nobody_works_there_are_none() -> None:
    """That is known, and told: 0 of 0."""
    world = after(resource())

    found = told(world, evaluate(world))["workspaces"]

    assert (found["count"], found["misplaced"]) == (0, 0)


def test_the_arithmetic_of_the_size_and_how_it_fits() -> None:
    """Steps with their sources; the fit only where workspaces could be counted."""
    cr = adopted("coder")
    cr["spec"]["architecture"] = {"tier": "2k", "users": 1700}
    cr["spec"]["controlPlane"]["highAvailabilityLicensed"] = True
    seen = builders.world(cr, chart_coderd())
    blind = builders.world(cr, chart_coderd(), unavailable={Need.PODS: Absence.FORBIDDEN})

    assert told(seen, Report())["sizing"] == {
        "fit": "AboutToOutgrow",
        "reasons": ["1,700 of 2,000 users are 85 %"],
        "betterTier": "3k",
        "steps": [
            (
                "Tier 2k of edition 2026: as spec.architecture.tier says "
                "(https://coder.com/docs/install/plan/sizing/2k-users)"
            ),
            "CPU: 4 a replica in tier 2k (CVA-CTL-002)",
            "Memory: 12Gi a replica in tier 2k (CVA-CTL-002)",
            "Replicas: 3 in tier 2k (CVA-CTL-001)",
            (
                "Database: 16 CPU, 60Gi and a disk of 512Gi by the table of tier 2k "
                "(spec.database.sizing: Tier) (CVA-DB-002, CVA-DB-003)"
            ),
            (
                "Provisioners: 120, one for each concurrent build, of 1 CPU and 1Gi each by the table of "
                "tier 2k (spec.provisioners.sizing: Tier) (CVA-PROV-001)"
            ),
        ],
    }
    assert told(blind, Report())["sizing"].keys() == {"steps"}
