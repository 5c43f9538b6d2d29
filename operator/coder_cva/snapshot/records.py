"""What is kept of each watched object: frozen, slotted, only the fields that somebody uses.

Ten thousand workspaces must fit into memory, so nothing here holds a whole body, except where a
workload is part of Coder's control plane: of those there are few, and rules read them closely.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Labels: TypeAlias = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Owner:
    """The controller of an object, from its ownerReferences."""

    kind: str
    name: str
    uid: str


@dataclass(frozen=True, slots=True)
class Meta:
    """Identity and labels of an object. ``created`` is the API server's RFC 3339 text."""

    name: str
    namespace: str = ""
    uid: str = ""
    labels: Labels = field(default_factory=dict)
    annotations: Labels = field(default_factory=dict)
    owner: Owner | None = None
    created: str = ""
    generation: int = 0
    deleting: bool = False

    @property
    def path(self) -> str:
        """``namespace/name``, or the name alone where there is no namespace."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(frozen=True, slots=True)
class Node:
    """A node: readiness, what it repels, what it can hold (millicores, bytes, Pods).

    ``capacity_…`` are the machine's own, of which the node keeps a part for itself.
    ``devices`` are the extended resources that it has any of, by name: ``nvidia.com/gpu``.
    """

    meta: Meta
    ready: bool
    unschedulable: bool = False
    taints: tuple[Mapping[str, str], ...] = ()
    cpu_millicores: int = 0
    memory_bytes: int = 0
    pods: int = 0
    devices: tuple[str, ...] = ()
    capacity_millicores: int = 0
    capacity_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Namespace:
    """A namespace; its labels decide selectors, its annotations consent."""

    meta: Meta


@dataclass(frozen=True, slots=True)
class Scheduling:
    """What a Pod asks of the scheduler: raw pieces, as they stand in its spec."""

    node_selector: Labels = field(default_factory=dict)
    affinity: Mapping[str, Any] = field(default_factory=dict)
    tolerations: tuple[Mapping[str, Any], ...] = ()
    spread: tuple[Mapping[str, Any], ...] = ()


@dataclass(frozen=True, slots=True)
class PodShape:
    """The part of a Pod spec, or of a template, that rules and discovery look at.

    ``role`` is read off the arguments of Coder's image (``coderd``, ``wsproxy``, ``provisionerd``,
    "" for none of them); ``agent`` says that a container is told a CODER_AGENT_TOKEN, whose value
    is never kept. ``claims`` are all that it uses; ``own_claims`` of these are made for the Pod by its
    generic ephemeral volumes, and go with it. ``host_images`` are the images of the containers that mount
    folders of the node, ``host_paths``, "" where one has none. ``written_types`` are the types of the volumes that a
    container mounts and may write to. ``devices`` are extended resources that it is given, by name;
    ``claims_devices`` says that it also asks for some by resource claims.
    """

    role: str = ""
    agent: bool = False
    image: str = ""
    service_account: str = ""
    scheduling: Scheduling = Scheduling()
    claims: tuple[str, ...] = ()
    own_claims: tuple[str, ...] = ()
    host_paths: tuple[str, ...] = ()
    host_images: tuple[str, ...] = ()
    volume_types: tuple[str, ...] = ()
    written_types: tuple[str, ...] = ()
    devices: tuple[str, ...] = ()
    claims_devices: bool = False
    host_network: bool = False
    privileged: bool = False
    cpu_request_millicores: int = 0
    memory_request_bytes: int = 0
    ports: tuple[tuple[str, int, str], ...] = ()
    """Container ports as (name, number, protocol)."""
    host_ports: tuple[tuple[int, str], ...] = ()
    """Container ports to which a port of the node leads, as (number, protocol)."""
    silent: tuple[str, ...] = ()
    """Beside a container of Coder's own: those that declare no port, and may listen on any."""


