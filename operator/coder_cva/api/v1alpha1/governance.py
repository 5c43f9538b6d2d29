"""How far rules are enforced, what is excused for a time, and what only people can attest."""

from typing import Annotated

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.clause_ids import RULE_KEYS, ClauseId
from coder_cva.api.v1alpha1.dates import Day, Moment
from coder_cva.api.v1alpha1.words import Sentence
from coder_cva.api.v1alpha1.workspaces import EnforcementMode
from coder_cva.api.validation import ListSet


class Maintenance(Part):
    """A window in which upgrades and scale-downs by hand are expected: no repairs, no alarms."""

    until: Moment
    """When the window ends, for example 2027-01-31T18:00:00Z."""


class Enforcement(Part):
    """How far each rule is enforced."""

    rules: Annotated[
        dict[str, EnforcementMode],
        Field(max_length=64),
        RULE_KEYS,
    ] = Field(default_factory=dict)
    """By the rule's id: Enforce writes, Audit only reports, Off does neither. Absent means the rule's own
    default for this management. Where two switches meet, the weaker one wins."""


class Waiver(Part):
    """A failure that is accepted for a time. It stays visible, as waived."""

    rule: ClauseId
    """The rule's id, for example CVA-GEN-001."""
    resources: Annotated[
        tuple[Annotated[str, Field(min_length=1, max_length=317)], ...],
        Field(max_length=64),
        ListSet(),
    ] = ()
    """The resources, as status.findings shows them; none means every resource that the rule finds."""
    reason: Sentence
    """Why this is acceptable, for those who read the report later."""
    until: Day
    """The last day on which the waiver holds, for example 2027-01-31. From two weeks before on status.notices
    says so, and an Event once."""


class Attestation(Part):
    """A clause that no cluster state can prove, stated with evidence."""

    clause: ClauseId
    """The clause's id, for example CVA-OPS-004. Only what no state of a cluster can prove, or not always, is
    taken on your word: CVA-DB-007, CVA-DB-008, CVA-DB-011, CVA-NODE-004, CVA-OBS-002, CVA-OBS-003, CVA-OPS-001,
    CVA-OPS-003 to 005 and CVA-SUP-002."""
    evidence: Sentence
    """Where to look: a URL, a document, a ticket."""
    until: Day
    """The last day on which the statement holds, for example 2027-01-31. From two weeks before on status.notices
    says so, and an Event once; afterwards the clause is unknown again."""
