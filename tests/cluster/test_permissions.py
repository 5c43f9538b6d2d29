"""Each right of the shipped roles taken away in turn, and given back."""

from __future__ import annotations

import secrets
import time
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.rules.registry import ALL
from coder_cva.rules.subjects import WORKSPACES
from coder_cva.snapshot.needs import SOURCES, Need
from support.deployments import condition, ready_coder, wait_condition
from support.installation import NAMESPACE, SERVICE_ACCOUNT
from support.stage import own_stage
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.api import Object
    from harness.kube import Kube
    from support.installation import OperatorProcess
    from support.stage import Stage

pytestmark = [pytest.mark.cluster, pytest.mark.slow]

OURS = "app.kubernetes.io/managed-by=coder-cva-operator"
KINDS = (
    "Deployment",
    "Service",
    "ServiceAccount",
    "RoleBinding",
    "PodDisruptionBudget",
    "NetworkPolicy",
    "MutatingAdmissionPolicy",
    "MutatingAdmissionPolicyBinding",
    "ValidatingAdmissionPolicy",
    "ValidatingAdmissionPolicyBinding",
)
ADMISSION = "admissionregistration.k8s.io"
WRITTEN = (
    ("", "services", "Service"),
    ("", "serviceaccounts", "ServiceAccount"),
    ("apps", "deployments", "Deployment"),
    ("policy", "poddisruptionbudgets", "PodDisruptionBudget"),
    ("networking.k8s.io", "networkpolicies", "NetworkPolicy"),
    ("rbac.authorization.k8s.io", "rolebindings", "RoleBinding"),
    ("rbac.authorization.k8s.io", "clusterroles", "RoleBinding"),
    ("cva.coder.com", "coderplacements", "CoderPlacement"),
    (ADMISSION, "mutatingadmissionpolicies", "MutatingAdmissionPolicy"),
    (ADMISSION, "mutatingadmissionpolicybindings", "MutatingAdmissionPolicyBinding"),
    (ADMISSION, "validatingadmissionpolicies", "ValidatingAdmissionPolicy"),
    (ADMISSION, "validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
)
"""Rights to write, and the kind of object that is missed without them."""
TOLD = {"coderdeployments", "coderdeployments/status", "customresourcedefinitions", "events"}
"""Rights with tests of their own below."""
ELSEWHERE = {
    "pods/eviction",
    "mutatingwebhookconfigurations",
    "validatingwebhookconfigurations",
}
"""Rights that are at work in test_bad_days_pools.py, and in test_old_world.py and test_engine_change.py."""


@pytest.fixture(scope="module")
def stage(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A cluster whose roles these tests edit."""
    with own_stage(request, tmp_path_factory.mktemp("permissions")) as it:
        yield it


@pytest.fixture(scope="module")
def kube(stage: Stage) -> Kube:
    """The client of that cluster."""
    return stage.kube


@pytest.fixture(scope="module")
def operator(stage: Stage) -> OperatorProcess:
    """The operator; its watches last two seconds, so that it soon sees what it may no longer see."""
    process = stage.operator(WATCH_SECONDS="2")
    process.start()
    return process


@pytest.fixture(scope="module")
def coder(kube: Kube, operator: OperatorProcess) -> Object:
    """A Coder that is Ready, with one workspace."""
    namespace = kube.namespace("rights")
    for manifest in workspace_deployment(namespace=namespace):
        kube.create(manifest)
    ready = ready_coder(kube, namespace)
    return kube.wait_until(ready, lambda it: counted(it).get("count") == 1)


@pytest.fixture(autouse=True)
def _patient(kube: Kube, coder: Object) -> None:
    """What is deleted once too often waits for an edit of the CoderDeployment: this is one, without effect."""
    attested = {
        "clause": "CVA-SUP-002",
        "evidence": f"https://example.com/{secrets.token_hex(4)}",
        "until": "2099-01-31",
    }
    kube.patch(coder, {"spec": {"attestations": [attested]}})


@pytest.fixture
def role(kube: Kube) -> Iterator[Object]:
    """The operator's ClusterRole; whatever a test makes of it is undone."""
    shipped = kube.get("ClusterRole", SERVICE_ACCOUNT)
    yield shipped
    give_back(kube, shipped)


def take_away(kube: Kube, role: Object, group: str, resource: str, *verbs: str) -> None:
    """Takes verbs on one resource out of a role; no verbs means all of them."""
    rules: list[Any] = []
    for rule in deepcopy(role["rules"]):
        if group in rule["apiGroups"] and resource in rule["resources"]:
            left = [one for one in rule["verbs"] if verbs and one not in verbs]
            rule["resources"].remove(resource)
            rules += [{**rule, "resources": [resource], "verbs": left}] if left else []
        rules += [rule] if rule["resources"] else []
    assert rules != role["rules"], f"the role says nothing about {resource}"
    kube.patch(role, {"rules": rules})


def give_back(kube: Kube, role: Object) -> None:
    """The role as it was."""
    kube.patch(role, {"rules": role["rules"]})


def ours(kube: Kube) -> dict[str, str]:
    """Everything that the operator made, by its UID."""
    return {
        f"{kind} {one['metadata']['name']}": one["metadata"]["uid"]
        for kind in KINDS
        for one in kube.list(kind, labels=OURS)
    }


def counted(coder: Object) -> dict[str, Any]:
    """What its status tells of workspaces."""
    found: dict[str, Any] = coder["status"].get("workspaces", {})
    return found


def readable(operator: OperatorProcess, need: Need) -> bool:
    """What the metrics say about a kind."""
    return f'coder_cva_kind_readable{{kind="{need}"}} 1.0' in operator.get("/metrics")[1]


@pytest.mark.parametrize("need", list(Need), ids=str)
def test_what_may_not_be_read_is_unknown(
    kube: Kube, operator: OperatorProcess, coder: Object, role: Object, need: Need
) -> None:
    """Its verdicts become Unknown(Forbidden), nothing unseen passes or is swept; given back, all is as it was."""
    wait_condition(kube, coder, "Ready", "True")
    # The test before may have ended while its last Pods were still being seen.
    before, made = operator.look_again(kube, coder)["status"]["verdicts"], ours(kube)
    could = readable(operator, need)
    source = SOURCES[need]
    asked = [rule.id for rule in ALL if need in rule.needs]

    take_away(kube, role, source.group, source.plural, "get", "list", "watch")

    def is_unknown(one: Object) -> bool:
        said = one["status"]["verdicts"]
        return all(said[rule] == "unknown (Forbidden)" for rule in asked)

    kube.wait_for(lambda: not readable(operator, need), what=f"{need} to be forbidden")
    kube.wait_until(coder, is_unknown)
    told = operator.look_again(kube, coder)
    assert condition(told, "Conformant")["status"] != "True"
    # A number that is not known is no number: kubectl shows an empty column, and there is no sample.
    assert ("count" in counted(told)) is (need not in WORKSPACES)
    assert ("coder_cva_workspaces{" in operator.get("/metrics")[1]) is (need not in WORKSPACES)
    assert ours(kube) == made
    assert operator.get("/healthz")[0] == 200
    passed = {rule for rule, verdict in told["status"]["verdicts"].items() if verdict == "passed"}
    assert passed <= {rule for rule, verdict in before.items() if verdict == "passed"}
    give_back(kube, role)
    if could:
        kube.wait_for(lambda: readable(operator, need), what=f"{need} to be readable again")
    kube.wait_until(coder, lambda one: one["status"]["verdicts"] == before)
    kube.wait_until(coder, lambda one: counted(one).get("count") == 1)
    wait_condition(kube, coder, "Ready", "True")


@pytest.mark.parametrize(("group", "resource", "kind"), WRITTEN, ids=lambda one: one)
def test_what_may_not_be_written_is_told(
    kube: Kube,
    operator: OperatorProcess,
    coder: Object,
    role: Object,
    group: str,
    resource: str,
    kind: str,
) -> None:
    """What is missing stays missing and Ready says so; everything else is still kept; given back it is made."""
    wait_condition(kube, coder, "Ready", "True")
    verbs = ("bind",) if resource == "clusterroles" else ("create", "patch", "delete")
    take_away(kube, role, group, resource, *verbs)
    lost = kube.list(kind, labels=OURS)
    other = "ServiceAccount" if kind == "Service" else "Service"
    kept = kube.get(other, "coder", coder["metadata"]["namespace"])

    for one in (*lost, kept):
        kube.delete(one)

    told = wait_condition(kube, coder, "Ready", "False", reason="Forbidden")
    assert kind in condition(told, "Ready")["message"]
    kube.wait_until(kept, lambda it: it["metadata"]["uid"] != kept["metadata"]["uid"])
    assert kube.list(kind, labels=OURS) == []
    assert operator.get("/healthz")[0] == 200
    give_back(kube, role)
    operator.look_again(kube, coder)
    wait_condition(kube, coder, "Ready", "True")
    assert len(kube.list(kind, labels=OURS)) == len(lost)


@pytest.mark.parametrize(
    ("group", "resource", "kind"),
    [one for one in WRITTEN if one[0] == ADMISSION or one[1] == "serviceaccounts"],
    ids=lambda one: one,
)
def test_what_may_not_be_seen_of_ours_is_left(
    kube: Kube,
    operator: OperatorProcess,
    coder: Object,
    role: Object,
    group: str,
    resource: str,
    kind: str,
) -> None:
    """Kinds that are only written: unseen they are neither written again nor swept, and all else goes on."""
    wait_condition(kube, coder, "Ready", "True")
    made = kube.list(kind, labels=OURS)

    take_away(kube, role, group, resource, "get", "list", "watch")

    wait_condition(kube, coder, "Ready", "False", reason="Forbidden")
    operator.look_again(kube, coder)
    assert kube.list(kind, labels=OURS) == made
    give_back(kube, role)
    operator.look_again(kube, coder)
    wait_condition(kube, coder, "Ready", "True")
    assert kube.list(kind, labels=OURS) == made


def test_no_right_is_forgotten(kube: Kube) -> None:
    """Every resource of the shipped ClusterRole stands in one of the tables of these tests."""
    shipped = kube.get("ClusterRole", SERVICE_ACCOUNT)["rules"]
    granted = {resource for rule in shipped for resource in rule["resources"]}

    tested = {source.plural for source in SOURCES.values()} | {one[1] for one in WRITTEN} | TOLD

    assert granted - tested == ELSEWHERE


def test_without_the_right_to_tell_it_still_keeps(
    kube: Kube, operator: OperatorProcess, coder: Object, role: Object
) -> None:
    """No right to status: what is ours is repaired all the same, and told when the right is back."""
    take_away(kube, role, "cva.coder.com", "coderdeployments/status")
    service = kube.get("Service", "coder", coder["metadata"]["namespace"])

    kube.delete(service)

    kube.wait_until(service, lambda it: it["metadata"]["uid"] != service["metadata"]["uid"])
    changed = kube.patch(coder, {"spec": {"controlPlane": {"podLabels": {"a": "b"}}}})
    deployment = kube.get("Deployment", "coder", coder["metadata"]["namespace"])
    kube.wait_until(
        deployment, lambda it: it["spec"]["template"]["metadata"]["labels"].get("a") == "b"
    )
    assert operator.get("/healthz")[0] == 200
    give_back(kube, role)
    kube.patch(coder, {"metadata": {"annotations": {"test/wake": "up"}}})
    wait_condition(kube, changed, "Ready", "True")


def test_without_the_right_to_post_events_nothing_else_is_lost(
    kube: Kube, operator: OperatorProcess, coder: Object, role: Object
) -> None:
    """An Event that cannot be posted is dropped; the pass that wanted to post it ends as it should."""
    take_away(kube, role, "events.k8s.io", "events")
    service = kube.get("Service", "coder", coder["metadata"]["namespace"])

    kube.patch(service, {"spec": {"selector": {"app.kubernetes.io/name": "another"}}})

    kube.wait_until(service, lambda it: it["spec"]["selector"]["app.kubernetes.io/name"] == "coder")
    operator.look_again(kube, coder)
    wait_condition(kube, coder, "Ready", "True")


@pytest.mark.parametrize("resource", ["coderdeployments", "customresourcedefinitions"])
def test_without_the_right_to_see_its_own_resource_it_stays_up(
    kube: Kube, operator: OperatorProcess, coder: Object, role: Object, resource: str
) -> None:
    """It can do nothing, deletes nothing, does not end, and goes on by itself."""
    made = ours(kube)
    group = "cva.coder.com" if resource == "coderdeployments" else "apiextensions.k8s.io"

    take_away(kube, role, group, resource)

    # Long enough for its watches to be asked for anew, and refused, several times.
    time.sleep(8)
    assert operator.is_running
    assert operator.get("/healthz")[0] == 200
    assert ours(kube) == made
    give_back(kube, role)
    service = kube.get("Service", "coder", coder["metadata"]["namespace"])
    kube.delete(service)
    kube.wait_until(
        service, lambda it: it["metadata"]["uid"] != service["metadata"]["uid"], timeout=120
    )
    operator.look_again(kube, coder)
    wait_condition(kube, coder, "Ready", "True")


def test_without_the_lease_it_writes_nothing(
    kube: Kube, operator: OperatorProcess, coder: Object
) -> None:
    """Who may not hold the Lease may not act; with the right back the missing object is made."""
    role = kube.get("Role", SERVICE_ACCOUNT, NAMESPACE)
    take_away(kube, role, "coordination.k8s.io", "leases")
    try:
        kube.wait_for(
            lambda: "coder_cva_leader 0.0" in operator.get("/metrics")[1], what="no leader"
        )
        service = kube.get("Service", "coder", coder["metadata"]["namespace"])
        kube.delete(service)
        time.sleep(2)
        assert kube.find("Service", "coder", coder["metadata"]["namespace"]) is None
        assert operator.get("/healthz")[0] == 200
    finally:
        give_back(kube, role)
    kube.wait_for(lambda: kube.find("Service", "coder", coder["metadata"]["namespace"]))
    wait_condition(kube, coder, "Ready", "True")


@pytest.mark.parametrize("resource", ["coderdeployments", "customresourcedefinitions"])
def test_started_without_the_right_to_see_its_own_resource_it_waits(
    kube: Kube,
    stage: Stage,
    operator: OperatorProcess,
    coder: Object,
    role: Object,
    resource: str,
) -> None:
    """Started before its rights are there it does not end; it takes up its work when they come."""
    group = "cva.coder.com" if resource == "coderdeployments" else "apiextensions.k8s.io"
    take_away(kube, role, group, resource)
    made = ours(kube)

    operator.stop()
    operator.start()

    time.sleep(8)
    assert operator.is_running
    assert operator.get("/healthz")[0] == 200
    assert ours(kube) == made
    give_back(kube, role)
    service = kube.get("Service", "coder", coder["metadata"]["namespace"])
    kube.delete(service)
    kube.wait_until(
        service, lambda it: it["metadata"]["uid"] != service["metadata"]["uid"], timeout=120
    )
    wait_condition(kube, coder, "Ready", "True")
