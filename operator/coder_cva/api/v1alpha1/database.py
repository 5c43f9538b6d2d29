"""The external PostgreSQL: where its URL stands, how it is sized, and what the user says of it (CVA-DB-*)."""

from typing import Annotated, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.amounts import MachineCpu, MachineMemory, StorageSize
from coder_cva.api.v1alpha1.database_probe import DatabaseProbe
from coder_cva.api.v1alpha1.words import DataKey, Flag, LabelValue, ObjectName

SizingPolicy = Literal["Tier", "Baseline", "InstanceTypes"]


class UrlSecretRef(Part):
    """A key of a Secret in the CoderDeployment's namespace."""

    name: ObjectName
    """The Secret's name."""
    key: DataKey = "url"
    """The key inside it, whose value is a URL like postgres://user:password@host:5432/coder."""


class DeclaredDatabase(Part):
    """What you say of a database that the cluster does not show: nothing of it reaches coderd."""

    cpu: MachineCpu | None = None
    """CPUs of its machine, for example 8."""
    memory: MachineMemory | None = None
    """Memory of its machine, for example 32Gi."""
    storage: StorageSize | None = None
    """Its disk, for example 512Gi."""
    instance_type: Annotated[str, Field(min_length=1, max_length=63)] | None = None
    """The type of a managed database, for example db.m6i.2xlarge; it stands for cpu and memory where these
    are absent."""
    high_availability: Flag | None = None
    """Whether a standby takes over by itself when the primary fails (CVA-DB-004)."""
    region: LabelValue | None = None
    """Its region, as nodes spell theirs in topology.kubernetes.io/region (CVA-DB-005)."""
    zone: LabelValue | None = None
    """Its zone, as nodes spell theirs in topology.kubernetes.io/zone (CVA-DB-005)."""


class Database(Part):
    """The external PostgreSQL."""

    url_secret_ref: UrlSecretRef | None = None
    """The Secret that holds the connection URL (CVA-DB-001). Required with Managed; elsewhere only
    the probe reads it."""
    sizing: SizingPolicy = "Tier"
    """By which of three rules that disagree the database is sized (CVA-DB-002, CVA-DB-003): Tier is the table of
    the tier, Baseline two cores, 8 GB and two cores more for every 1,000 active users, InstanceTypes the list
    of managed types (2, 4 or 8 CPU below 1,000, up to 2,000, and beyond). Tier by default: it is of the
    same table as coderd and the builds that load the database, and in edition 2026 asks for the most."""
    declared: DeclaredDatabase = DeclaredDatabase()
    """What you say of a database outside of the cluster."""
    probe: DatabaseProbe = DatabaseProbe()
    """Looking at the database itself: round trips, connections, version, size."""
