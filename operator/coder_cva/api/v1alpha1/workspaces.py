"""Workspaces: in which namespaces, on which nodes, with which volumes."""

from typing import Annotated, Final, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.amounts import StorageSize
from coder_cva.api.v1alpha1.host_volumes import MOST_EXEMPTIONS, HostVolumeExemption
from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.api.v1alpha1.selectors import LabelSelector
from coder_cva.api.v1alpha1.words import NamespaceName, ObjectName
from coder_cva.api.validation import ListSet, Validation
from coder_cva.values import quantity

SYSTEM_NAMESPACES: Final = ("kube-system", "kube-public", "kube-node-lease")
"""Namespaces that are the cluster's own: no CoderDeployment acts on them."""

EnforcementMode = Literal["Enforce", "Audit", "Off"]


class Namespaces(Part):
    """The namespaces of workspaces, by name, by label, or both."""

    names: Annotated[
        tuple[NamespaceName, ...],
        Field(max_length=128),
        ListSet(),
        Validation(
            cel=f"!self.exists(name, name in {list(SYSTEM_NAMESPACES)})",
            message="may not name kube-system, kube-public or kube-node-lease, which are the cluster's "
            "own: give workspaces a namespace of their own",
            holds=lambda names: not set(names) & set(SYSTEM_NAMESPACES),
        ),
    ] = ()
    """Namespaces by name. Each but the CoderDeployment's own must consent: by a RoleBinding there that
    lets coderd's ServiceAccount make Pods, or by the annotation cva.coder.com/deployment: namespace/name."""
    selector: LabelSelector | None = None
    """Namespaces by label. Consent is needed all the same."""


def _in_order(storage: "Storage") -> bool:
    """Whether the smallest size is not above the largest one, where both are said."""
    if storage.min_size is None or storage.max_size is None:
        return True
    return quantity.parse(storage.min_size) <= quantity.parse(storage.max_size)


class Storage(Part):
    """Persistent volumes of workspaces (CVA-STO-002, CVA-STO-004)."""

    validations = (
        Validation(
            cel="!has(self.minSize) || !has(self.maxSize) || !isQuantity(string(self.minSize))"
            " || !isQuantity(string(self.maxSize))"
            " || quantity(string(self.minSize)).compareTo(quantity(string(self.maxSize))) <= 0",
            message="minSize is above maxSize: lower minSize or raise maxSize",
            holds=_in_order,
            field_path=".minSize",
        ),
    )

    storage_class_name: ObjectName | None = None
    """The StorageClass that claims of workspaces get where they name none. Claims that name one keep it."""
    min_size: StorageSize | None = None
    """The smallest size of a new claim, for example 10Gi."""
    max_size: StorageSize | None = None
    """The largest size of a new claim, for example 200Gi."""
    host_volumes: Literal["Off", "Warn", "Deny"] = "Warn"
    """What happens to a workspace that mounts a volume of its node (hostPath): nothing, a warning, or a
    refusal (CVA-STO-004). Coder's own envbox template needs such volumes: see hostVolumeExemptions."""
    host_volume_exemptions: Annotated[
        tuple[HostVolumeExemption, ...], Field(max_length=MOST_EXEMPTIONS)
    ] = ()
    """Workspaces that may mount volumes of their node: they are neither warned of nor refused, and CVA-STO-004
    counts them without finding fault with them. A claim on a disk of a node is not exempt: that is a finding."""


class Workspaces(Part):
    """Workspaces: the Pods in which developers work."""

    namespaces: Namespaces | None = None
    """The namespaces of workspaces; absent means those that are discovered and consent."""
    node_pool: NodePool
    """The auto-scaling pool of nodes on which workspaces run (CVA-NODE-004, CVA-NODE-005)."""
    bare_pods: EnforcementMode = "Audit"
    """Whether workspaces that are Pods without a controller are placed too. They cannot be moved later:
    the next stop and start of the workspace places them."""
    virtual_machines: EnforcementMode = "Audit"
    """Whether workspaces that are virtual machines of KubeVirt are placed too: the Pods in which they run
    (virt-launcher), where the labels com.coder.resource or com.coder.workspace.id stand in the VirtualMachine's
    spec.template.metadata. A Pod into which one moves while it runs only prefers the pool, whatever
    nodePool.placement says."""
    anti_affinity: Literal["CommonLabel", "AsWritten"] = "CommonLabel"
    """Which soft anti-affinity counts (CVA-NODE-006). CommonLabel: one that selects a label that workspaces have in
    common. AsWritten: also the term of the document's own snippet, app.kubernetes.io/instance In
    [coder-workspace], whether or not a workspace has that label. CommonLabel by default: no workspace of Coder's
    templates has it, so that the snippet keeps nobody off. What is added at admission always selects somebody."""
    storage: Storage = Storage()
    """Persistent volumes of workspaces."""
