from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired.admission import build_admission
from coder_cva.desired.admission_objects import binding_name
from coder_cva.desired.metadata import OWNER_UID, SHARED
from coder_cva.snapshot.model import Absence, Served, Unavailable
from coder_cva.snapshot.needs import Need
from coder_cva.values.canonical import canonical
from coder_cva.values.manifest import ref_of
from support import builders as b
from support.deployments import adopted, managed

if TYPE_CHECKING:
    from coder_cva.desired.plan import Part

PLACEMENT = "coder-cva-placement"
OURS = {"annotations": {"cva.coder.com/deployment": "coder/coder"}}


def storage_class(name: str, *, default: bool = False) -> dict[str, Any]:
    note = {"storageclass.kubernetes.io/is-default-class": "true"} if default else {}
    return {
        "apiVersion": "storage.k8s.io/v1",
        "kind": "StorageClass",
        "metadata": {"name": name, "annotations": note},
        "provisioner": "example.com/csi",
    }


def with_storage(spec: dict[str, Any], **storage: Any) -> dict[str, Any]:
    spec["spec"]["workspaces"]["storage"] = storage
    return spec


def bindings(part: Part) -> dict[str, dict[str, Any]]:
    return {
        one["spec"]["policyName"]: one for one in part.objects if one["kind"].endswith("Binding")
    }


def policies(part: Part) -> dict[str, dict[str, Any]]:
    return {
        one["metadata"]["name"]: one for one in part.objects if not one["kind"].endswith("Binding")
    }


def test_a_managed_deployment_gets_placement_and_a_warning_about_host_volumes() -> None:
    """By default Pods are placed and host volumes are warned about; claims are left alone."""
    part = build_admission(b.world(managed("coder"), b.pools()))
    assert set(policies(part)) == {PLACEMENT, "coder-cva-host-volumes"}
    assert bindings(part)["coder-cva-host-volumes"]["spec"]["validationActions"] == ["Warn"]
    assert part.withheld == ()


def test_a_policy_comes_before_its_binding() -> None:
    """Objects are applied in order; a binding without its policy would be an error for a while."""
    names = [ref_of(one).kind for one in build_admission(b.world(managed("coder"))).objects]
    assert names == [
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
    ]


def test_an_adopted_deployment_is_not_even_warned() -> None:
    """What may refuse something is Audit for an adopted Coder: judged by a rule, not at admission."""
    spec = with_storage(adopted("coder"), minSize="1Gi", hostVolumes="Deny")
    part = build_admission(b.world(spec, b.pools()))
    assert set(policies(part)) == {PLACEMENT}


def test_the_users_word_enforces_for_an_adopted_one_as_well() -> None:
    """With the rules set to Enforce an adopted Coder gets refusals and bounds."""
    spec = with_storage(adopted("coder"), maxSize="9Gi", hostVolumes="Deny")
    spec["spec"]["enforcement"] = {"rules": {"CVA-STO-002": "Enforce", "CVA-STO-004": "Enforce"}}
    bound = bindings(build_admission(b.world(spec)))
    assert bound["coder-cva-host-volumes"]["spec"]["validationActions"] == ["Deny"]
    assert bound["coder-cva-claim-bounds"]["spec"]["validationActions"] == ["Deny"]


def test_a_binding_names_its_namespaces_and_its_parameter() -> None:
    """Nothing but the consenting namespaces waits for the policy, and a missing parameter disarms."""
    part = build_admission(b.world(managed("coder"), b.namespace("dev", **OURS), b.namespace("x")))
    spec = bindings(part)[PLACEMENT]["spec"]
    assert spec["matchResources"]["namespaceSelector"]["matchExpressions"] == [
        {"key": "kubernetes.io/metadata.name", "operator": "In", "values": ["coder", "dev"]}
    ]
    assert spec["paramRef"] == {
        "name": "coder",
        "namespace": "coder",
        "parameterNotFoundAction": "Allow",
    }


def test_coderds_own_namespace_is_bound_for_placement_only_where_workspaces_live_elsewhere() -> (
    None
):
    """coderd is placed in its namespace; claims and volumes there are none of workspaces' then."""
    spec = with_storage(managed("coder"), minSize="1Gi")
    spec["spec"]["workspaces"]["namespaces"] = {"names": ["dev"]}
    bound = bindings(build_admission(b.world(spec, b.namespace("dev", **OURS))))
    assert _namespaces(bound[PLACEMENT]) == ["coder", "dev"]
    assert _namespaces(bound["coder-cva-claim-bounds"]) == ["dev"]
    assert _namespaces(bound["coder-cva-host-volumes"]) == ["dev"]


