"""What was recognised in a snapshot: Coder's workloads, workspaces, and the namespaces that consent."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import records


@dataclass(frozen=True, slots=True)
class Workload:
    """A Deployment of Coder's own: its role (coderd, wsproxy, provisionerd) and who manages it.

    ``manager`` is ``Helm``, ``Argo CD``, ``Flux``, ``coder-k8s``, ``operator`` (this one) or "".
    ``ours`` says that the operator makes it for the CoderDeployment that is being reconciled.
    """

    deployment: records.Deployment
    role: str
    manager: str = ""
    ours: bool = False


@dataclass(frozen=True, slots=True)
class Workspace:
    """A Pod recognised as a workspace, by which proof, and the workload that controls it.

    ``proof`` is the strongest of ``CODER_AGENT_TOKEN``, ``com.coder labels``, ``owner's labels``,
    ``workspace name label``. ``controller`` is ``Deployment name`` and the like, "" for a bare Pod.
    """

    pod: records.Pod
    proof: str
    controller: str = ""


@dataclass(frozen=True, slots=True)
class ConsentingNamespace:
    """A namespace that this deployment may act on, and by which of its own words."""

    name: str
    consent: str
    """``own namespace``, ``annotation``, or ``RoleBinding <name>``."""
    since: str = ""
    """When that RoleBinding was made (RFC 3339, UTC); "" for the other two, which nothing dates."""


@dataclass(frozen=True, slots=True)
class Discovered:
    """Everything recognised for one CoderDeployment. Tuples are sorted; equal worlds, equal bytes."""

    coderd: tuple[Workload, ...] = ()
    """coderd Deployments in the CoderDeployment's namespace."""
    proxies: tuple[Workload, ...] = ()
    provisioners: tuple[Workload, ...] = ()
    workspaces: tuple[Workspace, ...] = ()
    """Workspace Pods in the namespaces below."""
    namespaces: tuple[ConsentingNamespace, ...] = ()
    refused_namespaces: Mapping[str, str] = field(default_factory=dict)
    """Namespaces that this deployment asks for, or that ask for it, and on which it does not act: why not."""
    taken: frozenset[str] = frozenset()
    """Of these the ones on which another CoderDeployment acts."""
    rival: CoderDeployment | None = None
    """The CoderDeployment in the same namespace that claims the same there and comes first."""
