"""How a node group is made static, or let grow: where its sizes are kept, ready to type.

Names in capitals stand for what no node says: the cluster's own name, its resource group.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from shlex import quote
from typing import Any, Final, TypeAlias

from coder_cva.rules.remedies import as_yaml
from coder_cva.snapshot import group_names, scaling
from coder_cva.snapshot.parse_scaling import LEAST, MOST
from coder_cva.snapshot.records import Node
from coder_cva.snapshot.records_scaling import Limit
from coder_cva.snapshot.scaling import Group, Scaler
from coder_cva.values.quantity import byte_text, cpu_text

_Labels: TypeAlias = Mapping[str, str]
_CLUSTER: Final = "alpha.eksctl.io/cluster-name"


def keep_size(group: Group, nodes: Sequence[Node], pool: _Labels) -> str:
    """How to make a group static at the size that it has, and what holds the pool's nodes until then."""
    size = group.size or len(nodes)
    if group.scaler is Scaler.KARPENTER:
        budgets = {"spec": {"disruption": {"budgets": [{"nodes": "0"}]}}}
        return (
            f"kubectl patch nodepool {group.name} --type=merge -p {_json(budgets)}; where it also makes nodes "
            "for workspaces, make a NodePool of its own for the control plane first. Until then: "
            f"{annotate(pool, scaling.DO_NOT_DISRUPT)}"
        )
    if group.scaler is Scaler.GKE:
        labels = ",".join(f"{key}={value}" for key, value in sorted(pool.items()))
        return (
            "make a node pool of one size, which Autopilot has not, and give these nodes up: gcloud container "
            f"node-pools create coder --cluster=CLUSTER --num-nodes={len(nodes)} --node-labels={labels}. Until then: "
            f"{annotate(pool, scaling.SCALE_DOWN_DISABLED)}"
        )
    return (
        f"{_sized(group, nodes[0].meta.labels, size, size)}. Until then: "
        f"{annotate(pool, scaling.SCALE_DOWN_DISABLED)}"
    )


def let_grow(group: Group, node: Node | None, most: int) -> str:
    """How to let a group grow, up to so many nodes."""
    if group.scaler is not Scaler.KARPENTER:
        return _sized(group, node.meta.labels if node else {}, group.least, most)
    if not group.grows:
        return (
            f"a NodePool with spec.replicas stays static: make another one with the labels of {group.name} and "
            "without replicas, then delete this one"
        )
    if group.failure:
        return f"kubectl describe nodepool {group.name} says which of its parts is not ready"
    limits = {"spec": {"limits": {one.resource: _twice(one) for one in group.limits}}}
    return f"kubectl patch nodepool {group.name} --type=merge -p {_json(limits)}"


def bring_under_autoscaler(node: Node, size: int, most: int) -> str:
    """How to have a group scaled that no autoscaler has."""
    namespace, machine_set = group_names.machine_set(node)
    if machine_set:
        made = {
            "apiVersion": "autoscaling.openshift.io/v1beta1",
            "kind": "MachineAutoscaler",
            "metadata": {"name": machine_set, "namespace": namespace},
            "spec": {
                "minReplicas": size,
                "maxReplicas": most,
                "scaleTargetRef": {
                    "apiVersion": "machine.openshift.io/v1beta1",
                    "kind": "MachineSet",
                    "name": machine_set,
                },
            },
        }
        return f"beside a ClusterAutoscaler, in a file for kubectl apply:\n{as_yaml(made)}"
    command = _command(node.meta.labels, size, most)
    return command or f"have cluster-autoscaler scale its group between {size} and {most}"


def annotate(pool: _Labels, annotation: str) -> str:
    """The command that forbids to take nodes of a pool away, by the pool's labels."""
    selector = ",".join(f"{key}={value}" for key, value in sorted(pool.items()))
    return f"kubectl annotate node -l {selector} {annotation}=true"


