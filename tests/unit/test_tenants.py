"""Of every hostile CoderDeployment of the table nothing is rendered that reaches out of its own namespace.

In memory, one by one beside somebody else's Coder; test_tenants.py of the cluster tests applies them all.
"""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.api.errors import InvalidSpec
from coder_cva.api.v1alpha1.resource import parse
from coder_cva.desired import render
from coder_cva.rules.engine import evaluate
from support import builders
from support.coder_manifests import chart_coderd, chart_provisioner, chart_proxy
from support.deployments import adopted
from support.hostile_specs import CASES, manifest_of
from support.managed_coder import BIG
from support.scaling_manifests import autoscaler_status
from support.workspace_manifests import workspace_deployment

OWN = "mallory"
VICTIM = builders.live(adopted("victim"))
AROUND: list[Any] = [
    BIG,
    builders.all_running(workspace_deployment("alpha", "victim")),
    builders.all_running(chart_coderd("victim", database=False), ["control-plane-1"]),
    [chart_provisioner(one) for one in ("victim", OWN)],
    [chart_proxy(one) for one in ("victim", OWN)],
    builders.all_running(workspace_deployment("beta", OWN)),
    [builders.namespace(one) for one in ("default", "kube-system", "coder-cva-system")],
]
ACCEPTED = [one for one in CASES if not one.get("refused")]
REFUSED = [one for one in CASES if one.get("refused")]


def plan_of(manifest: dict[str, Any]) -> Any:
    """What would be written for it."""
    secrets = {(OWN, "coder-db-url"): frozenset({"url"})}
    return render.plan(builders.world(manifest, *AROUND, others=[VICTIM], secrets=secrets))


def shared(plan: Any) -> dict[str, Any]:
    """The policies that serve every CoderDeployment."""
    return {
        one["metadata"]["name"]: one["spec"]
        for one in plan.objects
        if one["kind"] in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy")
    }


def test_there_are_many() -> None:
    """At least forty, of both kinds."""
    assert len(CASES) >= 40
    assert len(ACCEPTED) > 20
    assert len(REFUSED) > 20


@pytest.mark.parametrize("case", ACCEPTED, ids=[one["claim"] for one in ACCEPTED])
def test_what_is_accepted_stays_at_home(case: dict[str, Any]) -> None:
    """Objects, namespaces of bindings and evictions are the tenant's own; shared policies are as for anybody."""
    plan = plan_of(manifest_of(case, OWN, VICTIM))

    usual = {**shared(plan_of(adopted(OWN))), **shared(plan_of(_everything()))}
    for name, spec in shared(plan).items():
        assert spec == usual[name]
    for one in plan.objects:
        if one["kind"].endswith("PolicyBinding"):
            (chosen,) = one["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
            assert (chosen["operator"], chosen["values"]) == ("In", [OWN])
            assert one["spec"]["paramRef"]["namespace"] == OWN
        elif one["kind"] not in ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy"):
            assert one["metadata"]["namespace"] == OWN
        if one["kind"] == "RoleBinding":
            assert one["roleRef"]["name"] == "coder-cva-workspace-perms"
            assert {it["namespace"] for it in one["subjects"]} == {OWN}
    assert {one.ref.namespace for one in plan.evictions} <= {OWN}
    assert {namespace for _, namespace in plan.releases} <= {OWN}


def _everything() -> dict[str, Any]:
    """One for which every shared policy is made."""
    made = adopted(OWN)
    made["spec"]["workspaces"]["storage"] = {"hostVolumes": "Deny", "minSize": "1Gi"}
    rules = dict.fromkeys(("CVA-STO-002", "CVA-STO-004"), "Enforce")
    made["spec"]["enforcement"] = {"rules": rules}
    return made


@pytest.mark.parametrize("case", REFUSED, ids=[one["claim"] for one in REFUSED])
def test_what_is_refused_is_refused_offline_too(case: dict[str, Any]) -> None:
    """The parser knows what the API server knows."""
    with pytest.raises(InvalidSpec):
        parse(builders.live(manifest_of(case, OWN, VICTIM)))


@pytest.mark.parametrize("most", [1, 900], ids=["no room", "room for everybody"])
def test_a_tenants_word_about_node_groups_sways_nobodys_verdict_nor_placement(most: int) -> None:
    """A ConfigMap called as the autoscaler's own, in a namespace in which the tenant may write."""
    group = "eks-ws-46cb8f3a-11d2-9a4e-6c52-83c3e2bd5e01"
    labels = {"eks.amazonaws.com/nodegroup": "ws"}
    nodes = [
        builders.node("control-plane-1", builders.CONTROL_PLANE),
        builders.node("workspaces-1", builders.WORKSPACES, labels=labels),
    ]
    around = [*(one for one in AROUND if one is not BIG), *nodes]
    forged = [autoscaler_status([(group, 1, most, 1)], namespace=one) for one in (OWN, "mallory-2")]
    quiet, swayed = (builders.world(adopted("victim"), *around, *more) for more in ((), forged))

    assert render.plan(swayed) == render.plan(quiet)
    verdicts, others = (
        {one.id: one.verdict for one in evaluate(it).results} for it in (quiet, swayed)
    )
    assert others == verdicts
    believed = autoscaler_status([(group, 1, most, 1)])
    told = {
        one.id: one.verdict
        for one in evaluate(builders.world(adopted("victim"), *around, believed)).results
    }
    assert told["CVA-NODE-004"] != verdicts["CVA-NODE-004"]
