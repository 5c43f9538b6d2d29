"""Who may connect to Coder, as far as the cluster itself cannot tell."""

from typing import Annotated, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.addresses import Cidr
from coder_cva.api.v1alpha1.egress import Egress, EgressFrom
from coder_cva.api.v1alpha1.selectors import LabelSelector
from coder_cva.api.v1alpha1.words import Flag
from coder_cva.api.validation import ListSet, Validation, matching

ConfirmationHash = Annotated[
    str,
    Field(max_length=12),
    matching(
        "[a-f][0-9a-f]{11}",
        "is no hash of a preview: copy the twelve characters from status.confirm.hash, or take the field out "
        "to confirm nothing",
    ),
]
"""The hash of what status.previews names."""

EgressProfile = Literal["Open", "Restricted"]


class Peer(Part):
    """Pods, by the labels of their namespace, by their own labels, or both."""

    validations = (
        Validation(
            cel="has(self.namespaceSelector) || has(self.podSelector)",
            message="a peer needs namespaceSelector, podSelector or both: add one",
            holds=lambda self: self.namespace_selector is not None or self.pod_selector is not None,
        ),
    )

    namespace_selector: LabelSelector | None = None
    """Which namespaces; absent means the CoderDeployment's own."""
    pod_selector: LabelSelector | None = None
    """Which Pods in them; absent means all."""


class Network(Part):
    """Connections that the architecture asks for (CVA-NET-001 to CVA-NET-005)."""

    ingress_controllers: Annotated[tuple[Peer, ...], Field(max_length=16)] = ()
    """Ingress controllers or gateways through which users reach coderd (CVA-NET-004). Name them also where
    they lead to coderd's Service by what is not read here, for example a service mesh or OpenShift Routes."""
    monitoring: Annotated[tuple[Peer, ...], Field(max_length=16)] = ()
    """Prometheus and other scrapers of coderd's metrics and profiles (CVA-OBS-001). Whoever is not named
    is kept out of these ports; absent means that they stay open to everybody."""
    access_url_cidrs: Annotated[tuple[Cidr, ...], Field(max_length=32), ListSet()] = Field(
        default=(), alias="accessURLCIDRs"
    )
    """Addresses behind the access URL, where it leads out of the cluster and back (CVA-NET-001)."""
    air_gapped: Flag = False
    """Whether nothing here reaches the internet: Coder's Registry and other hosted services are then not
    available (CVA-REG-001). It is only judged by; no connection is closed for it."""
    follow_support_links: Flag = False
    """Whether the operator asks the addresses of coderd's support links once a day, from its own Pod, whether
    they answer (CVA-SUP-001). Private addresses are never asked; whoever keeps a page sees that it is."""
    confirm: ConfirmationHash | None = None
    """Takes what status.previews names into force, where a rule restricts and nobody has said Enforce, Audit or
    Off of it: the hash from status.confirm.hash, with which you say that you have read whom it hits. Connections
    to workspaces that are in use are closed by it too. It stands for classes (a namespace, the port of Services,
    a kind of template), not for single Pods; a class that comes later is left alone until you confirm the new hash.
    Taking the field out takes all of it back at once."""
    workspace_egress: EgressProfile = "Open"
    """What workspaces may connect to. Open: everything; no egress is cut. Restricted: what the architecture needs
    (docs/reference/connections.md) and what spec.network.egress.workspaces lists; enforced as CVA-NET-005 is."""
    control_plane_egress: EgressProfile = "Open"
    """What coderd may connect to. Open: everything. Restricted: what the architecture needs, and what
    spec.network.egress.controlPlane lists; enforced as CVA-NET-003 is, in an adopted Coder once that
    is Enforce or its preview is confirmed."""
    provisioner_egress: EgressProfile = "Open"
    """What external provisioners may connect to, in the namespaces that consent. Open: everything. Restricted: what
    the architecture needs, and what spec.network.egress.provisioners lists; enforced as CVA-NET-003 is."""
    proxy_egress: EgressProfile = "Open"
    """What workspace proxies may connect to, in the namespaces that consent. Open: everything. Restricted: what the
    architecture needs, and what spec.network.egress.proxies lists; enforced as CVA-NET-003 is."""
    block_metadata_address_for: Annotated[
        tuple[EgressFrom, ...], Field(max_length=4), ListSet()
    ] = ()
    """Whose connections to the cloud's metadata address (169.254.169.254, fd00:ec2::254) are closed, also where
    egress is Open. Logins by the node's identity stop working: some workload identities, IAM logins to databases."""
    egress: Egress = Egress()
    """What stays possible where egress is Restricted."""
