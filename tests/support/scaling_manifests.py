"""The objects of autoscalers, as they stand in clusters: cluster-autoscaler's status in both of its forms, and others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Manifest = dict[str, Any]
Sizes = tuple[str, int, int, int]
"""Name, smallest, largest and present size of a group."""

WRITTEN = "2026-11-23 08:59:52"
"""Eight seconds before the clock of the tests."""

_LINES = """\
Cluster-autoscaler status at {written}.661669494 +0000 UTC:
Cluster-wide:
  Health:      Healthy (ready=6 unready=0 notStarted=0 longNotStarted=0 registered=6 longUnregistered=0)
               LastProbeTime:      2026-11-23 08:59:51.067828801 +0000 UTC m=+433068.513173981
  ScaleUp:     NoActivity (ready=6 registered=6)
  ScaleDown:   NoCandidates (candidates=0)

NodeGroups:
"""
_LINES_OF_GROUP = """\
  Name:        {name}
  Health:      Healthy (ready={size} unready=0 (resourceUnready=0) notStarted=0 longNotStarted=0 registered={size} \
longUnregistered=0 cloudProviderTarget={size} (minSize={least}, maxSize={most}))
               LastProbeTime:      2026-11-23 08:59:51.067828801 +0000 UTC m=+433068.513173981
  ScaleUp:     {scale_up} (ready={size} cloudProviderTarget={size})
               LastProbeTime:      2026-11-23 08:59:51.067828801 +0000 UTC m=+433068.513173981
  ScaleDown:   NoCandidates (candidates=0)

"""
_YAML = """\
time: {written}.661669494 +0000 UTC
autoscalerStatus: Running
clusterWide:
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: 6
        ready: 6
        notStarted: 0
      longUnregistered: 0
      unregistered: 0
    lastProbeTime: "2026-11-23T08:59:51.067828801Z"
nodeGroups:
"""
_YAML_OF_GROUP = """\
- name: {name}
  health:
    status: Healthy
    nodeCounts:
      registered:
        total: {size}
        ready: {size}
        notStarted: 0
      longUnregistered: 0
      unregistered: 0
    cloudProviderTarget: {size}
    minSize: {least}
    maxSize: {most}
    lastProbeTime: "2026-11-23T08:59:51.067828801Z"
  scaleUp:
    status: {scale_up}
    lastProbeTime: "2026-11-23T08:59:51.067828801Z"
  scaleDown:
    status: NoCandidates
    candidates: 0
"""


def status_text(
    groups: Sequence[Sizes],
    written: str = WRITTEN,
    scale_up: str = "NoActivity",
    *,
    lines: bool = False,
) -> str:
    """The text of the status: YAML as since 1.30, or the lines of before."""
    head, part = (_LINES, _LINES_OF_GROUP) if lines else (_YAML, _YAML_OF_GROUP)
    return head.format(written=written) + "".join(
        part.format(name=name, least=least, most=most, size=size, scale_up=scale_up)
        for name, least, most, size in groups
    )


def autoscaler_status(
    groups: Sequence[Sizes],
    written: str = WRITTEN,
    scale_up: str = "NoActivity",
    namespace: str = "kube-system",
    *,
    lines: bool = False,
) -> Manifest:
    """The ConfigMap that cluster-autoscaler writes."""
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {
            "name": "cluster-autoscaler-status",
            "namespace": namespace,
            "annotations": {
                "cluster-autoscaler.kubernetes.io/last-updated": f"{written}.663 +0000 UTC"
            },
        },
        "data": {"status": status_text(groups, written, scale_up, lines=lines)},
    }


def node_pool(
    name: str,
    *,
    labels: Mapping[str, str] | None = None,
    requirements: Sequence[Mapping[str, Any]] = (),
    taints: Sequence[Mapping[str, str]] = (),
    disruption: Mapping[str, Any] | None = None,
    limits: Mapping[str, Any] | None = None,
    used: Mapping[str, Any] | None = None,
    replicas: int | None = None,
    version: str = "v1",
    failure: str = "",
) -> Manifest:
    """A NodePool of Karpenter with its API server's defaults."""
    defaults = {"consolidationPolicy": "WhenEmptyOrUnderutilized", "consolidateAfter": "0s"}
    spec: Manifest = {
        "template": {
            "metadata": {"labels": dict(labels or {})},
            "spec": {
                "requirements": [
                    {
                        "key": "karpenter.sh/capacity-type",
                        "operator": "In",
                        "values": ["on-demand"],
                    },
                    *requirements,
                ],
                "taints": list(taints),
                "nodeClassRef": {
                    "group": "karpenter.k8s.aws",
                    "kind": "EC2NodeClass",
                    "name": name,
                },
                "expireAfter": "720h",
            },
        },
        "disruption": {**defaults, "budgets": [{"nodes": "10%"}], **(disruption or {})},
    }
    ready = {"type": "Ready", "status": "False" if failure else "True", "message": failure}
    if limits is not None:
        spec["limits"] = dict(limits)
    if replicas is not None:
        spec["replicas"] = replicas
    return {
        "apiVersion": f"karpenter.sh/{version}",
        "kind": "NodePool",
        "metadata": {"name": name},
        "spec": spec,
        "status": {"resources": dict(used or {}), "conditions": [ready]},
    }


def machine_deployment(
    name: str,
    replicas: int = 3,
    sizes: tuple[int, int] | None = None,
    namespace: str = "default",
    version: str = "v1beta2",
) -> Manifest:
    """A MachineDeployment of Cluster API; ``sizes`` are the smallest and the largest for the autoscaler."""
    group = "cluster.x-k8s.io"
    annotations = {
        f"{group}/cluster-api-autoscaler-node-group-{end}-size": str(one)
        for end, one in zip(("min", "max"), sizes or (), strict=False)
    }
    return {
        "apiVersion": f"{group}/{version}",
        "kind": "MachineDeployment",
        "metadata": {"name": name, "namespace": namespace, "annotations": annotations},
        "spec": {"clusterName": "prod", "replicas": replicas},
        "status": {"replicas": replicas, "readyReplicas": replicas},
    }


def machine_autoscaler(machine_set: str, least: int, most: int) -> Manifest:
    """A MachineAutoscaler of OpenShift."""
    return {
        "apiVersion": "autoscaling.openshift.io/v1beta1",
        "kind": "MachineAutoscaler",
        "metadata": {"name": machine_set, "namespace": "openshift-machine-api"},
        "spec": {
            "minReplicas": least,
            "maxReplicas": most,
            "scaleTargetRef": {
                "apiVersion": "machine.openshift.io/v1beta1",
                "kind": "MachineSet",
                "name": machine_set,
            },
        },
    }
