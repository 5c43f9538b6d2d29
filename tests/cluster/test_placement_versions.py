from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.desired.admission import build_admission
from coder_cva.snapshot.model import Served
from harness.fixtures import own_cluster
from harness.versions import OLDEST
from support import builders as b
from support.admission import PREFERRED, arm, pod, required, terms
from support.coder_manifests import POOL
from support.deployments import managed
from support.installation import install

if TYPE_CHECKING:
    from harness.provider import Provider

pytestmark = pytest.mark.cluster

GROUP = "/apis/admissionregistration.k8s.io"
BETA = (
    "--runtime-config=admissionregistration.k8s.io/v1beta1=true",
    "--feature-gates=MutatingAdmissionPolicy=true",
)
WS = {"key": POOL, "operator": "In", "values": ["workspaces"]}
ZONE_A = {"key": "topology.kubernetes.io/zone", "operator": "In", "values": ["a"]}


def test_an_older_api_server_serves_no_mutating_policy_and_none_is_rendered(
    old_cluster: Provider,
) -> None:
    """What discovery tells there makes the builders render no placement, and say why."""
    served = old_cluster.kube.get(f"{GROUP}/v1")["resources"]
    assert "mutatingadmissionpolicies" not in {one["name"] for one in served}
    part = build_admission(b.world(managed("coder"), served=Served((), ("v1",))))
    kinds = {one["kind"] for one in part.objects}
    assert kinds == {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}
    assert "serves no MutatingAdmissionPolicy" in part.withheld[0].message


def test_beta_places_as_v1_does(request: pytest.FixtureRequest) -> None:
    """Where an older API server has the beta switched on, every expression works there as well."""
    with own_cluster(request, OLDEST, apiserver=BETA) as cluster:
        install(cluster.kube)
        armed = arm(
            cluster.kube,
            managed(cluster.kube.namespace("coder")),
            b.node("ws", b.WORKSPACES, zone="a"),
            served=Served(("v1beta1",), ("v1",)),
        )
        named = {"app.kubernetes.io/name": "coder-workspace"}
        spec = armed.admitted(pod(armed.namespace, labels=named, affinity=terms([ZONE_A], [WS])))
        assert [one["matchExpressions"] for one in required(spec)] == [[ZONE_A, WS], [WS]]
        assert len(spec["affinity"]["podAntiAffinity"][PREFERRED]) == 1
        gpu = armed.admitted(pod(armed.namespace, nodeSelector={"gpu": "t4"}))
        assert required(gpu) == []
