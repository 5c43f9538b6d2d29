from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.snapshot.model import Served
from harness import binaries
from harness.api import ApiError
from support.admission import AGENT, Armed, arm, pod
from support.deployments import adopted, managed
from support.installation import install
from support.workspace_manifests import envbox_pod, home_claim, workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Iterator

    from harness.kube import Kube
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

LABELS = {"com.coder.resource": "true"}
DEFAULT = "storageclass.kubernetes.io/is-default-class"
FAST = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "disk.harness.test",
}


@pytest.fixture(scope="module")
def kube(either_world: Provider) -> Kube:
    either_world.kube.apply(FAST)
    return either_world.kube


@pytest.fixture
def no_default_class(kube: Kube) -> Iterator[None]:
    """The cluster's default StorageClass is none while the test runs."""
    standard = kube.get("StorageClass", "standard")
    kube.patch(standard, {"metadata": {"annotations": {DEFAULT: "false"}}})
    # The API server's own defaulting learns of it a moment later.
    probe = home_claim("probe", "default", LABELS)
    kube.wait_for(
        lambda: "storageClassName" not in kube.create(probe, dry_run=True)["spec"],
        timeout=60,
        what="the default class to go",
    )
    yield
    kube.patch(standard, {"metadata": {"annotations": {DEFAULT: "true"}}})


def with_storage(resource: dict[str, Any], **storage: Any) -> dict[str, Any]:
    resource["spec"]["workspaces"]["storage"] = {"hostVolumes": "Off", **storage}
    return resource


def claim(namespace: str, size: str = "10Gi", **spec: Any) -> dict[str, Any]:
    made = home_claim("home", namespace, LABELS)
    made["spec"] |= {"resources": {"requests": {"storage": size}}, **spec}
    return made


def class_of(kube: Kube, wanted: dict[str, Any]) -> str | None:
    found: str | None = kube.create(wanted, dry_run=True)["spec"].get("storageClassName")
    return found


@pytest.fixture
def with_class(kube: Kube, no_default_class: None) -> Iterator[Armed]:
    """A managed Coder whose spec names the class ``fast``."""
    resource = with_storage(managed(kube.namespace("coder")), storageClassName="fast")
    probe = claim(resource["metadata"]["namespace"])
    armed = arm(kube, resource, FAST, until=lambda: class_of(kube, probe) == "fast")
    yield armed
    armed.disarm()


def test_a_claim_that_names_no_class_gets_the_specs(with_class: Armed) -> None:
    """The claim of Coder's own template, which names none, is provisioned by the spec's class."""
    made = [
        with_class.kube.create(one) for one in workspace_deployment("dev", with_class.namespace)
    ]
    assert made[0]["spec"]["storageClassName"] == "fast"


def test_a_claims_own_choice_is_left_alone(with_class: Armed) -> None:
    """A class, none on purpose, a volume or a source: an explicit choice may hold somebody's home."""
    kube, namespace = with_class.kube, with_class.namespace
    source = {"kind": "PersistentVolumeClaim", "name": "other"}
    assert class_of(kube, claim(namespace, storageClassName="immediate")) == "immediate"
    assert class_of(kube, claim(namespace, storageClassName="")) == ""
    assert class_of(kube, claim(namespace, volumeName="pv-1")) is None
    assert class_of(kube, claim(namespace, dataSource=source)) is None
    assert class_of(kube, claim(namespace, dataSourceRef=source)) is None
    old = claim(namespace)
    old["metadata"]["annotations"] = {"volume.beta.kubernetes.io/storage-class": "immediate"}
    assert class_of(kube, old) is None


def test_claims_of_others_are_left_alone(with_class: Armed) -> None:
    """Without a workspace's label, or in another namespace, a claim is nobody's business."""
    kube = with_class.kube
    envbox = home_claim("home", with_class.namespace, {})
    assert class_of(kube, envbox) is None
    assert class_of(kube, claim(kube.namespace("others"))) is None


