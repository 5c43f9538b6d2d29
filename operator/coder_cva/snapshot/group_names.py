"""A node group's name as an autoscaler says it, and a node in; whether the node is of the group out.

Sources: the names that the providers give (EKS' Auto Scaling groups, eksctl's stacks, kOps' groups, GKE's
managed instance groups, AKS' scale sets, DigitalOcean's pools) and cluster-autoscaler's for machines of
Cluster API and OpenShift: ``MachineDeployment/namespace/name``.
"""

import re
from collections.abc import Mapping
from typing import Final

from coder_cva.snapshot.parse_scaling import NODE_POOL
from coder_cva.snapshot.records import Node

EKS: Final = "eks.amazonaws.com/nodegroup"
EKSCTL: Final = "alpha.eksctl.io/nodegroup-name"
KOPS: Final = "kops.k8s.io/instancegroup"
GKE: Final = "cloud.google.com/gke-nodepool"
AKS: Final = "kubernetes.azure.com/agentpool"
DOKS: Final = "doks.digitalocean.com/node-pool-id"

MACHINE: Final = "machine.openshift.io/machine"
OWNER: Final = "cluster.x-k8s.io/owner-name"
_NAMESPACE: Final = "cluster.x-k8s.io/cluster-namespace"

_UUID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SCALE_SET_NODE: Final = re.compile(r"(.*vmss)[0-9a-z]{6}")
_AKS_NUMBERS: Final = re.compile(r"\d+-vmss")
_GKE_NUMBER: Final = re.compile(r".*-[0-9a-f]{8}")
_EKS_GROUP: Final = re.compile(rf"eks-.+-{_UUID.pattern}|.+-nodegroup-.+-NodeGroup-.+")
_KOPS_GROUP: Final = re.compile(r"[\w-]+(\.[\w-]+)+")
"""How EKS and eksctl call their groups, and kOps those of AWS; elsewhere kOps' have other names."""
_MACHINES: Final = frozenset({"MachineDeployment", "MachineSet"})


def belongs(group: str, node: Node) -> bool | None:
    """Whether a node is of a group; None where nothing on the node tells."""
    labels = node.meta.labels
    if NODE_POOL in labels:
        return False  # Karpenter's, whatever else it is called
    kind, _, rest = group.partition("/")
    if kind in _MACHINES:
        return _is_machine_of(kind, rest, node)
    if GKE in labels:
        # A pool has such a group in each of its zones; a node is called after its own.
        return node.meta.name.startswith(f"{_instance_group(group)}-")
    if AKS in labels:
        found = _SCALE_SET_NODE.fullmatch(node.meta.name.lower())
        return group.lower() == found[1] if found else None
    if EKS in labels or EKSCTL in labels or KOPS in labels or DOKS in labels:
        return is_named_by(group, labels) or _is_of_another(group, labels)
    return None


def _is_of_another(group: str, labels: Mapping[str, str]) -> bool | None:
    """Whose it is not: of eksctl's and kOps' only where a name has the usual form, for there people choose others."""
    if EKS in labels or DOKS in labels:
        return False
    usual = _EKS_GROUP if EKSCTL in labels else _KOPS_GROUP
    return False if usual.fullmatch(group) else None


def is_named_by(group: str, labels: Mapping[str, str]) -> bool:
    """Whether a provider's label says that a group is meant, also where it has no node yet."""
    if EKS in labels:
        rest = group.removeprefix(f"eks-{labels[EKS]}-")
        return rest != group and _UUID.fullmatch(rest) is not None
    if EKSCTL in labels:
        return f"-nodegroup-{labels[EKSCTL]}-NodeGroup-" in group
    if KOPS in labels:
        return group.startswith(f"{labels[KOPS]}.")
    if GKE in labels:
        found = _instance_group(group)
        return f"-{labels[GKE]}-" in found and _GKE_NUMBER.fullmatch(found) is not None
    if AKS in labels:
        rest = group.removeprefix(f"aks-{labels[AKS]}-")
        return rest != group and _AKS_NUMBERS.fullmatch(rest) is not None
    return DOKS in labels and labels[DOKS] == group


def machine_set(node: Node) -> tuple[str, str]:
    """Namespace and name of the MachineSet of a node of OpenShift's, whose machines are called after it."""
    namespace, _, machine = node.meta.annotations.get(MACHINE, "").partition("/")
    return namespace, machine.rpartition("-")[0]


def _is_machine_of(kind: str, rest: str, node: Node) -> bool | None:
    namespace, _, name = rest.partition("/")
    annotations = node.meta.annotations
    if MACHINE in annotations:
        return kind == "MachineSet" and machine_set(node) == (namespace, name)
    if OWNER not in annotations:
        return None
    # A MachineDeployment's MachineSet is called after it, with a hash at the end.
    owner = annotations[OWNER]
    owned = owner if kind == "MachineSet" else owner.rpartition("-")[0]
    return owned == name and annotations.get(_NAMESPACE, namespace) == namespace


def _instance_group(group: str) -> str:
    """The name in a managed instance group's URL, as its nodes begin."""
    return group.rpartition("/")[2].removesuffix("-grp")
