from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.snapshot import group_names
from coder_cva.snapshot.parse_cluster import node
from support import builders

if TYPE_CHECKING:
    from coder_cva.snapshot.records import Node

UUID = "9cb8f2d7-b30f-8b4c-3b28-0dbd9ee2c1ad"
MIG = "https://content.googleapis.com/compute/v1/projects/p/zones/z/instanceGroups/"


def made(name: str = "n1", labels: Any = None, annotations: Any = None) -> Node:
    body = builders.node(name, labels=labels)
    body["metadata"]["annotations"] = annotations or {}
    found = node(body)
    assert found is not None
    return found


EKS = made(labels={"eks.amazonaws.com/nodegroup": "web"})
EKSCTL = made(labels={"alpha.eksctl.io/nodegroup-name": "web"})
KOPS = made(labels={"kops.k8s.io/instancegroup": "nodes-us-east-1a"})
GKE = made("gke-prod-web-9f1c2d3e-x2vl", {"cloud.google.com/gke-nodepool": "web"})
AKS = made("aks-web-25795745-vmss00000A", {"kubernetes.azure.com/agentpool": "web"})
DOKS = made(labels={"doks.digitalocean.com/node-pool-id": UUID})
CAPI = made(
    annotations={
        "cluster.x-k8s.io/owner-name": "md-0-58d9b96dd9",
        "cluster.x-k8s.io/cluster-namespace": "default",
    }
)
OLDER_CAPI = made(annotations={"cluster.x-k8s.io/owner-name": "md-0-58d9b96dd9"})
OPENSHIFT = made(
    annotations={
        "machine.openshift.io/machine": "openshift-machine-api/prod-x7k2p-worker-us-east-2a-vdlmx"
    }
)
KARPENTER = made(labels={"karpenter.sh/nodepool": "web", "eks.amazonaws.com/nodegroup": "web"})
BARE = made()


@pytest.mark.parametrize(
    ("group", "node", "expected"),
    [
        (f"eks-web-{UUID}", EKS, True),
        (f"eks-web-2-{UUID}", EKS, False),
        ("eks-web", EKS, False),
        ("web", EKS, False),
        ("eksctl-prod-nodegroup-web-NodeGroup-1XV9YX5QWERTY", EKSCTL, True),
        ("eksctl-prod-nodegroup-web-2-NodeGroup-1XV9YX5QWERTY", EKSCTL, False),
        (f"eks-web-{UUID}", EKSCTL, False),
        ("a-name-that-somebody-chose", EKSCTL, None),
        ("nodes-us-east-1a.k8s.example.com", KOPS, True),
        (f"{MIG}a-nodes-us-east1-k8s-example-com", KOPS, None),
        ("nodes-us-east-1ab.k8s.example.com", KOPS, False),
        (f"{MIG}gke-prod-web-9f1c2d3e-grp", GKE, True),
        (f"{MIG}gke-prod-web-7a4b5c6d-grp", GKE, False),
        ("aks-web-25795745-vmss", AKS, True),
        ("aks-web2-25795745-vmss", AKS, False),
        ("aks-web-25795745-vmss", made("odd", {"kubernetes.azure.com/agentpool": "web"}), None),
        (UUID, DOKS, True),
        ("other", DOKS, False),
        ("MachineDeployment/default/md-0", CAPI, True),
        ("MachineDeployment/other/md-0", CAPI, False),
        ("MachineDeployment/default/md", CAPI, False),
        ("MachineSet/default/md-0-58d9b96dd9", CAPI, True),
        ("MachineDeployment/anywhere/md-0", OLDER_CAPI, True),
        ("MachineSet/openshift-machine-api/prod-x7k2p-worker-us-east-2a", OPENSHIFT, True),
        ("MachineSet/openshift-machine-api/prod-x7k2p-worker-us-east-2b", OPENSHIFT, False),
        ("MachineDeployment/openshift-machine-api/prod", OPENSHIFT, False),
        (f"eks-web-{UUID}", KARPENTER, False),
        ("MachineDeployment/default/md-0", BARE, None),
        ("workers", BARE, None),
    ],
)
def test_a_node_is_of_a_group_or_not_or_nothing_tells(
    group: str, node: Node, expected: bool | None
) -> None:
    """True and False only where what the provider writes on its nodes decides it."""
    assert group_names.belongs(group, node) is expected


@pytest.mark.parametrize(
    ("group", "key"),
    [
        (f"eks-web-{UUID}", "eks.amazonaws.com/nodegroup"),
        ("eksctl-prod-nodegroup-web-NodeGroup-1XV9YX5QWERTY", "alpha.eksctl.io/nodegroup-name"),
        ("web.k8s.example.com", "kops.k8s.io/instancegroup"),
        (f"{MIG}gke-prod-web-9f1c2d3e-grp", "cloud.google.com/gke-nodepool"),
        ("aks-web-25795745-vmss", "kubernetes.azure.com/agentpool"),
        ("web", "doks.digitalocean.com/node-pool-id"),
    ],
)
def test_a_pool_by_a_providers_label_names_its_group(group: str, key: str) -> None:
    """Also while it has no node; a pool whose name begins or ends alike is another one."""
    assert group_names.is_named_by(group, {key: "web"})
    assert not group_names.is_named_by(group, {key: "we"})
    assert not group_names.is_named_by(group, {key: "eb"})
    assert not group_names.is_named_by(group, {"purpose": "web"})


def test_the_machine_set_is_what_its_machines_are_called_after() -> None:
    assert group_names.machine_set(OPENSHIFT) == (
        "openshift-machine-api",
        "prod-x7k2p-worker-us-east-2a",
    )
    assert group_names.machine_set(BARE) == ("", "")
