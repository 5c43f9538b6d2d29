"""What is kept of the objects that say how node groups scale: frozen, slotted, only what is used.

Sources: kubernetes/autoscaler (clusterstate/api), Karpenter's NodePool, Cluster API's MachineDeployment,
OpenShift's MachineAutoscaler.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from coder_cva.snapshot.records import Meta


@dataclass(frozen=True, slots=True)
class ScaledGroup:
    """A node group as cluster-autoscaler tells of it; ``target`` is the size that it asked for."""

    name: str
    least: int = 0
    most: int = 0
    target: int = 0
    backs_off: bool = False
    """Whether its last scale-up failed and the next one is put off."""


@dataclass(frozen=True, slots=True)
class AutoscalerStatus:
    """The status that cluster-autoscaler writes every few seconds.

    ``written`` is cut to steps, so that a status that says the same is no news each time; None where
    it says no time.
    """

    meta: Meta
    groups: tuple[ScaledGroup, ...] = ()
    written: datetime | None = None


@dataclass(frozen=True, slots=True)
class DisruptionBudget:
    """How many nodes of a NodePool Karpenter may take away at a time, for which reasons; () for all."""

    nodes: str
    reasons: tuple[str, ...] = ()
    scheduled: bool = False
    """Whether it holds at times only."""

    @property
    def is_closed(self) -> bool:
        """Whether it lets nothing through, at any time."""
        return self.nodes in {"0", "0%"} and not self.scheduled


@dataclass(frozen=True, slots=True)
class Limit:
    """A limit of a NodePool: the resource, and how much of how much is used (millicores, bytes, pieces)."""

    resource: str
    used: int
    most: int


@dataclass(frozen=True, slots=True)
class NodePool:
    """A NodePool of Karpenter. ``replicas`` is None unless its capacity is static.

    ``labels`` are those of its nodes that the template says, each with the values that it may have.
    """

    meta: Meta
    replicas: int | None = None
    nodes: int = 0
    policy: str = ""
    after: str = ""
    expires: str = ""
    """The age at which each of its nodes is replaced, whatever its budgets say; "" or Never for no age."""
    budgets: tuple[DisruptionBudget, ...] = ()
    limits: tuple[Limit, ...] = ()
    labels: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    taints: tuple[Mapping[str, str], ...] = ()
    failure: str = ""
    """Why no node can be made of it, in Karpenter's words; "" where it can, or where nothing is said."""
    is_ready: bool = False
    """Whether Karpenter says that a node can be made of it."""


@dataclass(frozen=True, slots=True)
class MachineDeployment:
    """A MachineDeployment of Cluster API; its sizes for the autoscaler are None where it has no such annotation."""

    meta: Meta
    replicas: int = 0
    least: int | None = None
    most: int | None = None


@dataclass(frozen=True, slots=True)
class MachineAutoscaler:
    """A MachineAutoscaler of OpenShift, and the MachineSet that it scales."""

    meta: Meta
    target: str
    least: int = 0
    most: int = 0
