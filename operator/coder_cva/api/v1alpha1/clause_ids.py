"""The ids of the architecture's clauses, so that a typing error is refused and not silently without effect.

They are those of the catalogue, which this room does not import; a test holds the two together.
"""

from typing import Annotated, Final

from pydantic import Field

from coder_cva.api.validation import Validation

_CHAPTERS: Final = {
    "GEN": 3,
    "CTL": 4,
    "NODE": 7,
    "WS": 1,
    "NET": 5,
    "STO": 4,
    "DB": 11,
    "PROV": 3,
    "PROXY": 1,
    "REG": 1,
    "OPS": 5,
    "OBS": 3,
    "SUP": 2,
}
"""How many clauses each part of the document has; ids are numbered from 001 and never reused."""

CLAUSE_IDS: Final = tuple(
    f"CVA-{part}-{number:03}" for part, count in _CHAPTERS.items() for number in range(1, count + 1)
)

ClauseId = Annotated[
    str,
    Field(max_length=32),
    Validation(
        cel=f"self in {list(CLAUSE_IDS)}",
        message="is no id of a clause or rule: write one that status.verdicts lists, for example CVA-CTL-001",
        holds=lambda value: value in CLAUSE_IDS,
    ),
]
"""The id of a clause of the architecture, which is also the id of the rule that judges it."""

RULE_KEYS: Final = Validation(
    cel=f"self.all(key, key in {list(CLAUSE_IDS)})",
    message="has a key that is no id of a rule: write for example CVA-STO-004: Audit",
    holds=lambda rules: all(key in CLAUSE_IDS for key in rules),
)
"""For mappings whose keys are ids of rules."""