def test_a_region_is_bound_where_its_workspaces_are() -> None:
    """It has no coderd to place, so it binds nothing in a namespace that it does not act on."""
    spec = adopted("coder")
    spec["spec"]["controlPlane"] = {"management": "None"}
    spec["spec"]["workspaces"]["namespaces"] = {"names": ["dev"]}
    assert build_admission(b.world(spec)).objects == ()
    bound = bindings(build_admission(b.world(spec, b.namespace("dev", **OURS))))
    assert _namespaces(bound[PLACEMENT]) == ["dev"]


def test_policies_are_the_same_whoever_they_are_rendered_for() -> None:
    """Shared objects carry nothing of one deployment, so two deployments never fight over them."""
    one = policies(build_admission(b.world(managed("coder"), b.pools())))
    other = policies(build_admission(b.world(managed("elsewhere", "prod"))))
    assert canonical(one) == canonical(other)
    for policy in one.values():
        assert policy["metadata"]["labels"][SHARED] == "true"
        assert OWNER_UID not in policy["metadata"]["labels"]


def test_bindings_of_different_deployments_have_different_names() -> None:
    """Also where namespace and name, joined, read alike; and never longer than a label."""
    first = b.coder_deployment(managed("a-b", "c"))
    second = b.coder_deployment(managed("a", "b-c"))
    long = b.coder_deployment(managed("n" * 63, "m" * 40))
    assert binding_name(PLACEMENT, first) != binding_name(PLACEMENT, second)
    assert len(binding_name("coder-cva-host-volumes", long)) <= 63


def test_an_error_of_a_policy_never_stops_anybody() -> None:
    """failurePolicy is Ignore everywhere: a workspace starts, placed or not."""
    spec = with_storage(managed("coder"), storageClassName="fast", minSize="1Gi")
    part = build_admission(b.world(spec, storage_class("fast")))
    assert len(policies(part)) == 4
    assert {one["spec"]["failurePolicy"] for one in policies(part).values()} == {"Ignore"}


def test_a_policy_changes_its_object_once() -> None:
    """Each further mutation would have the API server write and read the whole Pod again, twice."""
    spec = with_storage(managed("coder"), storageClassName="fast")
    made = policies(build_admission(b.world(spec, storage_class("fast"))))
    mutations = {
        name: len(one["spec"]["mutations"])
        for name, one in made.items()
        if one["kind"] == "MutatingAdmissionPolicy"
    }
    assert mutations == {PLACEMENT: 1, "coder-cva-claims": 1}


def test_policies_act_on_creation_only() -> None:
    """What exists, a running workspace and its volume above all, is never touched."""
    spec = with_storage(managed("coder"), storageClassName="fast", minSize="1Gi")
    for one in policies(build_admission(b.world(spec, storage_class("fast")))).values():
        for rule in one["spec"]["matchConstraints"]["resourceRules"]:
            assert rule["operations"] == ["CREATE"]


def test_a_class_that_is_there_is_handed_out() -> None:
    """Claims that name none get the spec's class, for an adopted Coder too: it restricts nothing."""
    for spec in (managed("coder"), adopted("coder")):
        world = b.world(with_storage(spec, storageClassName="fast"), storage_class("fast"))
        part = build_admission(world)
        assert "coder-cva-claims" in bindings(part)
        assert part.withheld == ()


def test_a_class_that_is_not_there_is_withheld() -> None:
    """Every new claim would wait for it for ever, so nothing is written, and it is said."""
    spec = with_storage(managed("coder"), storageClassName="fast")
    part = build_admission(b.world(spec, storage_class("slow")))
    assert "coder-cva-claims" not in bindings(part)
    (reason,) = part.withheld
    assert reason.reason == "StorageClassMissing"
    assert "there is: slow" in reason.message


