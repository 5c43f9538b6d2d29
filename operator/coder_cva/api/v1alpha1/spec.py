"""The spec: what the user asks for. Start here; each part has its own file."""

from typing import Annotated, Final, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.coder_api import CoderAPI
from coder_cva.api.v1alpha1.control_plane import ControlPlane
from coder_cva.api.v1alpha1.database import Database
from coder_cva.api.v1alpha1.governance import Attestation, Enforcement, Maintenance, Waiver
from coder_cva.api.v1alpha1.network import Network
from coder_cva.api.v1alpha1.words import Flag
from coder_cva.api.v1alpha1.workspaces import Workspaces
from coder_cva.api.validation import ListMap, Validation

Edition = Literal["2024", "2026"]
Tier = Literal["1k", "2k", "3k", "10k"]
ProvisionersSizing = Literal["Tier", "TwoBuildsPerCPU"]

LARGEST: Final = {"2024": 3000, "2026": 10_000}
"""Users of the largest tier, by edition. Source: the titles of its pages."""


class Architecture(Part):
    """The reference architecture, by tier or by the number of users (CVA-GEN-003)."""

    validations = (
        Validation(
            cel="has(self.tier) || has(self.users)",
            message="architecture needs tier or users: write for example tier: 1k or users: 800",
            holds=lambda self: self.tier is not None or self.users is not None,
        ),
    )

    tier: Tier | None = None
    """The tier; absent means the smallest whose limits hold the figures below."""
    users: Annotated[int, Field(strict=True, ge=1, le=1_000_000)] | None = None
    """How many users have an account."""
    active_users_percent: Annotated[int, Field(strict=True, ge=0, le=100)] = 30
    """How many of them are active at once, in percent. Source of 30: the baseline of the database."""
    concurrent_workspaces: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    """How many workspaces run at once; absent means the tier's."""
    concurrent_builds: Annotated[int, Field(strict=True, ge=0, le=1_000_000)] | None = None
    """How many workspaces are built at once; absent means the tier's."""


def _has_a_tier(edition: Edition, architecture: Architecture) -> bool:
    """Whether a tier is named, or the users fit into one."""
    if architecture.tier is not None or architecture.users is None:
        return True
    return architecture.users <= LARGEST[edition]


class Provisioners(Part):
    """What builds workspaces (CVA-PROV-001, CVA-PROV-002)."""

    built_in_daemons: Annotated[int, Field(strict=True, ge=0, le=100)] = 3
    """Built-in provisioners in each replica of coderd (CODER_PROVISIONER_DAEMONS). 0 only where external
    provisioners run, else no workspace is built."""
    sizing: ProvisionersSizing = "Tier"
    """How large an external provisioner is, of which each runs one build (CVA-PROV-001). Tier is the table of
    the tier: 1 CPU and 1 GB in edition 2026; edition 2024 sizes only their nodes. TwoBuildsPerCPU is the formula
    of the page on scale testing, 1 CPU and 1 GB for every two builds. Tier by default: it is of the same table
    as everything else, and asks for the most."""


