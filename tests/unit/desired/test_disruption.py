from __future__ import annotations

from typing import Any

from coder_cva.desired.disruption import build_disruption_budget
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted, managed


def budget(name: str, selector: dict[str, Any] | None, namespace: str = "coder") -> dict[str, Any]:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"selector": selector, "minAvailable": 1},
    }


CODERD = {"matchLabels": {"app.kubernetes.io/name": "coder"}}


def test_a_drain_takes_one_replica_at_a_time() -> None:
    """Several replicas get a budget of one, which replicas that are not ready do not hold up."""
    part = build_disruption_budget(b.world(adopted("coder"), chart_coderd(replicas=3)))
    (made,) = part.objects
    assert made["spec"] == {
        "maxUnavailable": 1,
        "selector": {
            "matchLabels": {
                "app.kubernetes.io/name": "coder",
                "app.kubernetes.io/instance": "coder",
            }
        },
        "unhealthyPodEvictionPolicy": "AlwaysAllow",
    }


def test_the_selector_is_the_deployments_own() -> None:
    """A release of another name, and whatever its selector says, is what the budget selects."""
    coderd = chart_coderd(replicas=2, release="prod")
    (made,) = build_disruption_budget(b.world(adopted("coder"), coderd)).objects
    assert made["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "prod"


def test_a_managed_coderd_has_its_budget_before_it_stands() -> None:
    """The budget is there when the first drain comes, with the labels that coderd will have."""
    (made,) = build_disruption_budget(b.world(managed("coder"))).objects
    assert made["metadata"]["name"] == "coder-coderd"
    assert made["spec"]["selector"]["matchLabels"]["app.kubernetes.io/instance"] == "coder"


def test_one_replica_has_none() -> None:
    """A budget over a single replica would hold up every drain of its node."""
    assert build_disruption_budget(b.world(adopted("coder"), chart_coderd())).objects == ()
    alone = managed("coder", replicas=1)
    assert build_disruption_budget(b.world(alone)).objects == ()


def test_ours_is_withdrawn_beside_another() -> None:
    """Two budgets over the same Pods make every eviction fail, so theirs stays and ours goes."""
    world = b.world(adopted("coder"), chart_coderd(replicas=3), budget("theirs", CODERD))
    part = build_disruption_budget(world)
    assert part.objects == ()
    assert part.withheld[0].reason == "AnotherBudget"
    assert "coder/theirs" in part.withheld[0].message


def test_a_budget_that_selects_everything_is_another() -> None:
    """An empty selector selects coderd too; one that is absent selects nothing."""
    coderd = chart_coderd(replicas=3)
    everything = b.world(adopted("coder"), coderd, budget("all", {}))
    nothing = b.world(adopted("coder"), coderd, budget("none", None))
    assert build_disruption_budget(everything).objects == ()
    assert len(build_disruption_budget(nothing).objects) == 1


def test_budgets_of_others_pods_or_namespaces_do_not_matter() -> None:
    """Only what selects coderd's Pods, in coderd's namespace, stands beside ours."""
    world = b.world(
        adopted("coder"),
        chart_coderd(replicas=3),
        budget("workspaces", {"matchLabels": {"com.coder.resource": "true"}}),
        budget("elsewhere", CODERD, "other"),
    )
    assert len(build_disruption_budget(world).objects) == 1


def test_our_own_budget_is_not_another() -> None:
    """Once it is written, it does not make itself go away."""
    before = b.world(adopted("coder"), chart_coderd(replicas=3))
    (ours,) = build_disruption_budget(before).objects
    after = b.world(adopted("coder"), chart_coderd(replicas=3), ours)
    assert build_disruption_budget(after).objects == (ours,)


def test_without_coderd_or_without_the_rule_there_is_none() -> None:
    """No adopted coderd found, a region, or CVA-NODE-002 not enforced: nothing is written."""
    region = adopted("coder")
    region["spec"]["controlPlane"] = {"management": "None"}
    audited = adopted("coder")
    audited["spec"]["enforcement"] = {"rules": {"CVA-NODE-002": "Audit"}}
    assert build_disruption_budget(b.world(adopted("coder"))).objects == ()
    assert build_disruption_budget(b.world(region)).objects == ()
    assert build_disruption_budget(b.world(audited, chart_coderd(replicas=3))).objects == ()
