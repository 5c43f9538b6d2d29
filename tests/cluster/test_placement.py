from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest

from support import builders as b
from support.admission import (
    AGENT,
    PREFERRED,
    REQUIRED,
    Armed,
    arm,
    pod,
    preferred,
    required,
    terms,
)
from support.coder_manifests import POOL, chart_coderd
from support.deployments import adopted, managed
from support.workspace_manifests import (
    devcontainer_deployment,
    envbox_pod,
    soft_anti_affinity,
    workspace_deployment,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

WS = {"key": POOL, "operator": "In", "values": ["workspaces"]}
CP = {"key": POOL, "operator": "In", "values": ["control-plane"]}
ZONE_A = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}
ZONE_B = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["b"]}
NODES = [
    b.node("cp-0", b.CONTROL_PLANE),
    b.node("ws-0", b.WORKSPACES, zone="a", labels={"kubernetes.io/arch": "amd64"}),
    b.node("ws-1", b.WORKSPACES, zone="b", labels={"kubernetes.io/arch": "amd64"}),
]
BY_NAME = {"app.kubernetes.io/name": "coder-workspace"}


@pytest.fixture(scope="module")
def kube(unattended: Provider) -> Kube:
    return unattended.kube


@pytest.fixture(scope="module")
def armed(kube: Kube) -> Iterator[Armed]:
    """A managed Coder with both pools required."""
    made = arm(kube, managed(kube.namespace("coder")), NODES)
    yield made
    made.disarm()


@pytest.fixture
def fresh(kube: Kube) -> Iterator[Armed]:
    """The same for one test, which may change it."""
    made = arm(kube, managed(kube.namespace("coder")), NODES)
    yield made
    made.disarm()


def workspace(armed: Armed, **parts: Any) -> dict[str, Any]:
    """The spec with which a workspace's Pod is admitted."""
    return armed.admitted(pod(armed.namespace, **parts))


def nodes_of(kube: Kube, namespace: str, count: int) -> set[str]:
    """The pools of the nodes on which a namespace's Pods run, by the nodes' names."""
    pods = kube.wait_for(
        lambda: (
            [
                one
                for one in kube.list("pods", namespace)
                if one["status"].get("phase") == "Running"
            ][:count:]
            if len(kube.list("pods", namespace, fields="status.phase=Running")) >= count
            else []
        ),
        what=f"{count} Pods to run",
    )
    return {one["spec"]["nodeName"].rpartition("-")[0] for one in pods}


def test_workspaces_land_on_their_pool_and_coderd_on_its_own(fresh: Armed) -> None:
    """Real Deployments, the real scheduler: nothing of theirs changed, their Pods in the right place."""
    kube, namespace = fresh.kube, fresh.namespace
    dev = namespace
    made = [
        kube.create(one)
        for one in (
            *workspace_deployment("one", dev),
            *devcontainer_deployment("two", dev),
        )
    ]
    assert nodes_of(kube, namespace, 2) == {"ws"}
    coder = _coderd(kube, namespace, replicas=2)
    pods = kube.wait_for(
        lambda: _running(kube, namespace, "app.kubernetes.io/name=coder", 2), what="coderd"
    )
    assert {one["spec"]["nodeName"].rpartition("-")[0] for one in pods} == {"cp"}
    for one in (*made, coder):
        if one["kind"] == "Deployment":
            now = kube.refresh(one)
            assert now["spec"] == one["spec"]
            assert now["metadata"]["generation"] == 1


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


def test_a_preferred_pool_keeps_nobody_from_starting(fresh: Armed) -> None:
    """The guard has flipped: a new workspace prefers the pool, and starts although it is gone."""
    nowhere = {**WS, "values": ["nowhere"]}
    fresh.say(workspaces={"mode": "Preferred", "requirements": [nowhere]})
    wanted = [{"weight": 100, "preference": {"matchExpressions": [nowhere]}}]
    fresh.kube.wait_for(
        lambda: preferred(workspace(fresh)) == wanted, timeout=5, what="the flip of the guard"
    )
    for one in workspace_deployment("dev", fresh.namespace):
        fresh.kube.create(one)
    assert nodes_of(fresh.kube, fresh.namespace, 1)


def test_a_required_pool_holds(fresh: Armed) -> None:
    """The user's own Required: without a node of the pool the workspace waits, and runs nowhere else."""
    nowhere = {**WS, "values": ["nowhere"]}
    fresh.say(workspaces={"requirements": [nowhere]})
    kube, namespace = fresh.kube, fresh.namespace
    kube.wait_for(
        lambda: required(workspace(fresh)) == [{"matchExpressions": [nowhere]}],
        what="the placement",
    )
    for one in workspace_deployment("dev", namespace):
        kube.create(one)
    pending = kube.wait_for(
        lambda: [one for one in kube.list("pods", namespace) if _unschedulable(one)],
        what="the scheduler's word",
    )
    assert len(pending) == 1