class Spec(Part):
    """What the cluster is to be."""

    validations = (
        Validation(
            cel="self.controlPlane.management != 'Managed' || has(self.controlPlane.version)",
            message="spec.controlPlane.version is required while management is Managed: "
            "write for example version: 2.30.0, or management: Adopted for a coderd that is there",
            holds=lambda self: (
                self.control_plane.management != "Managed" or self.control_plane.version is not None
            ),
            field_path=".controlPlane",
        ),
        Validation(
            cel="self.controlPlane.management != 'Managed' "
            " || (has(self.database) && has(self.database.urlSecretRef))",
            message="spec.database.urlSecretRef is required while management is Managed: name the Secret "
            "with the connection URL of your PostgreSQL; coderd's built-in database is not for production",
            holds=lambda self: (
                self.control_plane.management != "Managed"
                or (self.database is not None and self.database.url_secret_ref is not None)
            ),
        ),
        Validation(
            cel="!has(self.controlPlane.nodePool)"
            " || self.controlPlane.nodePool.selector != self.workspaces.nodePool.selector",
            message="the selectors of spec.controlPlane.nodePool and spec.workspaces.nodePool are equal: "
            "give workspaces a pool of their own (CVA-NODE-001)",
            holds=lambda self: (
                self.control_plane.node_pool is None
                or self.control_plane.node_pool.selector != self.workspaces.node_pool.selector
            ),
            field_path=".workspaces.nodePool.selector",
        ),
        Validation(
            cel="self.edition != '2024' || !has(self.architecture.tier)"
            " || self.architecture.tier != '10k'",
            message="edition 2024 has no tier 10k: set spec.edition to 2026, or a smaller tier",
            holds=lambda self: self.edition != "2024" or self.architecture.tier != "10k",
            field_path=".architecture.tier",
        ),
        Validation(
            cel="self.edition == '2024' || self.controlPlane.nodeSizing != 'InstanceTypes'",
            message="nodeSizing: InstanceTypes goes with edition 2024, whose tables alone name machines: "
            "remove spec.controlPlane.nodeSizing, or set spec.edition to 2024",
            holds=lambda self: (
                self.edition == "2024" or self.control_plane.node_sizing != "InstanceTypes"
            ),
            field_path=".controlPlane.nodeSizing",
        ),
        Validation(
            cel="has(self.architecture.tier) || !has(self.architecture.users)"
            f" || self.architecture.users <= (self.edition == '2024' ? {LARGEST['2024']} : {LARGEST['2026']})",
            message="no tier holds so many users (edition 2024 ends at 3000, 2026 at 10000): "
            "set spec.architecture.tier to the largest one, and CVA-GEN-003 says what goes beyond it",
            holds=lambda self: _has_a_tier(self.edition, self.architecture),
            field_path=".architecture.users",
        ),
        Validation(
            cel="!has(self.coderAPI) || has(self.coderAPI.url)"
            " || self.controlPlane.management != 'None'",
            message="spec.coderAPI.url is required while management is None: a region has no coderd of its "
            "own, so say where Coder is, for example https://coder.example.com",
            holds=lambda self: (
                self.coder_api is None
                or self.coder_api.url is not None
                or self.control_plane.management != "None"
            ),
            field_path=".coderAPI",
        ),
    )

    edition: Edition = "2026"
    """Which tables of the architecture apply: 2024 (nodes and requests per second) or 2026 (limits per
    tier). The default is written down when the resource is created, so a later one changes nothing."""
    architecture: Architecture
    """The reference architecture to follow."""
    suspend: Flag = False
    """While true nothing is enforced: what restricts (this operator's NetworkPolicies and admission policies) is
    taken away at once. coderd and all that carries it stay as they are, and nothing is written or repaired."""
    maintenance: Maintenance | None = None
    """A window in which coderd is upgraded or scaled by hand: it is not repaired until then."""
    enforcement: Enforcement = Enforcement()
    """How far each rule is enforced."""
    waivers: Annotated[tuple[Waiver, ...], Field(max_length=64), ListMap("rule")] = ()
    """Failures that are accepted for a time, one entry for a rule."""
    attestations: Annotated[tuple[Attestation, ...], Field(max_length=64), ListMap("clause")] = ()
    """Clauses that no cluster state can prove, or not always, stated with evidence, one entry for a clause."""
    control_plane: ControlPlane
    """coderd, and the nodes on which it runs."""
    provisioners: Provisioners = Provisioners()
    """What builds workspaces."""
    workspaces: Workspaces
    """Workspaces, and the nodes on which they run."""
    network: Network = Network()
    """Who may connect, as far as the cluster itself cannot tell."""
    database: Database | None = None
    """The external PostgreSQL. Its urlSecretRef is required with Managed."""
    coder_api: CoderAPI | None = Field(default=None, alias="coderAPI")
    """Coder's own API, for what only it knows: the licence, templates, accounts. Absent means not asked."""
    deletion_policy: Literal["Delete", "Orphan"] = "Delete"
    """What becomes of a managed coderd when this resource is deleted: deleted with it, or left running.
    Volumes, Secrets and databases are never deleted."""