@dataclass(frozen=True, slots=True)
class Pod:
    """A Pod: its shape, where it runs and how it fares."""

    meta: Meta
    shape: PodShape
    node: str = ""
    phase: str = ""
    ready: bool = False
    unschedulable: str = ""
    """The scheduler's own message while it finds no node, else ""."""
    addresses: tuple[str, ...] = ()
    """One of each family of the cluster; those of its node where it uses the node's network."""
    node_addresses: tuple[str, ...] = ()
    unready_since: str = ""
    """Since when it is not ready (RFC 3339); "" while it is, or where nobody has said so."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A Deployment. ``body`` is the whole object for Coder's own workloads, else None.

    ``replicas`` is what is asked for, ``present_replicas`` what there is, of whatever template.
    ``node_name`` is the node that the template itself names, past the scheduler; "" for none.
    """

    meta: Meta
    replicas: int
    selector: Mapping[str, Any]
    template_meta: Meta
    shape: PodShape
    present_replicas: int = 0
    ready_replicas: int = 0
    updated_replicas: int = 0
    available_replicas: int = 0
    observed_generation: int = 0
    progress_failure: str = ""
    node_name: str = ""
    body: Mapping[str, Any] | None = None

    @property
    def is_settled(self) -> bool:
        """Whether the last change was seen and carried out: as `kubectl rollout status` waits for it.

        All replicas are of the newest template and available, and none of an older one is left.
        """
        return (
            self.observed_generation >= self.meta.generation
            and self.replicas
            == self.present_replicas
            == self.updated_replicas
            == self.available_replicas
        )


@dataclass(frozen=True, slots=True)
class ReplicaSet:
    """Only what leads from a Pod to its Deployment."""

    meta: Meta


@dataclass(frozen=True, slots=True)
class PersistentVolumeClaim:
    """A claim. ``storage_class`` is None where none was named and "" where none is wanted."""

    meta: Meta
    storage_class: str | None
    access_modes: tuple[str, ...] = ()
    requested_bytes: int = 0
    phase: str = ""
    volume_name: str = ""


@dataclass(frozen=True, slots=True)
class NodeExpression:
    """What one expression of a node selector asks of a node's labels."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


NodeTerm: TypeAlias = tuple[NodeExpression, ...]
"""Expressions that a node has to meet together. The empty term selects no node."""


@dataclass(frozen=True, slots=True)
class PersistentVolume:
    """A volume: its claim as (namespace, name), ("", "") for none, and the nodes that can attach it.

    ``node_terms`` are alternatives; None where every node can. ``source`` is the kind of storage behind
    it, as the API spells it: ``csi``, ``nfs``, ``hostPath``, ``local``.
    """

    meta: Meta
    claim: tuple[str, str] = ("", "")
    phase: str = ""
    node_terms: tuple[NodeTerm, ...] | None = None
    source: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """A Service with its selector and ports, as (name, port, target, protocol)."""

    meta: Meta
    type: str
    selector: Labels = field(default_factory=dict)
    ports: tuple[tuple[str, int, str, str], ...] = ()
    headless: bool = False
    """Whether its name stands for the Pods' own addresses, which have every port."""


@dataclass(frozen=True, slots=True)
class Ingress:
    """An Ingress or an HTTPRoute: the hosts and the Services (namespace, name) that it leads to."""

    meta: Meta
    hosts: tuple[str, ...] = ()
    backends: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class NetworkPolicy:
    """A NetworkPolicy with its spec as it stands."""

    meta: Meta
    spec: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PodDisruptionBudget:
    """A PodDisruptionBudget: whom it selects, what it allows."""

    meta: Meta
    selector: Mapping[str, Any] | None
    min_available: str = ""
    max_unavailable: str = ""
    disruptions_allowed: int = 0


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """A HorizontalPodAutoscaler and its target (kind, name)."""

    meta: Meta
    target: tuple[str, str]
    min_replicas: int = 1
    max_replicas: int = 0


@dataclass(frozen=True, slots=True)
class StorageClass:
    """A StorageClass; ``default`` from its annotation."""

    meta: Meta
    provisioner: str
    default: bool = False
    binding_mode: str = "Immediate"
    expandable: bool = False


@dataclass(frozen=True, slots=True)
class CSIDriver:
    """A CSI driver by its name."""

    meta: Meta


@dataclass(frozen=True, slots=True)
class RoleBinding:
    """A RoleBinding: the role (kind, name) and its ServiceAccounts (namespace, name)."""

    meta: Meta
    role: tuple[str, str]
    service_accounts: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Role:
    """A Role or, without a namespace, a ClusterRole: whether it lets one make Pods, however that is done."""

    meta: Meta
    makes_pods: bool