def test_off_places_nobody(fresh: Armed) -> None:
    """With the mode Off a Pod is as its template made it."""
    fresh.say(workspaces={"mode": "Off", "antiAffinity": False})
    fresh.kube.wait_for(
        lambda: not fresh.affinity_of(pod(fresh.namespace)), timeout=5, what="mode Off"
    )
    assert "affinity" not in workspace(fresh, labels=BY_NAME)


def test_recognised_by_name_alone(armed: Armed) -> None:
    """Devcontainer Pods carry one label; one whose token comes from a Secret is known by it."""
    assert required(workspace(armed, labels=BY_NAME, agent=False)) == [{"matchExpressions": [WS]}]
    by_app = {"app": "coder-workspace"}
    assert required(workspace(armed, labels=by_app, agent=False)) == [{"matchExpressions": [WS]}]
    by_coder = {"com.coder.workspace.id": "1"}
    assert required(workspace(armed, labels=by_coder, agent=False)) == [{"matchExpressions": [WS]}]


@pytest.mark.parametrize(
    "labels",
    [
        {},
        {"app": "web"},
        {"com.coder.resource": "false"},
        {"app.kubernetes.io/name": "coder-provisioner"},
        {"app.kubernetes.io/name": "coder-ai-gateway", "com.coder.resource": "true"},
        {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "proxy"},
    ],
)
def test_other_pods_are_let_through_untouched(armed: Armed, labels: dict[str, str]) -> None:
    """Neighbours, provisioners, proxies, the AI gateway: none of them is a workspace or coderd."""
    assert "affinity" not in workspace(armed, labels=labels, agent=False)


def test_an_agents_token_in_an_init_container_is_a_proof_too(armed: Armed) -> None:
    """Templates start agents wherever they like."""
    init = [{"name": "init", "image": "x", "env": [AGENT]}]
    assert required(workspace(armed, agent=False, initContainers=init))


def test_bare_pods_have_their_own_switch(kube: Kube) -> None:
    """An envbox Pod is left alone by default, and placed once barePods is enforced."""
    resource = managed(kube.namespace("coder"))
    audited = arm(kube, resource, NODES)
    assert "affinity" not in workspace(audited, owned=False)
    audited.disarm()
    enforced = managed(kube.namespace("coder"))
    enforced["spec"]["workspaces"]["barePods"] = "Enforce"
    armed = arm(kube, enforced, NODES)
    box = envbox_pod("box", armed.namespace)[-1]
    assert required(armed.admitted(box)) == [{"matchExpressions": [WS]}]
    armed.disarm()


@pytest.mark.parametrize("kind", ["DaemonSet", "Node"])
def test_pods_that_belong_to_one_node_are_never_placed(armed: Armed, kind: str) -> None:
    """A pool would leave Pods of a DaemonSet, or a kubelet's own, Pending on all other nodes."""
    made = pod(armed.namespace, labels=BY_NAME)
    made["metadata"]["ownerReferences"][0]["kind"] = kind
    assert "affinity" not in armed.admitted(made)


def test_the_image_of_a_static_pod_is_never_touched(armed: Armed) -> None:
    """The kubelet's own Pod, whose image in the API may not differ from its file."""
    made = pod(armed.namespace, labels=BY_NAME, nodeName="stray-0")
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    del made["metadata"]["ownerReferences"]
    assert "affinity" not in armed.admitted(made)


def test_coderd_is_known_by_its_own_labels_and_namespace(kube: Kube) -> None:
    """An adopted release of another name is placed; the same labels elsewhere mean nothing."""
    home = kube.namespace("coder")
    dev = kube.namespace("dev", labels={})
    consent = {"cva.coder.com/deployment": f"{home}/coder"}
    coderd = chart_coderd(home, release="prod")
    armed = arm(kube, adopted(home), NODES, coderd, b.namespace(dev, annotations=consent))
    labels = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "prod"}
    made = armed.admitted(pod(home, labels=labels, agent=False))
    assert required(made) == [{"matchExpressions": [CP]}]
    assert "podAntiAffinity" not in made["affinity"]
    assert "affinity" not in armed.admitted(pod(dev, labels=labels, agent=False))
    assert required(armed.admitted(pod(dev))) == [{"matchExpressions": [WS]}]
    armed.disarm()


