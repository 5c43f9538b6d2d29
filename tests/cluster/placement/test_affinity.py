"""The pool is added to whatever affinity a template has, and a template's own choice stands."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from support.admission import (
    AGENT,
    PREFERRED,
    REQUIRED,
    Armed,
    arm,
    preferred,
    required,
    terms,
)
from support.coder_manifests import POOL
from support.deployments import managed
from support.placing import (
    BY_NAME,
    NODES,
    WS,
    ZONE_A,
    ZONE_B,
    required_of,
    workspace,
)
from support.workspace_manifests import (
    soft_anti_affinity,
)

if TYPE_CHECKING:
    from harness.kube import Kube

pytestmark = pytest.mark.cluster


def test_a_workspace_gets_the_pool_its_tolerations_and_the_soft_distance(kube: Kube) -> None:
    """All that admission adds, on a Pod as Coder's template makes it."""
    resource = managed(kube.namespace("coder"))
    toleration = {"key": "coder", "operator": "Equal", "value": "ws", "effect": "NoSchedule"}
    resource["spec"]["workspaces"]["nodePool"]["tolerations"] = [toleration]
    armed = arm(kube, resource, NODES)
    spec = workspace(armed, labels=BY_NAME)
    assert required(spec) == [{"matchExpressions": [WS]}]
    assert toleration in spec["tolerations"]
    assert spec["affinity"]["podAntiAffinity"] == soft_anti_affinity()["podAntiAffinity"]
    tolerant = workspace(armed, tolerations=[toleration])
    assert tolerant["tolerations"].count(toleration) == 1
    armed.disarm()


def test_every_existing_term_gets_the_requirement(armed: Armed) -> None:
    """Terms are ORed: a requirement in one of them alone would bind nobody."""
    spec = workspace(armed, affinity=terms([ZONE_A], [ZONE_B]))
    assert [one["matchExpressions"] for one in required(spec)] == [[ZONE_A, WS], [ZONE_B, WS]]


def test_a_term_that_says_it_already_is_left_as_it_is(armed: Armed) -> None:
    """Nothing is said twice, also where the other term has yet to say it."""
    spec = workspace(armed, affinity=terms([WS, ZONE_A], [ZONE_B]))
    assert [one["matchExpressions"] for one in required(spec)] == [[WS, ZONE_A], [ZONE_B, WS]]


def test_expressions_of_every_operator_survive(armed: Armed) -> None:
    """What a term says is written anew with the requirement, and nothing of it is lost."""
    said: list[dict[str, Any]] = [
        {"key": "kubernetes.io/arch", "operator": "Exists"},
        {"key": "topology.kubernetes.io/zone", "operator": "NotIn", "values": ["b", "c"]},
        {"key": "gpu", "operator": "DoesNotExist"},
    ]
    (term,) = required(workspace(armed, affinity=terms(said)))
    assert term["matchExpressions"] == [*said, WS]


def test_an_empty_term_stays_empty(armed: Armed) -> None:
    """An empty term selects no node; an expression in it would widen what the template asks for."""
    affinity = {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [{}, *required_of([ZONE_A])]}}}
    spec = workspace(armed, affinity=affinity)
    assert required(spec) == [{}, {"matchExpressions": [ZONE_A, WS]}]


@pytest.mark.parametrize(
    "affinity",
    [
        {},
        {"nodeAffinity": {}},
        {"podAffinity": {}},
        {"podAntiAffinity": {}},
        {"nodeAffinity": {PREFERRED: []}, "podAntiAffinity": {PREFERRED: []}},
        {
            "nodeAffinity": {
                PREFERRED: [{"weight": 1, "preference": {"matchExpressions": [ZONE_A]}}]
            }
        },
    ],
)
def test_every_shape_of_an_affinity_is_completed(armed: Armed, affinity: dict[str, Any]) -> None:
    """Whatever part of it is missing is added, whatever is there stays."""
    spec = workspace(armed, labels=BY_NAME, affinity=affinity)
    assert required(spec) == [{"matchExpressions": [WS]}]
    assert len(spec["affinity"]["podAntiAffinity"][PREFERRED]) == 1
    assert preferred(spec) == affinity.get("nodeAffinity", {}).get(PREFERRED, [])


