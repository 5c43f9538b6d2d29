"""Two tenants who may write CoderDeployments in a namespace of their own: nothing of what they say gets out of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.api.v1alpha1.coder_placement import PARAMETER
from harness.api import ApiError
from support import builders
from support.admission import pod
from support.coder_manifests import chart_coderd
from support.deployments import adopted, condition, wait_condition
from support.hostile_specs import CASES, manifest_of
from support.stage import own_stage
from support.workspace_manifests import home_claim, workspace_deployment, workspace_labels

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from support.stage import Stage

pytestmark = pytest.mark.cluster

LAST = 98
"""Behind the numbers of the cases."""
TENANTS = ("mallory", "trudy")
GROUP = "rbac.authorization.k8s.io"
NAMESPACED = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "RoleBinding",
    "PodDisruptionBudget",
    "NetworkPolicy",
)
ADMISSION = ("MutatingAdmissionPolicy", "ValidatingAdmissionPolicy")
VOLATILE = ("managedFields", "resourceVersion", "generation")


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster on which nobody else is at work."""
    with own_stage(request, tmp_path_factory.mktemp("tenants")) as it:
        yield it


@pytest.fixture(scope="module")
def kube(stage: Stage) -> Kube:
    """The administrator's client."""
    return stage.kube


@pytest.fixture(scope="module")
def victim(stage: Stage, kube: Kube) -> dict[str, Any]:
    """Somebody else's Coder, adopted and Ready, with a workspace and everything enforced."""
    # Room enough for a coderd of each tenant: a pool that is full is preferred only, whoever fills it.
    stage.cluster.nodes(
        "room",
        3,
        labels={"coder.com/node-group": "control-plane"},
        capacity={"cpu": "1000", "memory": "4000Gi", "pods": "500"},
    )
    stage.operator().start()
    space = kube.namespace("victim")
    at_home = {"nodeSelector": {"coder.com/node-group": "workspaces"}}
    workspace = workspace_deployment("alpha", space, pod=at_home)
    for one in builders.flat([chart_coderd(space), workspace]):
        kube.create(one)
    manifest = adopted(space)
    # All policies that CoderDeployments share are there before, so that a new one would be seen.
    manifest["spec"]["workspaces"]["storage"] = {"minSize": "1Gi"}
    ids = ("CVA-NET-005", "CVA-STO-002", "CVA-STO-004")
    manifest["spec"]["enforcement"] = {"rules": dict.fromkeys(ids, "Enforce")}
    resource = wait_condition(kube, kube.apply(manifest), "Ready", "True")
    # The API server looks for new policies about once a second.
    kube.wait_for(
        lambda: kube.create(pod(space), dry_run=True)["spec"].get("affinity"),
        what="the policies to act",
    )
    return kube.wait_until(
        resource,
        lambda one: (
            one["status"]["workspaces"]["count"] == 1
            and one["status"]["workspaces"].get("misplaced") == 0
        ),
    )


def tenant(kube: Kube, user: str, number: int) -> tuple[str, Kube]:
    """A namespace in which this user may write CoderDeployments, and nothing else anywhere."""
    space = f"{user}-{number:02}"
    kube.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": space}})
    verbs = ["get", "list", "create", "update", "patch", "delete"]
    rules = [{"apiGroups": ["cva.coder.com"], "resources": ["coderdeployments"], "verbs": verbs}]
    metadata = {"name": "tenant", "namespace": space}
    kube.create({"apiVersion": f"{GROUP}/v1", "kind": "Role", "metadata": metadata, "rules": rules})
    kube.create(
        {
            "apiVersion": f"{GROUP}/v1",
            "kind": "RoleBinding",
            "metadata": metadata,
            "roleRef": {"apiGroup": GROUP, "kind": "Role", "name": "tenant"},
            "subjects": [{"apiGroup": GROUP, "kind": "User", "name": user}],
        }
    )
    client = kube.acting_as(user)
    kube.wait_for(lambda: may_look(client, space), what="the right to be known")
    return space, client


def may_look(client: Kube, namespace: str) -> bool:
    """Whether the API server knows the right already."""
    try:
        client.list("CoderDeployment", namespace)
    except ApiError as error:
        return error.status != 403
    return True


def outside(kube: Kube, tenants: set[str]) -> dict[str, Any]:
    """Every object of the kinds that the operator writes, and every node and namespace, but for the tenants' own."""
    found = {}
    for kind in (*NAMESPACED, *ADMISSION, "Namespace", "Node", "ClusterRole", "ClusterRoleBinding"):
        for one in kube.list(kind):
            meta = one["metadata"]
            space = meta.get("namespace", meta["name"] if kind == "Namespace" else "")
            if space not in tenants:
                found[f"{kind} {space}/{meta['name']}"] = _lasting(one)
    for kind in ADMISSION:
        for one in kube.list(f"{kind}Binding"):
            if not bound(one) <= tenants:
                found[f"{kind}Binding {one['metadata']['name']}"] = _lasting(one)
    return found