def test_workspaces_beside_coderd_are_left_alone_where_they_are_not_wanted(kube: Kube) -> None:
    """spec.workspaces.namespaces names another one: coderd is placed, workspaces beside it are not."""
    home, dev = kube.namespace("coder"), kube.namespace("dev")
    resource = managed(home)
    resource["spec"]["workspaces"]["namespaces"] = {"names": [dev]}
    consent = {"cva.coder.com/deployment": f"{home}/coder"}
    armed = arm(
        kube,
        resource,
        NODES,
        b.namespace(dev, annotations=consent),
        until=lambda: kube.create(pod(dev), dry_run=True)["spec"].get("affinity"),
    )
    labels = {"app.kubernetes.io/name": "coder", "app.kubernetes.io/instance": "coder"}
    assert required(armed.admitted(pod(home, labels=labels, agent=False)))
    assert "affinity" not in armed.admitted(pod(home, labels=BY_NAME))
    armed.disarm()


def test_other_namespaces_are_untouched(armed: Armed, namespace_of_others: str) -> None:
    """A workspace where no consent was given is nobody's business."""
    assert "affinity" not in armed.admitted(pod(namespace_of_others, labels=BY_NAME))


@pytest.fixture
def namespace_of_others(kube: Kube) -> str:
    return kube.namespace("others")


def test_two_deployments_do_not_get_into_each_others_way(kube: Kube, armed: Armed) -> None:
    """Each namespace is placed by its own parameter."""
    other = managed(kube.namespace("coder"))
    other["spec"]["workspaces"]["nodePool"]["selector"] = {"pool": "others"}
    second = arm(kube, other, b.node("x", labels={"pool": "others"}))
    theirs = {"key": "pool", "operator": "In", "values": ["others"]}
    assert required(workspace(second)) == [{"matchExpressions": [theirs]}]
    assert required(workspace(armed)) == [{"matchExpressions": [WS]}]
    second.disarm()


def test_a_distance_that_selects_nobody_is_completed(armed: Armed) -> None:
    """The document's own snippet selects a label that no workspace has; the template's is enough."""
    own = soft_anti_affinity()
    assert (
        workspace(armed, labels=BY_NAME, affinity=own)["affinity"]["podAntiAffinity"]
        == (own["podAntiAffinity"])
    )
    dead = soft_anti_affinity()
    term = dead["podAntiAffinity"][PREFERRED][0]["podAffinityTerm"]
    term["labelSelector"]["matchExpressions"][0]["key"] = "app.kubernetes.io/instance"
    made = workspace(armed, labels=BY_NAME, affinity=dead)["affinity"]["podAntiAffinity"]
    assert made[PREFERRED] == [
        *dead["podAntiAffinity"][PREFERRED],
        *own["podAntiAffinity"][PREFERRED],
    ]


def test_the_distance_selects_a_label_that_the_pod_has(armed: Armed) -> None:
    """By Coder's own label where there is no name; not at all where nothing is shared."""
    made = workspace(armed, labels={"com.coder.resource": "true"})
    (term,) = made["affinity"]["podAntiAffinity"][PREFERRED]
    selector = term["podAffinityTerm"]["labelSelector"]["matchExpressions"]
    assert selector == [{"key": "com.coder.resource", "operator": "In", "values": ["true"]}]
    assert "podAntiAffinity" not in workspace(armed)["affinity"]


def test_a_change_by_another_policy_afterwards_changes_nothing_twice(armed: Armed) -> None:
    """The API server runs the policy again when another one has changed the Pod since."""
    kube = armed.kube
    meddling = [_meddling_policy(), _meddling_binding(armed.namespace)]
    for one in meddling:
        kube.create(one)
    made = pod(armed.namespace, labels=BY_NAME)
    kube.wait_for(
        lambda: kube.create(made, dry_run=True)["spec"].get("priorityClassName"),
        timeout=20,
        what="the other policy",
    )
    spec = armed.admitted(made)
    assert required(spec) == [{"matchExpressions": [WS]}]
    assert len(spec["affinity"]["podAntiAffinity"][PREFERRED]) == 1
    for one in meddling:
        kube.delete(one)


def test_a_pod_of_twenty_containers_stays_within_the_budget(armed: Armed) -> None:
    """The time that the API server grants suffices for the largest Pods that templates make."""
    env = [{"name": f"VARIABLE_{number}", "value": "x" * 100} for number in range(300)]
    containers = [{"name": f"c{number}", "image": "x", "env": env} for number in range(20)]
    containers[-1] = {**containers[-1], "env": [*env, AGENT]}
    labels = {f"example.com/label-{number}": "x" for number in range(50)}
    spec = workspace(armed, labels=labels, containers=containers)
    assert required(spec) == [{"matchExpressions": [WS]}]