@pytest.mark.parametrize(
    "choice",
    [
        {"nodeSelector": {POOL: "gpu"}},
        {"nodeName": "stray-0"},
        {"affinity": terms([{"key": POOL, "operator": "In", "values": ["gpu"]}])},
        {"affinity": terms([{"key": POOL, "operator": "In", "values": ["workspaces", "gpu"]}])},
        {"affinity": terms([{"key": POOL, "operator": "NotIn", "values": ["workspaces"]}])},
        {"affinity": terms([{"key": POOL, "operator": "DoesNotExist"}])},
        {"affinity": terms([WS], [{"key": POOL, "operator": "In", "values": ["gpu"]}])},
    ],
)
def test_an_explicit_choice_of_the_template_is_never_overruled(
    armed: Armed, choice: dict[str, Any]
) -> None:
    """A template that names a node or another pool is left alone; a rule reports it."""
    affinity = choice.get("affinity", {}).get("nodeAffinity")
    spec = workspace(armed, **choice)
    assert spec.get("affinity", {}).get("nodeAffinity") == affinity
    assert spec.get("nodeSelector") == choice.get("nodeSelector")


def test_a_template_that_chooses_the_pool_itself_is_not_told_again(armed: Armed) -> None:
    """The pool's label in the nodeSelector is enough; Exists is narrowed to the pool."""
    assert required(workspace(armed, nodeSelector={POOL: "workspaces"})) == []
    anywhere = {"key": POOL, "operator": "Exists"}
    (term,) = required(workspace(armed, affinity=terms([anywhere])))
    assert term["matchExpressions"] == [anywhere, WS]


@pytest.mark.parametrize(
    "wish",
    [
        {"nodeSelector": {"cloud.example.com/gpu": "t4"}},
        {"nodeSelector": {"kubernetes.io/arch": "arm64"}},
        {"affinity": terms([{**ZONE_A, "values": ["c"]}])},
        {"affinity": terms([{"key": "nvidia.com/gpu.present", "operator": "Exists"}])},
        {"affinity": terms([{"key": "cores", "operator": "Gt", "values": ["4"]}])},
        {"affinity": terms([{**ZONE_A, "operator": "NotIn", "values": ["a", "b"]}])},
        {"affinity": {"nodeAffinity": {REQUIRED: {"nodeSelectorTerms": [
            {"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["x"]}]}]}}}},
        {"containers": [{"name": "dev", "image": "x", "env": [AGENT],
                         "resources": {"limits": {"nvidia.com/gpu": "1"}}}]},
        {"resourceClaims": [{"name": "gpu", "resourceClaimName": "a"}]},
    ],
)  # fmt: skip
def test_wishes_that_the_pool_is_not_known_to_meet_make_it_a_preference(
    armed: Armed, wish: dict[str, Any]
) -> None:
    """A GPU, another architecture, another zone: required, the pool would leave the Pod Pending."""
    spec = workspace(armed, **wish)
    assert preferred(spec) == [{"weight": 100, "preference": {"matchExpressions": [WS]}}]
    assert WS not in [one for term in required(spec) for one in term.get("matchExpressions", [])]


@pytest.mark.parametrize(
    "wish",
    [
        {"nodeSelector": {"kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": "a"}},
        {"affinity": terms([ZONE_A])},
        {"affinity": terms([{**ZONE_A, "values": ["c"]}], [ZONE_B])},
        {"affinity": terms([{**ZONE_A, "operator": "NotIn"}])},
        {"affinity": terms([{"key": "gpu", "operator": "DoesNotExist"}])},
    ],
)
def test_wishes_that_the_pool_meets_leave_it_required(armed: Armed, wish: dict[str, Any]) -> None:
    """What the pool's ready nodes offer stands in the placement, so the pool stays required."""
    spec = workspace(armed, **wish)
    assert preferred(spec) == []
    assert all(WS in term["matchExpressions"] for term in required(spec))


def test_required_by_the_users_own_word_is_required_whatever_the_template_wishes(
    kube: Kube,
) -> None:
    """The user decided; also terms that only name a node get the requirement."""
    resource = managed(kube.namespace("coder"))
    resource["spec"]["workspaces"]["nodePool"]["placement"] = "Required"
    armed = arm(kube, resource)
    assert required(workspace(armed, nodeSelector={"gpu": "t4"})) == [{"matchExpressions": [WS]}]
    fields = [{"key": "metadata.name", "operator": "In", "values": ["x"]}]
    affinity = {
        "nodeAffinity": {
            REQUIRED: {"nodeSelectorTerms": [{"matchFields": fields}, *required_of([ZONE_A])]}
        }
    }
    spec = workspace(armed, affinity=affinity)
    assert required(spec) == [
        {"matchFields": fields, "matchExpressions": [WS]},
        {"matchExpressions": [ZONE_A, WS]},
    ]
    armed.disarm()
