"""The clauses of the architecture: every sentence that asks for something, as data.

What the document says stands in data/clauses.yaml, why it matters and what to do in data/guidance.yaml.
"""

from enum import StrEnum
from functools import cache
from importlib import resources
from typing import Annotated, Any, Final, Literal

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
    """One clause. ``quote`` is the document's own words, ``source`` the page where they stand.

    ``why`` it matters to users and the ``remedy`` in words are ours; what exactly is to be changed in a
    cluster stands in the findings.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: Annotated[str, Field(pattern=r"^CVA-[A-Z]+-[0-9]{3}$")]
    title: Annotated[str, Field(min_length=1, max_length=100)]
    quote: Annotated[str, Field(min_length=1)]
    source: Annotated[str, Field(min_length=1)] = "Validated Architectures"
    chapter: Chapter
    severity: Severity
    disposition: Disposition
    why: Annotated[str, Field(min_length=1)]
    remedy: Annotated[str, Field(min_length=1)]
    attestable: bool = False
    """Whether the user's word stands in for a check that cannot always be made."""

    @property
    def is_attestable(self) -> bool:
        """Whether the user's word counts for it at all."""
        return self.attestable or self.disposition is Disposition.ATTESTED


SEVERITIES: Final = tuple(Severity)


@cache
def clauses() -> tuple[Clause, ...]:
    """All clauses in the document's order, read once.

    Raises ValueError where an id appears twice, or guidance is about no clause.
    """
    entries = _data("clauses.yaml")["clauses"]
    ids = [one["id"] for one in entries]
    if len(set(ids)) != len(ids):
        raise ValueError("the catalogue holds an id twice; ids are never reused")
    guidance = _data("guidance.yaml")
    strange = sorted(set(guidance) - set(ids))
    if strange:
        raise ValueError(f"guidance.yaml is about {', '.join(strange)}, which is no clause")
    return tuple(Clause.model_validate({**one, **guidance.get(one["id"], {})}) for one in entries)


def _data(name: str) -> Any:
    file = resources.files("coder_cva.catalogue") / "data" / name
    return yaml.safe_load(file.read_text(encoding="utf-8"))