def bound(binding: dict[str, Any]) -> set[str]:
    """The namespaces in which a binding of ours acts."""
    (expression,) = binding["spec"]["matchResources"]["namespaceSelector"]["matchExpressions"]
    assert (expression["key"], expression["operator"]) == ("kubernetes.io/metadata.name", "In")
    return set(expression["values"])


def _lasting(body: dict[str, Any]) -> dict[str, Any]:
    made = {key: one for key, one in body.items() if key != "status"}
    return {**made, "metadata": {k: v for k, v in made["metadata"].items() if k not in VOLATILE}}


def admitted(kube: Kube, *spaces: str) -> list[dict[str, Any]]:
    """What becomes of Pods and claims of several kinds in these namespaces."""
    host = {"name": "host", "hostPath": {"path": "/var"}}
    # The volume of a token would have another name each time.
    plain: dict[str, Any] = {"automountServiceAccountToken": False}
    found = []
    for space in spaces:
        for one in (
            pod(space, **plain),
            pod(space, owned=False, **plain),
            pod(space, agent=False, labels={"app.kubernetes.io/name": "coder"}, **plain),
            pod(space, volumes=[host], **plain),
            home_claim("home", space, workspace_labels("dev", "alice"), None),
        ):
            one["metadata"]["name"] = "probe"
            found.append(kube.create(one, dry_run=True)["spec"])
    return found


def test_no_spec_gets_out_of_its_namespace(
    stage: Stage, kube: Kube, victim: dict[str, Any], record_property: Any
) -> None:
    """Refused at once, or without effect elsewhere: objects, nodes, admission and the victim's status are the same."""
    spaces = (victim["metadata"]["namespace"], "default", "kube-system")
    tenants = {f"{TENANTS[at % 2]}-{at:02}" for at in (*range(len(CASES)), LAST)}
    settled = kube.refresh(victim)
    before, pods = outside(kube, tenants), admitted(kube, *spaces)
    applied, told = [], {}
    for at, case in enumerate(CASES):
        own, client = tenant(kube, TENANTS[at % 2], at)
        manifest = manifest_of(case, own, victim)
        try:
            applied.append(client.create(manifest))
        except ApiError as error:
            told[case["claim"]] = error.status
    refused = {one["claim"] for one in CASES if one.get("refused")}
    assert told.keys() == refused, told
    assert set(told.values()) <= {400, 404, 422}

    for one in applied:
        kube.wait_until(
            one,
            lambda it: (
                condition(it, "Conformant")
                and condition(it, "Ready").get("reason") not in (None, "Starting")
            ),
        )
    stage.replicas[0].look_again(kube, victim)

    assert outside(kube, tenants) == before
    assert admitted(kube, *spaces) == pods
    now = kube.refresh(victim)["status"]
    for part in ("placement", "workspaces", "controlPlane"):
        assert now[part] == settled["status"][part]
    assert condition({"status": now}, "Ready")["status"] == "True"
    for one in applied:
        uid, own = one["metadata"]["uid"], one["metadata"]["namespace"]
        for kind in NAMESPACED:
            made = kube.list(kind, labels=f"cva.coder.com/owner-uid={uid}")
            assert {it["metadata"]["namespace"] for it in made} <= {own}
    print(f"hostile specs: {len(CASES)} tried, {len(refused)} refused at once, 0 got out")
    record_property("tried", len(CASES))
    assert len(CASES) >= 40


def test_a_tenant_may_write_nothing_but_the_spec(kube: Kube, victim: dict[str, Any]) -> None:
    """Neither what admission reads, nor the status, nor anything in another's namespace."""
    own, client = tenant(kube, TENANTS[LAST % 2], LAST)
    mine = client.create(adopted(own))
    placement = {"workspaces": {"hostVolumes": "Deny"}}

    with pytest.raises(ApiError, match="403"):
        client.create(
            {**PARAMETER, "metadata": {"name": "coder", "namespace": own}, "spec": placement}
        )
    with pytest.raises(ApiError, match="403"):
        client.patch(mine, {"status": {"placement": placement}}, subresource="status")
    with pytest.raises(ApiError, match="403"):
        client.patch(victim, {"spec": {"suspend": True}})
    with pytest.raises(ApiError, match="403"):
        client.create(adopted(victim["metadata"]["namespace"], "another"))