def _sized(group: Group, labels: _Labels, least: int, most: int) -> str:
    namespace, _, name = group.name.rpartition("/")
    match group.scaler:
        case Scaler.CLUSTER_API:
            sizes = f"{LEAST}={least} {MOST}={most}"
            return f"kubectl -n {namespace} annotate machinedeployment {name} {sizes} --overwrite"
        case Scaler.OPENSHIFT:
            spec = {"spec": {"minReplicas": least, "maxReplicas": most}}
            patch = f"--type=merge -p {_json(spec)}"
            return f"kubectl -n {namespace} patch machineautoscaler {name} {patch}"
        case _:
            command = _command(labels, least, most)
            sizes = f"{least} and {most}" if least < most else f"{most} both"
            return (
                command or f"set the smallest and the largest size of {group.resource} to {sizes}"
            )


def _command(labels: _Labels, least: int, most: int) -> str:
    """The command of the provider whose labels a node has; "" where there is none."""
    known = next((make for key, make in _COMMANDS.items() if key in labels), None)
    return known(labels, least, most) if known else ""


def _eks(labels: _Labels, least: int, most: int) -> str:
    cluster, name = labels.get(_CLUSTER, "CLUSTER"), labels[group_names.EKS]
    return (
        f"aws eks update-nodegroup-config --cluster-name {cluster} --nodegroup-name {name} "
        f"--scaling-config minSize={least},maxSize={most}"
    )


def _eksctl(labels: _Labels, least: int, most: int) -> str:
    cluster, name = labels.get(_CLUSTER, "CLUSTER"), labels[group_names.EKSCTL]
    return (
        f"eksctl scale nodegroup --cluster={cluster} --name={name} --nodes-min={least} "
        f"--nodes-max={most}"
    )


def _gke(labels: _Labels, least: int, most: int) -> str:
    command = f"gcloud container clusters update CLUSTER --node-pool={labels[group_names.GKE]}"
    if least >= most:
        return f"{command} --no-enable-autoscaling"
    return f"{command} --enable-autoscaling --total-min-nodes={least} --total-max-nodes={most}"


def _aks(labels: _Labels, least: int, most: int) -> str:
    command = (
        "az aks nodepool update --resource-group GROUP --cluster-name CLUSTER "
        f"--name {labels[group_names.AKS]}"
    )
    if least >= most:
        return f"{command} --disable-cluster-autoscaler"
    sizes = f"--min-count {least} --max-count {most}"
    return f"{command} --enable-cluster-autoscaler {sizes} (--update-cluster-autoscaler where it is on)"


def _kops(labels: _Labels, least: int, most: int) -> str:
    return (
        f"kops edit instancegroup {labels[group_names.KOPS]}, minSize: {least} and maxSize: {most}; "
        "then kops update cluster --yes"
    )


def _doks(labels: _Labels, least: int, most: int) -> str:
    command = f"doctl kubernetes cluster node-pool update CLUSTER {labels[group_names.DOKS]}"
    if least >= most:
        return f"{command} --auto-scale=false --count={most}"
    return f"{command} --auto-scale --min-nodes={least} --max-nodes={most}"


_COMMANDS: Final[Mapping[str, Callable[[_Labels, int, int], str]]] = {
    group_names.EKS: _eks,
    group_names.EKSCTL: _eksctl,
    group_names.GKE: _gke,
    group_names.AKS: _aks,
    group_names.KOPS: _kops,
    group_names.DOKS: _doks,
}
"""By the label that names a node's group, how its sizes are set."""


def _twice(limit: Limit) -> str:
    most = max(limit.most, 1) * 2
    if limit.resource == "cpu":
        return cpu_text(most)
    return (
        byte_text(most) if "memory" in limit.resource or "storage" in limit.resource else str(most)
    )


def _json(value: Any) -> str:
    """As a word of a shell: what a NodePool limits may be called anything."""
    return quote(json.dumps(value, sort_keys=True, separators=(",", ":")))
