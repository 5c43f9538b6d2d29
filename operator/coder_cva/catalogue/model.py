"""The reference architectures as frozen values; a figure that is none is refused when they are read."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from coder_cva.values import quantity

Edition = Literal["2024", "2026"]
Count = Annotated[int, Field(ge=1)]


def _cpu(text: str) -> str:
    quantity.cpu_millicores(text)
    return text


def _bytes(text: str) -> str:
    quantity.byte_count(text)
    return text


Cpu = Annotated[str, AfterValidator(_cpu)]
Bytes = Annotated[str, AfterValidator(_bytes)]


class _Data(BaseModel):
    """The base of all of them: frozen, and no field that nobody knows."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Data):
    """Up to how many users, running workspaces and concurrent builds a tier reaches."""

    users: Count
    workspaces: Count
    builds: Count


class Size(_Data):
    """CPU and memory of one Pod, request and limit alike."""

    cpu: Cpu
    memory: Bytes

    @property
    def cpu_millicores(self) -> int:
        """CPU in millicores."""
        return quantity.cpu_millicores(self.cpu)

    @property
    def memory_bytes(self) -> int:
        """Memory in bytes."""
        return quantity.byte_count(self.memory)


class Replicated(Size):
    """A part of the control plane: its size and how many of it."""

    replicas: Count


class Provisioners(_Data):
    """External provisioners; edition 2024 gives their number and sizes only their nodes."""

    replicas: Count
    cpu: Cpu | None = None
    memory: Bytes | None = None


class Database(Size):
    """The database's machine, how many of it, and its disk where the edition gives one."""

    replicas: Count
    storage: Bytes | None = None


class DatabaseBaseline(Size):
    """The smallest database, and by how much it grows with users who are active at once (CVA-DB-002)."""

    storage: Bytes
    cpu_per_1000_active_users: Cpu
    external_provisioners: Count
    """How many external provisioners the baseline carries (CVA-PROV-003)."""


class DatabaseByUsers(Size):
    """A row of the list of managed databases: the least of its machines, for at most so many users."""

    most: Count | None = None
    types: tuple[str, ...]


class ProvisionerFormula(Size):
    """CPU and memory for so many concurrent builds, as the page on scale testing has it (CVA-PROV-001)."""

    builds: Count
    source: str


class NodeGroup(Size):
    """Nodes for one purpose: the capacity of each, how many, and how many Pods of it on each."""

    count: Count
    least: Count | None = None
    """The smaller figure where the page gives a range."""
    pods_each: Count
    types: dict[Literal["gcp", "aws", "azure"], str]


class Nodes(_Data):
    """The node groups of a tier, edition 2024 only."""

    coderd: NodeGroup
    provisioners: NodeGroup
    workspaces: NodeGroup


class ByTypes(_Data):
    """The control plane by the machines that its page names, where these have less than the page's own capacity."""

    node: Size
    coderd: Replicated


class Tier(_Data):
    """One reference architecture."""

    name: str
    source: str
    limits: Limits
    requests_per_second: Count | None = None
    coderd: Replicated
    proxies: Replicated | None = None
    """Workspace proxies of each further region, where the page lists them."""
    provisioners: Provisioners
    database: Database
    agent: Size | None = None
    """What the agent alone takes in every workspace, where the page gives it."""
    nodes: Nodes | None = None
    by_types: ByTypes | None = None
    """Where the page contradicts itself: ``spec.controlPlane.nodeSizing`` says which of the two counts."""
    notes: tuple[str, ...] = ()


class Architectures(_Data):
    """The reference architectures of one edition, the smallest first."""

    edition: Edition
    title: str
    sources: tuple[str, ...]
    encryption_cpu: Cpu
    """How much CPU more every replica of coderd gets with encryption on (CVA-CTL-003)."""
    encryption_source: str
    database_baseline: DatabaseBaseline
    provisioner_formula: ProvisionerFormula
    large_from: str
    """The first tier whose database is to be highly available (CVA-DB-004)."""
    notes: tuple[str, ...]
    tiers: tuple[Tier, ...]

    def tier(self, name: str) -> Tier:
        """The tier of that name. Raises KeyError where this edition has none."""
        for one in self.tiers:
            if one.name == name:
                return one
        raise KeyError(f"edition {self.edition} has no tier {name}")