def test_a_default_class_of_the_cluster_comes_first_and_that_is_said() -> None:
    """The API server's own default is in the claim before any policy looks: the remedy is told."""
    spec = with_storage(managed("coder"), storageClassName="fast")
    world = b.world(spec, storage_class("fast"), storage_class("usual", default=True))
    (reason,) = build_admission(world).withheld
    assert reason.reason == "DefaultClassComesFirst"
    assert "kubectl annotate storageclass usual" in reason.message
    same = b.world(spec, storage_class("fast", default=True))
    assert build_admission(same).withheld == ()


def test_unreadable_classes_change_nothing() -> None:
    """A class that was handed out stays; one that never was is not handed out unseen."""
    spec = with_storage(managed("coder"), storageClassName="fast")
    blind = b.world(spec, unavailable={Need.STORAGE_CLASSES: Absence.FORBIDDEN})
    before = {"placement": {"workspaces": {"storageClassName": "fast"}}}
    assert "coder-cva-claims" in bindings(build_admission(replace(blind, previous=before)))
    assert "coder-cva-claims" not in bindings(build_admission(blind))


@pytest.mark.parametrize("word", ["Audit", "Off"])
def test_nothing_of_volumes_is_bound_by_rules_that_are_not_enforced(word: str) -> None:
    """Audit or Off of the storage rules: no class, no bounds, no warning."""
    spec = with_storage(managed("coder"), storageClassName="fast", minSize="1Gi")
    spec["spec"]["enforcement"] = {"rules": {"CVA-STO-002": word, "CVA-STO-004": word}}
    assert set(bindings(build_admission(b.world(spec, storage_class("fast"))))) == {PLACEMENT}


def test_host_volumes_off_binds_nothing() -> None:
    """hostVolumes: Off is the user's own word for silence."""
    spec = with_storage(managed("coder"), hostVolumes="Off")
    assert "coder-cva-host-volumes" not in bindings(build_admission(b.world(spec)))


def test_with_no_rule_of_placement_enforced_no_pod_is_looked_at() -> None:
    """All three rules Off: the mutating policy is not even bound."""
    spec = managed("coder")
    rules = {f"CVA-NODE-00{number}": "Off" for number in (3, 5, 6)}
    spec["spec"]["enforcement"] = {"rules": rules}
    assert PLACEMENT not in bindings(build_admission(b.world(spec)))


def test_where_no_mutating_policy_is_served_it_is_withheld_and_the_rest_stands() -> None:
    """On an older API server placement is not enforced, with the reason; warnings still work."""
    spec = with_storage(managed("coder"), storageClassName="fast")
    part = build_admission(b.world(spec, storage_class("fast"), served=Served((), ("v1",))))
    assert set(policies(part)) == {"coder-cva-host-volumes"}
    (reason,) = part.withheld
    assert (reason.subject, reason.reason) == ("MutatingAdmissionPolicy", "NotServed")


def test_where_no_policy_at_all_is_served_both_are_withheld() -> None:
    """Nothing is rendered that the API server would refuse."""
    part = build_admission(b.world(managed("coder"), served=Served((), ())))
    assert part.objects == ()
    assert [one.subject for one in part.withheld] == [
        "MutatingAdmissionPolicy",
        "ValidatingAdmissionPolicy",
    ]


def test_the_version_is_the_one_that_is_served() -> None:
    """Beta where only beta is served."""
    part = build_admission(b.world(managed("coder"), served=Served(("v1beta1",), ("v1",))))
    versions = {one["kind"]: one["apiVersion"].rpartition("/")[2] for one in part.objects}
    assert versions["MutatingAdmissionPolicy"] == versions["MutatingAdmissionPolicyBinding"]
    assert versions["MutatingAdmissionPolicy"] == "v1beta1"
    assert versions["ValidatingAdmissionPolicy"] == "v1"


def test_while_it_is_not_known_what_is_served_our_bindings_are_kept() -> None:
    """An outage of discovery neither writes nor sweeps."""
    world = b.world(managed("coder"))
    unknown = Unavailable(Absence.TIMED_OUT, "no answer")
    blind = replace(world, snapshot=replace(world.snapshot, served=unknown))
    part = build_admission(blind)
    assert part.objects == ()
    ours = {ref_of(one) for one in bindings(build_admission(world)).values()}
    assert ours <= part.keep


def _namespaces(binding: dict[str, Any]) -> list[str]:
    selector = binding["spec"]["matchResources"]["namespaceSelector"]
    values: list[str] = selector["matchExpressions"][0]["values"]
    return values