def test_the_clusters_default_class_comes_first(kube: Kube) -> None:
    """The API server's own default is in the claim before the policy looks, and stays there."""
    resource = with_storage(managed(kube.namespace("coder")), storageClassName="fast")
    armed = arm(kube, resource, FAST)
    assert class_of(kube, claim(armed.namespace)) == "standard"
    armed.disarm()


@pytest.fixture(scope="module")
def bounded(kube: Kube) -> Iterator[Armed]:
    """A managed Coder whose claims are between 5Gi and 1Ti."""
    resource = with_storage(managed(kube.namespace("coder")), minSize="5Gi", maxSize="1Ti")
    probe = claim(resource["metadata"]["namespace"], "1Gi")
    armed = arm(kube, resource, until=lambda: refusal(kube, probe))
    yield armed
    armed.disarm()


def refusal(kube: Kube, wanted: dict[str, Any]) -> str:
    """The words with which an object is refused, "" where it is not."""
    try:
        kube.create(wanted, dry_run=True)
    except ApiError as error:
        return error.message
    return ""


def test_claims_outside_the_bounds_are_refused_with_the_remedy(bounded: Armed) -> None:
    """The message names the claim, both amounts, and where to change which."""
    kube, namespace = bounded.kube, bounded.namespace
    small = refusal(kube, claim(namespace, "4Gi"))
    assert "CVA-STO-002: claim home asks for 4Gi, less than 5Gi" in small
    assert f"spec.workspaces.storage.minSize of CoderDeployment {namespace}/coder" in small
    assert "asks for 2Ti, more than 1Ti" in refusal(kube, claim(namespace, "2Ti"))


def test_claims_within_the_bounds_pass(bounded: Armed) -> None:
    """Also at the bounds themselves, and in other units."""
    for size in ("5Gi", "10Gi", "1Ti", "6000Mi", "6G"):
        assert refusal(bounded.kube, claim(bounded.namespace, size)) == ""


def test_bounds_never_touch_what_exists_or_belongs_to_others(bounded: Armed) -> None:
    """A claim for a volume that exists, claims of others, and edits of older claims pass."""
    kube, namespace = bounded.kube, bounded.namespace
    assert refusal(kube, claim(namespace, "1Gi", volumeName="pv-1")) == ""
    assert refusal(kube, home_claim("home", kube.namespace("others"), LABELS)) == ""
    other = home_claim("older", namespace, {})
    other["spec"]["resources"]["requests"]["storage"] = "1Gi"
    made = kube.create(other)
    labelled = kube.patch(made, {"metadata": {"labels": LABELS}})
    assert labelled["metadata"]["labels"] == LABELS


@pytest.fixture(scope="module")
def denied(kube: Kube) -> Iterator[Armed]:
    """A managed Coder that refuses volumes of the host."""
    resource = with_storage(managed(kube.namespace("coder")), hostVolumes="Deny")
    namespace = resource["metadata"]["namespace"]
    armed = arm(kube, resource, until=lambda: refusal(kube, hosting(namespace)))
    yield armed
    armed.disarm()


def hosting(namespace: str, **parts: Any) -> dict[str, Any]:
    """A workspace's Pod with two volumes of its node."""
    volumes = [
        {"name": "sources", "hostPath": {"path": "/usr/src"}},
        {"name": "modules", "hostPath": {"path": "/lib/modules"}},
        {"name": "tmp", "emptyDir": {}},
    ]
    return pod(namespace, volumes=volumes, **parts)


def test_volumes_of_the_host_are_refused_where_the_user_says_so(denied: Armed) -> None:
    """The message names the Pod, its volumes and the remedy."""
    words = refusal(denied.kube, hosting(denied.namespace))
    assert "mounts volumes of its node: sources (/usr/src), modules (/lib/modules)" in words
    assert "PersistentVolumeClaim" in words
    assert f"CoderDeployment {denied.namespace}/coder" in words


