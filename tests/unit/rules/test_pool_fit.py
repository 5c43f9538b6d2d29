"""Which nodes of a pool meet what a workspace itself asks for, as the scheduler reckons."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.rules.pool_fit import PoolFit
from support import builders
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment, workspace_pod

REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


def term(key: str, operator: str, *values: str, part: str = "matchExpressions") -> dict[str, Any]:
    """A term of a node affinity with one expression."""
    return {part: [{"key": key, "operator": operator, "values": list(values)}]}


def affinity(*terms: dict[str, Any]) -> dict[str, Any]:
    """A Pod spec's part that requires nodes by these terms."""
    return {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": list(terms)}}}}


def takes(manifests: Any, *nodes: dict[str, Any]) -> bool:
    """Whether a pool of these nodes takes the workspace, which runs on a node that is none of them."""
    world = builders.world(
        adopted("coder"), builders.node("stray"), nodes, builders.all_running(manifests, ["stray"])
    )
    fit = PoolFit(world, world.deployment.spec.workspaces.node_pool)
    (workspace,) = world.found.workspaces
    return fit.takes(workspace, fit.wishes(workspace))


def node(name: str = "ws-1", **over: Any) -> dict[str, Any]:
    """A node of the workspaces' pool."""
    return builders.node(name, builders.WORKSPACES, **over)


@pytest.mark.parametrize(
    ("terms", "taken"),
    [
        ([term("cores", "Gt", "8")], True),
        ([term("cores", "Gt", "16")], False),
        ([term("cores", "NotIn", "16")], False),
        ([term("gpu", "DoesNotExist")], True),
        ([term("gpu", "Exists"), term("cores", "Exists")], True),
        ([{}], False),
        ([term("metadata.name", "In", "ws-1", part="matchFields")], True),
        ([term("metadata.name", "In", "ws-2", part="matchFields")], False),
        ([term("cores", "Perhaps", "16")], False),
    ],
)
def test_terms_are_alternatives_and_an_empty_one_is_none(
    terms: list[dict[str, Any]], taken: bool
) -> None:
    """By labels, and by the node's name, which is the one field."""
    made = workspace_deployment(pod=affinity(*terms))

    assert takes(made, node(labels={"cores": "16"})) is taken


def test_one_node_has_to_meet_everything() -> None:
    """Two nodes that meet a half each are none."""
    made = workspace_deployment(
        pod={"nodeSelector": {"disk": "ssd"}, **affinity(term("gpu", "Exists"))}
    )
    halves = [node("a", labels={"disk": "ssd"}), node("b", labels={"gpu": "1"})]

    assert not takes(made, *halves)
    assert takes(made, *halves, node("c", labels={"disk": "ssd", "gpu": "1"}))


def test_its_own_tolerations_open_nodes_too() -> None:
    """The pool's tolerations are added to them, not put in their place."""
    taint = {"key": "special", "value": "yes", "effect": "NoSchedule"}
    tolerant = workspace_pod(pod={"tolerations": [{"key": "special", "operator": "Exists"}]})

    assert takes(tolerant, node(taints=[taint]))
    assert not takes(workspace_pod(), node(taints=[taint]))


def test_the_deployments_affinity_counts_not_what_admission_wrote_on_its_pod() -> None:
    """A Pod that was bound to the pool when its selector was another one chose nothing itself."""
    claim, deployment = workspace_deployment()
    made = builders.all_running([claim, deployment], ["stray"])
    pod = next(one for one in made if one["kind"] == "Pod")
    pod["spec"] = {**pod["spec"], **affinity(term("old", "Exists"))}
    world = builders.world(adopted("coder"), builders.node("stray"), node(), made)
    fit = PoolFit(world, world.deployment.spec.workspaces.node_pool)
    (workspace,) = world.found.workspaces

    assert fit.wishes(workspace).choice == ""
    assert fit.takes(workspace, fit.wishes(workspace))


def test_no_node_takes_what_names_another() -> None:
    """The scheduler is not asked."""
    assert not takes(workspace_deployment(pod={"nodeName": "stray"}), node())
