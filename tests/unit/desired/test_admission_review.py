"""The webhook's answers: the policies' own specs, evaluated without an API server."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from coder_cva.cel.policy import Review
from coder_cva.desired.admission_names import CLAIM_BOUNDS, CLAIMS, HOST_VOLUMES, PLACEMENT
from coder_cva.desired.admission_review import Answer, answer, prepare
from coder_cva.desired.parameter import parameter
from coder_cva.desired.placement import placement
from coder_cva.values.json_patch import patched
from support import admission_fuzz
from support import builders as b
from support.admission import pod, preferred, required, terms
from support.deployments import managed
from support.placing import BY_NAME, NODES, WS, ZONE_A, ZONE_B
from support.workspace_manifests import envbox_pod, virtual_machine_pod

POOL = {"selector": {"coder.com/node-group": "workspaces"}}

FAST = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": "fast"},
    "provisioner": "example.com/csi",
}


def params(*, host_volumes: str = "Deny", **workspaces: Any) -> dict[str, Any]:
    """The parameter of a managed Coder with everything switched on."""
    resource = managed("coder")
    resource["spec"]["workspaces"] |= {
        "barePods": "Enforce",
        "virtualMachines": "Enforce",
        "storage": {
            "storageClassName": "fast",
            "minSize": "5Gi",
            "maxSize": "1Ti",
            "hostVolumes": host_volumes,
        },
        **workspaces,
    }
    seen = b.world(resource, NODES, FAST)
    return parameter(seen.deployment, placement(seen))


def asked(name: str, body: dict[str, Any], given: dict[str, Any] | None = None) -> Answer:
    namespace = body["metadata"]["namespace"]
    return answer(name, Review(body, body["kind"], namespace, given or params()))


def placed(body: dict[str, Any], given: dict[str, Any] | None = None) -> dict[str, Any]:
    return patched(body, asked(PLACEMENT, body, given).patches)


def test_the_pool_is_added_to_every_term() -> None:
    """As the API server does it; the whole table of cases runs in both worlds of the cluster tests."""
    made = placed(pod("coder", labels=BY_NAME, affinity=terms([ZONE_A], [ZONE_B])))
    assert [one["matchExpressions"] for one in required(made["spec"])] == [
        [ZONE_A, WS],
        [ZONE_B, WS],
    ]


def test_what_the_pool_is_not_known_to_meet_makes_it_a_preference() -> None:
    """An explicit wish of the template is never made impossible."""
    made = placed(pod("coder", nodeSelector={"gpu": "t4"}))
    assert preferred(made["spec"]) == [{"weight": 100, "preference": {"matchExpressions": [WS]}}]


@pytest.mark.parametrize("seed", range(6))
def test_whatever_a_template_says_it_is_placed_once_and_without_a_fault(seed: int) -> None:
    """Reinvoked, a policy adds nothing; and no valid Pod makes an expression fail."""
    chance, given = Random(seed), params()
    for _ in range(100):
        body = admission_fuzz.pod(chance, "coder")
        first = asked(PLACEMENT, body, given)
        assert first.fault == ""
        again = asked(PLACEMENT, patched(body, first.patches), given)
        assert again == Answer(), body


def test_virtual_machines_have_their_own_switch() -> None:
    """Left alone until it says Enforce; bare Pods have another one."""
    machine = virtual_machine_pod("vm", "coder")
    assert asked(PLACEMENT, machine, params(virtualMachines="Audit")) == Answer()
    assert preferred(placed(machine)["spec"])
    bare = params(barePods="Audit")
    assert preferred(placed(machine, bare)["spec"])
    assert asked(PLACEMENT, envbox_pod("box", "coder")[-1], bare) == Answer()


def test_what_a_virtual_machine_moves_into_is_never_bound() -> None:
    """KubeVirt chooses the node of a migration by its own rules; the pool is a preference, and what it asks stays."""
    always = params(virtualMachines="Enforce", nodePool={**POOL, "placement": "Required"})
    settled = placed(virtual_machine_pod("vm", "coder"), always)["spec"]
    assert [one["matchExpressions"] for one in required(settled)] == [[WS]]
    machine = virtual_machine_pod("vm", "coder", migrating=True)
    moving = placed(machine, always)["spec"]
    assert required(moving) == []
    assert preferred(moving) == [{"weight": 100, "preference": {"matchExpressions": [WS]}}]
    own = "requiredDuringSchedulingIgnoredDuringExecution"
    assert (
        moving["affinity"]["podAntiAffinity"][own]
        == machine["spec"]["affinity"]["podAntiAffinity"][own]
    )


def test_only_workspaces_are_touched() -> None:
    """Not a neighbour, not a mirror of a static Pod, not a Pod of a DaemonSet."""
    assert asked(PLACEMENT, pod("coder", agent=False)) == Answer()
    mirror = pod("coder")
    mirror["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    assert asked(PLACEMENT, mirror) == Answer()
    daemon = pod("coder")
    daemon["metadata"]["ownerReferences"][0]["kind"] = "DaemonSet"
    assert asked(PLACEMENT, daemon) == Answer()


def test_a_claim_gets_the_class_that_it_does_not_name() -> None:
    """And nothing where it chooses itself."""
    claim = {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": {
            "name": "home",
            "namespace": "coder",
            "labels": {"com.coder.resource": "true"},
        },
        "spec": {"resources": {"requests": {"storage": "10Gi"}}},
    }
    assert patched(claim, asked(CLAIMS, claim).patches)["spec"]["storageClassName"] == "fast"
    chosen = {**claim, "spec": {**claim["spec"], "storageClassName": ""}}  # type: ignore[dict-item]
    assert asked(CLAIMS, chosen) == Answer()
    small = {**claim, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    assert "asks for 1Gi, less than 5Gi" in asked(CLAIM_BOUNDS, small).denial
    assert asked(CLAIM_BOUNDS, claim) == Answer()


def test_volumes_of_the_host_are_warned_of_or_refused_as_the_spec_says() -> None:
    """The same words either way."""
    body = pod("coder", volumes=[{"name": "root", "hostPath": {"path": "/"}}])
    refused = asked(HOST_VOLUMES, body)
    warned = asked(HOST_VOLUMES, body, params(host_volumes="Warn"))
    assert "root (/)" in refused.denial
    assert (warned.warning, warned.denial) == (refused.denial, "")
    assert asked(HOST_VOLUMES, body, params(host_volumes="Off")) == Answer()


def test_a_fault_lets_everything_through() -> None:
    """A body that no API server would send is nobody's reason to keep it from starting."""
    prepare()
    broken = {"kind": "Pod", "metadata": {"namespace": "coder"}, "spec": {"containers": 1}}
    assert asked(PLACEMENT, broken).fault
    assert asked(PLACEMENT, broken).patches == ()
