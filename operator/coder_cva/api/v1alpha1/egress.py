"""What may still be connected to where egress is restricted, beside what the architecture itself needs."""

from typing import Annotated, Final, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.addresses import Cidr
from coder_cva.api.v1alpha1.selectors import LabelSelector
from coder_cva.api.v1alpha1.words import Flag, NamespaceName, Sentence
from coder_cva.api.validation import ListMap, ListSet, Validation, matching

_LABEL: Final = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"

HostName = Annotated[
    str,
    Field(max_length=253),
    matching(
        rf"([*][.])?{_LABEL}([.]{_LABEL})+",
        "is no DNS name: write for example github.com, or *.githubusercontent.com for all names below it",
    ),
]
"""A DNS name, or all names one step below one."""

Listed = Literal[
    "coderd-to-postgresql",
    "coderd-to-kube-api",
    "coderd-to-git",
    "coderd-to-oidc",
    "coderd-to-packages",
    "coderd-to-hosted-services",
]
"""Connections of coderd that only its people can say where they lead (docs/reference/connections.md)."""

ListedByProvisioners = Literal[
    "provisioner-to-coderd",
    "provisioner-to-kube-api",
    "provisioner-to-cloud",
    "provisioner-to-packages",
]
"""The same of external provisioners; to coderd where their own address does not show it."""

ListedByProxies = Literal["proxy-to-coderd", "proxy-to-relay"]
"""The same of workspace proxies."""

EgressFrom = Literal["Workspaces", "ControlPlane", "Provisioners", "Proxies"]


class EgressPort(Part):
    """A port, or all ports from ``port`` to ``endPort``."""

    validations = (
        Validation(
            cel="!has(self.endPort) || self.endPort >= self.port",
            message="endPort is below port: write the larger number as endPort, or remove it",
            holds=lambda self: self.end_port is None or self.end_port >= self.port,
        ),
    )

    port: Annotated[int, Field(strict=True, ge=1, le=65535)]
    """The port's number; of Pods their own, not their Service's."""
    end_port: Annotated[int, Field(strict=True, ge=1, le=65535)] | None = None
    """The last port of a range; absent means the one port."""
    protocol: Literal["TCP", "UDP", "SCTP"] = "TCP"
    """The protocol."""


_KINDS: Final = (
    "[has(self.cidrs) && self.cidrs.size() > 0, has(self.fqdns) && self.fqdns.size() > 0, "
    "has(self.namespaceSelector) || has(self.podSelector)].filter(it, it).size() == 1"
)


def _kinds(of: "Destination") -> int:
    selects = of.namespace_selector is not None or of.pod_selector is not None
    return (len(of.cidrs) > 0) + (len(of.fqdns) > 0) + selects


class Destination(Part):
    """Somewhere that may be connected to: addresses, DNS names, or Pods; one of the three."""

    validations = (
        Validation(
            cel=_KINDS,
            message="a destination is one of cidrs, fqdns, or Pods by namespaceSelector and podSelector: "
            "write exactly one of the three, and further ones as entries of their own",
            holds=lambda self: _kinds(self) == 1,
        ),
    )

    name: Annotated[NamespaceName, Field(min_length=1)]
    """A short name of your own, by which previews tell of it."""
    why: Sentence
    """What it is for, for whoever reads it in a year."""
    cidrs: Annotated[tuple[Cidr, ...], Field(max_length=32), ListSet()] = ()
    """Address ranges."""
    fqdns: Annotated[tuple[HostName, ...], Field(max_length=32), ListSet()] = ()
    """DNS names. Only Cilium can follow them: where the API server does not serve its CiliumNetworkPolicy, the
    restriction is held back, and the status says so."""
    namespace_selector: LabelSelector | None = None
    """Which namespaces; absent beside podSelector means the CoderDeployment's own."""
    pod_selector: LabelSelector | None = None
    """Which Pods in them; absent means all."""
    ports: Annotated[tuple[EgressPort, ...], Field(max_length=16)] = ()
    """On which ports; absent means every one."""

    @property
    def line(self) -> str | None:
        """The line of the table of connections that it says it is; nobody asks that of workspaces."""
        line: str | None = getattr(self, "connection", None)
        return line


class ControlPlaneDestination(Destination):
    """The same for coderd."""

    connection: Listed | None = None
    """Which of coderd's connections it is. Restricted waits until coderd-to-postgresql is listed, and
    coderd-to-kube-api unless CODER_PROVISIONER_DAEMONS is 0."""


class ProvisionerDestination(Destination):
    """The same for external provisioners."""

    connection: ListedByProvisioners | None = None
    """Which of their connections it is. Restricted waits until provisioner-to-kube-api or provisioner-to-cloud is
    listed: builds make workspaces there. provisioner-to-coderd says where CODER_URL leads if nothing else shows it."""


class ProxyDestination(Destination):
    """The same for workspace proxies."""

    connection: ListedByProxies | None = None
    """Which of their connections it is. proxy-to-coderd says where CODER_PRIMARY_ACCESS_URL leads if nothing else
    shows it."""


class Egress(Part):
    """What stays possible where egress is Restricted, beside what docs/reference/connections.md names."""

    direct_connections: Flag = True
    """Whether UDP to STUN servers and peers stays open. Without it no connection is direct: all traffic of
    users to their workspaces goes through the relays of coderd and its proxies, which costs them CPU and memory."""
    workspaces: Annotated[tuple[Destination, ...], Field(max_length=32), ListMap("name")] = ()
    """What workspaces may connect to while workspaceEgress is Restricted: git, mirrors, registries."""
    control_plane: Annotated[
        tuple[ControlPlaneDestination, ...], Field(max_length=32), ListMap("name")
    ] = ()
    """What coderd may connect to while controlPlaneEgress is Restricted: PostgreSQL, git, logins."""
    provisioners: Annotated[
        tuple[ProvisionerDestination, ...], Field(max_length=32), ListMap("name")
    ] = ()
    """What external provisioners may connect to while provisionerEgress is Restricted: the Kubernetes API, clouds,
    registries of Terraform."""
    proxies: Annotated[tuple[ProxyDestination, ...], Field(max_length=32), ListMap("name")] = ()
    """What workspace proxies may connect to while proxyEgress is Restricted: proxies and relays elsewhere."""
