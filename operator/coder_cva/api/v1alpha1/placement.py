"""Which Pods go where at admission, and how firmly: worked out by the operator, told in the status."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.scheduling import Toleration

MOST_STRANDED: Final = 100
"""How many claims admission tells from others; above that the whole pool is only preferred."""


class NodeRequirement(Part):
    """One requirement on a node's label, as in a node affinity."""

    key: str
    """The label's key."""
    operator: str
    """How the label is compared."""
    values: tuple[str, ...] = ()
    """With which values."""


class ControlPlanePlacement(Part):
    """What coderd's Pods get at admission."""

    mode: Literal["Required", "Preferred", "Off"] = "Off"
    """How firmly they are bound to the pool right now."""
    decided: bool = False
    """Whether that is the user's own word (placement: Required), which no wish of a Pod softens."""
    steady_since: AwareDatetime | None = None
    """Since when a pool that is still only preferred can take Pods again. It is required once that has
    lasted for half a minute."""
    pod_labels: dict[str, str] = Field(default_factory=dict)
    """The labels by which they are recognised."""
    requirements: tuple[NodeRequirement, ...] = ()
    """What their nodes must have."""
    tolerations: tuple[Toleration, ...] = ()
    """The taints that they put up with."""
    node_labels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Which values some labels have on the pool's ready nodes. A Pod whose template asks for more than
    these prefers the pool instead of requiring it."""


class ExemptFromHostVolumes(Part):
    """Who may mount volumes of the node, whatever is said of everybody."""

    namespaces: tuple[str, ...] = ()
    """All workspaces of these namespaces."""
    images: tuple[str, ...] = ()
    """Those whose containers mount such volumes with these images alone: repositories, as Pods may spell them."""
    templates: tuple[str, ...] = ()
    """Those whose Pods have one of these in the label com.coder.template.name."""


class WorkspacePlacement(Part):
    """What Pods and claims of workspaces get at admission."""

    mode: Literal["Required", "Preferred", "Off"] = "Off"
    """How firmly Pods are bound to the pool right now."""
    decided: bool = False
    """Whether that is the user's own word (placement: Required), which no wish of a Pod softens."""
    steady_since: AwareDatetime | None = None
    """Since when a pool that is still only preferred can take Pods again. It is required once that has
    lasted for half a minute."""
    requirements: tuple[NodeRequirement, ...] = ()
    """What their nodes must have."""
    tolerations: tuple[Toleration, ...] = ()
    """The taints that they put up with."""
    node_labels: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Which values some labels have on the pool's ready nodes. A Pod whose template asks for more than
    these prefers the pool instead of requiring it."""
    stranded_claims: Annotated[tuple[str, ...], Field(max_length=MOST_STRANDED)] = ()
    """Claims, as namespace/name, whose volumes no ready node of the pool can attach. A Pod that mounts one
    prefers the pool instead of requiring it."""
    own_namespace: bool = False
    """Whether the CoderDeployment's own namespace is one of workspaces."""
    bare_pods: bool = False
    """Whether Pods without a controller are placed too."""
    virtual_machines: bool = False
    """Whether Pods in which KubeVirt runs virtual machines are placed too."""
    anti_affinity: bool = False
    """Whether Pods get the soft anti-affinity of Coder's own template (CVA-NODE-006)."""
    storage_class_name: str | None = None
    """The StorageClass for claims that name none."""
    min_size: str | None = None
    """The smallest size of a new claim."""
    max_size: str | None = None
    """The largest size of a new claim."""
    host_volumes: Literal["Off", "Warn", "Deny"] = "Off"
    """What happens to a Pod that mounts a volume of its node."""
    host_volume_exemptions: ExemptFromHostVolumes | None = None
    """To whom that does not happen."""


class Placement(Part):
    """What is done at admission, as the CoderPlacement of the same name says it, and by what."""

    control_plane: ControlPlanePlacement | None = None
    """For coderd's Pods; absent where nothing is to be done."""
    workspaces: WorkspacePlacement | None = None
    """For workspaces; absent where nothing is to be done."""
    engine: Literal["MutatingAdmissionPolicy", "Webhook", "None"] = "None"
    """What acts at admission in this cluster."""
    engine_reason: str = ""
    """Why it is this one."""
    guards: str = ""
    """What the guards on the pools found, in a few words."""
