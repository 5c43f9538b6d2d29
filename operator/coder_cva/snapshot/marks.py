"""The marks by which things are recognised: label and annotation keys, and who writes them.

Sources: Coder's Helm charts (helm/coder, helm/provisioner), its Kubernetes templates
(examples/templates), coder/coder-k8s, and the conventions of Helm, Argo CD and Flux.
"""

from typing import Final

NAME: Final = "app.kubernetes.io/name"
COMPONENT: Final = "app.kubernetes.io/component"
MANAGED_BY: Final = "app.kubernetes.io/managed-by"

OURS: Final = "coder-cva-operator"
"""Value of the managed-by label on everything that this operator makes."""
OWNER_UID: Final = "cva.coder.com/owner-uid"
"""Label: the UID of the CoderDeployment for which an object was made."""
CONSENT: Final = "cva.coder.com/deployment"
"""Annotation on a Namespace: ``namespace/name`` of the CoderDeployment that may act on it."""
SURVIVES: Final = "cva.coder.com/survives"
"""Label on what stays when its CoderDeployment goes (``deletionPolicy: Orphan``)."""
PROTECTED: Final = "cva.coder.com/protected"
"""Annotation on a node that this operator protects from scale-down; its value names the one that does it."""

AGENT_TOKEN: Final = "CODER_AGENT_TOKEN"  # noqa: S105 - the variable's name; its value is never read
WORKSPACE_LABELS: Final = ("com.coder.resource", "com.coder.workspace.id")
WORKSPACE_NAME: Final = "coder-workspace"
TEMPLATE: Final = "com.coder.template.name"
"""Label that templates give which name themselves; Coder's own templates do not."""
VIRTUAL_MACHINE: Final = "VirtualMachineInstance"
"""The kind that controls the Pod in which KubeVirt runs a virtual machine (virt-launcher)."""
MIGRATION: Final = "kubevirt.io/migrationJobUID"
"""Label by which KubeVirt marks the Pod that a virtual machine moves into while it runs."""

CHART_ROLES: Final = {
    "coder-control-plane": "coderd",
    "coder-provisioner": "provisionerd",
    "coder-workspace-proxy": "wsproxy",
}
"""Name labels that say the role. ``coder`` is not among them: coderd and proxies share it."""
CODER_NAMES: Final = frozenset({"coder", "coder-ai-gateway", *CHART_ROLES})
"""Name labels of Coder's own workloads."""
ROLES: Final = frozenset({"coderd", "wsproxy", "provisionerd"})

SCRAPERS: Final = (
    "prometheus.io/",
    "pyroscope.io/",
    "profiles.grafana.com/",
    "k8s.grafana.com/",
)
"""Annotations of Pods and Services that tell scrapers of metrics and profiles which port to ask. Sources:
Coder's observability chart for the first two, Grafana's charts pyroscope and k8s-monitoring for the others."""

_KEPT: Final = frozenset(
    {
        COMPONENT,
        "argocd.argoproj.io/tracking-id",
        "com.coder/component",
        "kubernetes.io/ingress.class",
        "machine.openshift.io/machine",
        "storageclass.kubernetes.io/is-default-class",
        "storageclass.beta.kubernetes.io/is-default-class",
    }
)
_KEPT_PREFIXES: Final = (
    "cva.coder.com/",
    "meta.helm.sh/",
    *SCRAPERS,
    "cluster-autoscaler.kubernetes.io/",
    "cluster.x-k8s.io/",
    "karpenter.sh/",
)


def is_kept(annotation: str) -> bool:
    """Whether somebody reads this annotation. All others are dropped at the door."""
    return annotation in _KEPT or annotation.startswith(_KEPT_PREFIXES)
