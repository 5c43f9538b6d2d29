"""The clauses of the architecture: every sentence that asks for something, as data."""

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Final, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field


class Severity(StrEnum):
    """How much a failure matters, worst first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"
    ADVISORY = "advisory"


class Disposition(StrEnum):
    """What the operator does about a clause.

    ENFORCED brings it about and checks it, CHECKED judges it from the live cluster, ATTESTED
    needs the user's word, because no state of a cluster can prove it.
    """

    ENFORCED = "enforced"
    CHECKED = "checked"
    ATTESTED = "attested"


Chapter = Literal[
    "general",
    "control-plane",
    "node-pools",
    "workspaces",
    "network",
    "storage",
    "database",
    "provisioners",
    "operations",
    "observability",
]


class Clause(BaseModel):
    """One clause. ``quote`` is the document's own words, ``source`` the page where they stand."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^CVA-[A-Z]+-[0-9]{3}$")]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    quote: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)] = "Validated Architectures"
    chapter: Chapter
    severity: Severity
    disposition: Disposition
    attestable: bool = False
    """Whether the user's word stands in for a check that cannot always be made."""

    @property
    def is_attestable(self) -> bool:
        """Whether the user's word counts for it at all."""
        return self.attestable or self.disposition is Disposition.ATTESTED


SEVERITIES: Final = tuple(Severity)


@cache
def clauses() -> tuple[Clause, ...]:
    """All clauses in the document's order, read once. Raises ValueError where an id appears twice."""
    file = resources.files("coder_cva.catalogue") / "data" / "clauses.yaml"
    entries = yaml.safe_load(file.read_text(encoding="utf-8"))["clauses"]
    found = tuple(Clause.model_validate(entry) for entry in entries)
    ids = [one.id for one in found]
    if len(set(ids)) != len(ids):
        raise ValueError("the catalogue holds an id twice; ids are never reused")
    return found