def test_the_deployment_of_such_a_workspace_is_refused_as_well(denied: Armed) -> None:
    """Whoever builds the workspace sees the refusal, not only the ReplicaSet's events."""
    deployment = workspace_deployment("dev", denied.namespace)[-1]
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    volumes.append({"name": "root", "hostPath": {"path": "/"}})
    words = refusal(denied.kube, deployment)
    assert "workspace Deployment" in words
    assert "root (/)" in words


def test_everything_else_is_let_through(denied: Armed) -> None:
    """Workspaces without such volumes, and Pods of others with them."""
    kube, namespace = denied.kube, denied.namespace
    assert refusal(kube, pod(namespace)) == ""
    assert refusal(kube, hosting(namespace, agent=False)) == ""
    assert refusal(kube, hosting(kube.namespace("others"))) == ""
    for one in workspace_deployment("dev", namespace):
        assert refusal(kube, one) == ""
    init = [{"name": "init", "image": "x", "env": [AGENT]}]
    assert refusal(kube, hosting(namespace, agent=False, initContainers=init)) != ""


def test_by_default_a_warning_is_seen_and_nothing_is_refused(
    kube: Kube, either_world: Provider
) -> None:
    """Coder's own envbox template needs such volumes: kubectl shows the warning, the Pod starts."""
    resource = managed(kube.namespace("coder"))
    armed = arm(kube, resource)
    box = envbox_pod("box", armed.namespace)[-1]
    warned = kube.wait_for(
        lambda: warnings(either_world, box), timeout=60, what="the warning about host volumes"
    )
    assert "Warning: " in warned
    assert "CVA-STO-004: workspace Pod coder-alice-box mounts volumes of its node" in warned
    armed.disarm()


def test_an_adopted_coder_is_not_warned(kube: Kube, either_world: Provider) -> None:
    """There the rule is Audit until the user says otherwise: a finding, and nothing at admission."""
    armed = arm(kube, adopted(kube.namespace("coder")))
    assert warnings(either_world, envbox_pod("box", armed.namespace)[-1]) == ""
    armed.disarm()


def test_deleting_the_deployment_disarms_refusals_too(kube: Kube) -> None:
    """Nobody is refused anything on behalf of a CoderDeployment that is gone."""
    resource = with_storage(managed(kube.namespace("coder")), hostVolumes="Deny", minSize="5Gi")
    namespace = resource["metadata"]["namespace"]
    armed = arm(
        kube,
        resource,
        until=lambda: refusal(kube, hosting(namespace)) and refusal(kube, claim(namespace, "1Gi")),
    )
    kube.delete(armed.resource)
    kube.wait_for(
        lambda: (
            not refusal(kube, hosting(namespace)) and not refusal(kube, claim(namespace, "1Gi"))
        ),
        timeout=60,
        what="the disarming",
    )
    armed.disarm()


def test_an_older_api_server_still_warns(old_cluster: Provider) -> None:
    """Where no mutating policy is served the validating ones are, and say the same."""
    kube = old_cluster.kube
    install(kube)
    group = kube.get("/apis/admissionregistration.k8s.io/v1")["resources"]
    plurals = {one["name"] for one in group}
    assert "mutatingadmissionpolicies" not in plurals
    assert "validatingadmissionpolicies" in plurals
    resource = with_storage(managed(kube.namespace("coder")), hostVolumes="Deny")
    namespace = resource["metadata"]["namespace"]
    armed = arm(
        kube,
        resource,
        served=Served((), ("v1",)),
        until=lambda: refusal(kube, hosting(namespace)),
    )
    assert {one["kind"] for one in armed.rendered} == {
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    }
    armed.disarm()


def warnings(cluster: Provider, manifest: dict[str, Any]) -> str:
    """What kubectl says on its second channel while it creates an object that is only tried."""
    kubectl = binaries.kubectl()
    answer = subprocess.run(
        [kubectl, f"--kubeconfig={cluster.kubeconfig}", "create", "--dry-run=server", "-f", "-"],
        input=json.dumps(manifest),
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return answer.stderr