def test_a_pool_of_eight_labels_and_a_pod_of_many_terms_stay_within_the_budget(kube: Kube) -> None:
    """The largest pool that a spec may describe, on a Pod with twenty terms of its own."""
    resource = managed(kube.namespace("coder"))
    selector = {f"example.com/label-{number}": "x" for number in range(8)}
    tolerations = [{"key": f"taint-{number}", "operator": "Exists"} for number in range(16)]
    resource["spec"]["workspaces"]["nodePool"] = {
        "selector": selector,
        "tolerations": tolerations,
        "placement": "Required",
    }
    armed = arm(kube, resource)
    many = [[{**ZONE_A, "values": [str(number)]}] for number in range(20)]
    spec = workspace(armed, affinity=terms(*many))
    assert all(len(one["matchExpressions"]) == 9 for one in required(spec))
    assert len(required(spec)) == 20
    assert len(spec["tolerations"]) == 18
    armed.disarm()


def test_deleting_the_deployment_disarms_at_once(kube: Kube) -> None:
    """With the operator gone and its policies left behind, Pods are as their templates made them."""
    armed = arm(kube, managed(kube.namespace("coder")), NODES)
    kube.delete(armed.resource)
    deleted = time.monotonic()
    kube.wait_for(
        lambda: not armed.affinity_of(pod(armed.namespace)), timeout=5, what="the disarming"
    )
    assert time.monotonic() - deleted < 2
    armed.disarm()


def test_what_is_written_is_what_is_rendered(kube: Kube) -> None:
    """Policies and bindings applied again are no write: the API server fills in nothing of ours."""
    resource = managed(kube.namespace("coder"))
    resource["spec"]["workspaces"]["storage"] = {"storageClassName": "fast", "minSize": "1Gi"}
    fast = {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": "fast"},
        "provisioner": "disk.harness.test",
    }
    armed = arm(kube, resource, NODES, fast)
    assert len(armed.rendered) == 8
    for one in armed.rendered:
        if one["kind"] == "ValidatingAdmissionPolicy":
            # The API server's controller checks its types, and writes its findings into the status.
            checked = kube.wait_until(one, lambda it: "typeChecking" in it.get("status", {}))
            assert checked["status"]["typeChecking"] == {}
        once, twice = (kube.apply(one, manager="operator")["metadata"] for _ in range(2))
        assert once["resourceVersion"] == twice["resourceVersion"], one["metadata"]["name"]
        assert once["generation"] == 1
    armed.disarm()


def test_without_a_status_nothing_happens(fresh: Armed) -> None:
    """A CoderDeployment that no operator has looked at yet changes no Pod."""
    fresh.kube.patch(fresh.resource, {"status": {"placement": None}}, subresource="status")
    fresh.kube.wait_for(
        lambda: not fresh.affinity_of(pod(fresh.namespace)), timeout=5, what="the placement to go"
    )
    assert "affinity" not in workspace(fresh, labels=BY_NAME)


def required_of(*expressions: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return required({"affinity": terms(*expressions)})


def _coderd(kube: Kube, namespace: str, replicas: int) -> dict[str, Any]:
    for one in chart_coderd(namespace, replicas=replicas, database=False):
        made = kube.create(one)
    return made


def _running(kube: Kube, namespace: str, labels: str, count: int) -> list[dict[str, Any]]:
    pods = kube.list("pods", namespace, labels=labels, fields="status.phase=Running")
    return pods if len(pods) == count else []


def _unschedulable(pod: dict[str, Any]) -> bool:
    conditions = pod["status"].get("conditions", [])
    return any(one.get("reason") == "Unschedulable" for one in conditions)


def _meddling_policy() -> dict[str, Any]:
    expression = (
        "has(object.spec.priorityClassName) ? [] : [JSONPatch{op: 'add', "
        "path: '/spec/priorityClassName', value: 'system-cluster-critical'},"
        " JSONPatch{op: 'add', path: '/spec/priority', value: 2000000000}]"
    )
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicy",
        "metadata": {"name": "zz-meddling"},
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {
                        "apiGroups": [""],
                        "apiVersions": ["v1"],
                        "operations": ["CREATE"],
                        "resources": ["pods"],
                    }
                ]
            },
            "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}],
            "failurePolicy": "Fail",
            "reinvocationPolicy": "IfNeeded",
        },
    }


def _meddling_binding(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "MutatingAdmissionPolicyBinding",
        "metadata": {"name": "zz-meddling"},
        "spec": {
            "policyName": "zz-meddling",
            "matchResources": {
                "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
            },
        },
    }
