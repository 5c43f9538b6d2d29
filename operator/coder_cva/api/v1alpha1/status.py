"""The status: what the operator saw and did. Written by the operator alone, read by everybody."""

from typing import Annotated, Final, Literal

from pydantic import AwareDatetime, Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.placement import Placement
from coder_cva.api.validation import ListMap

CLAUSE_LIMIT: Final = 64
"""Clauses that a status holds; the architecture has about fifty."""
FINDING_LIMIT: Final = 50
"""Findings that a status holds, of each failing rule at least the worst; findingsTotal counts all."""
PREVIEW_LIMIT: Final = 20
"""Previews that a status holds, and resources that one preview names."""

WITHHELD_LIMIT: Final = 32
"""Entries of what is held back."""
NOTICE_LIMIT: Final = 32
"""Notices that a status holds, urgent ones first."""
MOST_CLASSES: Final = 256
"""Classes that one confirmation may cover; more are enforced as a rule, not confirmed one by one."""
MOST_KEPT: Final = 4
"""Confirmations that are remembered, so that going back to an earlier one is understood."""
RESTRICTION_LIMIT: Final = 64
"""Restrictions in force that a status dates, and of which the operator watches what they do."""
GROUP_LIMIT: Final = 20
"""Groups of workspaces outside their pool."""
OWNER_LIMIT: Final = 5
"""Owners that one of them names."""
REPLICA_SET_LIMIT: Final = 32
"""ReplicaSets of one Deployment; Kubernetes keeps ten old ones unless told otherwise."""

Verdict = Annotated[str, Field(max_length=128)]
"""A verdict, and in brackets why it is unknown, or that a waiver lies over the failure."""


class UpgradeStatus(Part):
    """The last upgrade of coderd that was seen."""

    from_version: str = ""
    """The version before."""
    to_version: str = ""
    """The version after."""
    seen_at: AwareDatetime | None = None
    """When it was seen."""
    backup_at: AwareDatetime | None = None
    """When the last backup of the database before it had succeeded; absent where none was seen."""


class ControlPlaneStatus(Part):
    """coderd as it was observed."""

    name: str = ""
    """The Deployment's name."""
    namespace: str = ""
    """The Deployment's namespace."""
    management: str = ""
    """Who manages it: the operator, or for example Helm or Argo CD."""
    version: str = ""
    """The version of Coder, from the image's tag."""
    highest_version: str = ""
    """The highest version that was seen: a lower one cannot read its database (CVA-DB-009)."""
    upgrade: UpgradeStatus | None = None
    """The last upgrade that was seen (CVA-DB-008)."""
    replicas: int = 0
    """Replicas that the Deployment has."""
    ready_replicas: int = 0
    """Replicas that are ready."""
    desired_replicas: int = 0
    """Replicas that the architecture asks for."""
    ready: str = ""
    """Ready and desired replicas, for example 3/3."""


class MisplacedGroup(Part):
    """Workspaces outside their pool, of one template, of which the next start changes the same."""

    template: Annotated[str, Field(max_length=512)]
    """The template by its Pods' label com.coder.template.name, or the image where none has it."""
    next_start: Literal["Moves", "MayMove", "Stays", "Waits"]
    """Moves: the next start brings them onto the pool. MayMove: they prefer it then. Stays: the template, the
    pool or the spec has to be changed first. Waits: they are bound to a pool that cannot take them."""
    count: int
    """How many."""
    owners: Annotated[tuple[str, ...], Field(max_length=OWNER_LIMIT)] = ()
    """Whose they are, by their Pods' labels; those with most of them."""
    owners_total: int = 0
    """How many owners there are in all."""


class WorkspacesStatus(Part):
    """Workspaces as they were observed."""

    count: int | None = None
    """Workspaces that were recognised; absent while that takes what could not be read."""
    misplaced: int | None = None
    """Workspaces that run outside their pool; absent while CVA-NODE-005 is not judged."""
    misplaced_groups: Annotated[tuple[MisplacedGroup, ...], Field(max_length=GROUP_LIMIT)] = ()
    """Those by template, the largest groups first."""
    unknown_owner: int = 0
    """Workspaces whose controller could not be worked out."""
    namespaces: tuple[str, ...] = ()
    """Namespaces that this resource acts on; absent while that takes what could not be read."""
    refused_namespaces: dict[str, str] = Field(default_factory=dict)
    """Namespaces that spec.workspaces.namespaces names and that are not acted on, with the reason."""


class SizingStatus(Part):
    """How the size was worked out, and how it fits (CVA-GEN-003)."""

    fit: Literal["Fits", "AboutToOutgrow", "Outgrown", "Oversized"] | None = None
    """Outgrown: a limit of the tier is exceeded. AboutToOutgrow: 80 % of one are reached, until all are below
    75 %. Oversized: a smaller tier would hold all that is stated and runs. Absent where workspaces cannot
    be counted."""
    reasons: Annotated[tuple[str, ...], Field(max_length=8)] = ()
    """The figures that say so."""
    better_tier: str = ""
    """The tier that would fit, where it is another one."""
    steps: Annotated[tuple[str, ...], Field(max_length=16)] = ()
    """The arithmetic from the spec to the size of coderd, its database and its provisioners, with its sources,
    and the rule that was applied where the architecture has several."""


class Summary(Part):
    """Clauses by verdict. A waived failure counts as failed and as waived."""

    passed: int = 0
    """Clauses that hold."""
    failed: int = 0
    """Clauses that do not hold."""
    unknown: int = 0
    """Clauses that could not be judged."""
    not_applicable: int = 0
    """Clauses that do not concern this cluster."""
    waived: int = 0
    """Failures under a waiver."""
    total: int = 0
    """All clauses."""


class Finding(Part):
    """Something that is not as the architecture says, and what to change."""

    rule: str
    """The rule's id."""
    severity: str
    """How much it matters."""
    resource: str
    """The object, for example Deployment coder/coder."""
    field: str = ""
    """The field in it."""
    expected: str = ""
    """What the architecture asks for."""
    observed: str = ""
    """What is there."""
    remedy: str = ""
    """The exact change, where it belongs: Helm values, Terraform, kubectl."""
    message: str | None = None
    """The same in a sentence."""
    waived: bool | None = None
    """Whether a waiver lies over it."""


class Preview(Part):
    """What a restriction would hit before it takes effect."""

    rule: str
    """The rule's id."""
    message: str
    """What would happen."""
    resources: Annotated[tuple[str, ...], Field(max_length=PREVIEW_LIMIT)] = ()
    """To whom."""
    confirm: str = ""
    """The hash that takes it into force as spec.network.confirm; absent where nothing of it can be confirmed,
    or all of it is."""


class AcceptedConfirmation(Part):
    """A hash of spec.network.confirm that was understood, and what it stands for."""

    hash: str
    """The hash."""
    since: AwareDatetime
    """When it was taken into force."""
    classes: Annotated[tuple[str, ...], Field(max_length=MOST_CLASSES)] = ()
    """The digests of its classes."""


class ConfirmStatus(Part):
    """What can be confirmed with spec.network.confirm, and what is."""

    hash: str = ""
    """The hash over all classes that restrictions hit now; absent where there is nothing to confirm, or more than
    256 classes."""
    command: str = ""
    """What to type to confirm it; absent where nothing is left to be confirmed."""
    pending: Annotated[tuple[str, ...], Field(max_length=PREVIEW_LIMIT)] = ()
    """Classes that are left alone until they are confirmed."""
    pending_total: int = 0
    """How many these are, also those that do not fit."""
    confirmed: Annotated[tuple[str, ...], Field(max_length=PREVIEW_LIMIT)] = ()
    """Classes that are restricted because they are confirmed."""
    accepted: Annotated[tuple[AcceptedConfirmation, ...], Field(max_length=MOST_KEPT)] = ()
    """What was confirmed; the first one is in force, the others are remembered for going back to them."""


class RestrictionStatus(Part):
    """A restriction that is in force in a namespace."""

    rule: str
    """The rule's id."""
    namespace: str
    """Where."""
    since: AwareDatetime
    """Since when. For ten minutes the operator watches what becomes not ready there, and says so in notices."""
    by: str = ""
    """The hash in spec.network.confirm that took it into force; absent where the rule's mode did."""
    agents_missed_before: int | None = None
    """How many running workspaces' agents Coder missed at most in the hour before, where spec.coderAPI is set. It is
    kept while that is compared with what Coder misses now."""


class Withheld(Part):
    """Something that would be written and is not."""

    subject: str
    """The object."""
    reason: str
    """One word that machines can rely on."""
    message: str
    """Why, and what to do."""


class Notice(Part):
    """Something to know about an attestation, a waiver or a confirmation of the spec, or what a restriction does."""

    clause: str
    """The clause's id."""
    kind: str
    """One word: RestrictionHarms, ConfirmUnknown, ConfirmAgain, AttestationEnding, AttestationEnded,
    AttestationNotNeeded, AttestationNotTaken, WaiverEnding, WaiverEnded, WaiverUnused or ExemptionUnused."""
    message: str
    """What it is about, and what to do."""


class PendingTemplate(Part):
    """A Pod template of coderd that another version of the operator renders, and that waits."""

    digest: str
    """Which one."""
    since: AwareDatetime
    """Since when it is known. A spec.maintenance that ends later rolls it out."""


class Condition(Part):
    """A condition as everywhere in Kubernetes."""

    type: Annotated[str, Field(max_length=316)]
    """What is stated, in CamelCase."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    observed_generation: Annotated[int, Field(ge=0)] | None = None
    """The generation of the spec that it was judged for."""
    last_transition_time: AwareDatetime
    """When status last changed."""
    reason: Annotated[str, Field(min_length=1, max_length=1024)]
    """One word that machines can rely on."""
    message: Annotated[str, Field(max_length=32768)] = ""
    """A sentence for people."""


class Status(Part):
    """What the operator saw and did."""

    observed_generation: int = 0
    """The generation of the spec that this status is about."""
    edition: str = ""
    """Which tables of the architecture were applied."""
    tier: str = ""
    """Which tier was applied."""
    control_plane: ControlPlaneStatus | None = None
    """coderd."""
    workspaces: WorkspacesStatus | None = None
    """Workspaces."""
    sizing: SizingStatus | None = None
    """How coderd's size follows from the spec, and how the tier fits what runs."""
    placement: Placement | None = None
    """What the admission policies read. Deleting the resource disarms them."""
    summary: Summary | None = None
    """Clauses by verdict."""
    verdicts: Annotated[dict[str, Verdict], Field(max_length=CLAUSE_LIMIT)] = Field(
        default_factory=dict
    )
    """The verdict on each clause by its id: passed, failed, unknown, notApplicable, with the reason."""
    findings: Annotated[tuple[Finding, ...], Field(max_length=FINDING_LIMIT)] = ()
    """What is to be changed, worst first, of every failing rule at least one. Not all may fit:
    findingsTotal says how many there are, and verdicts lists every clause."""
    findings_total: int = 0
    """How many findings there are in all, also those that do not fit into findings."""
    findings_by_severity: dict[str, int] = Field(default_factory=dict)
    """The same by severity, as the metric coder_cva_findings has them; no entry means none."""
    notices: Annotated[tuple[Notice, ...], Field(max_length=NOTICE_LIMIT)] = ()
    """What a restriction may have broken, what asks to be confirmed, and what ends soon, has ended, or has no
    effect among spec.attestations and spec.waivers, urgent ones first."""
    previews: Annotated[tuple[Preview, ...], Field(max_length=PREVIEW_LIMIT)] = ()
    """What restrictions would hit before they take effect."""
    confirm: ConfirmStatus | None = None
    """What spec.network.confirm can take into force, and what it has."""
    restrictions: Annotated[tuple[RestrictionStatus, ...], Field(max_length=RESTRICTION_LIMIT)] = ()
    """What restricts workspaces now, by rule and namespace, and since when."""
    withheld: Annotated[tuple[Withheld, ...], Field(max_length=WITHHELD_LIMIT)] = ()
    """What would be written and is held back, with the reason and the remedy."""
    pending_template: PendingTemplate | None = None
    """A Pod template of coderd that waits for a maintenance or for a change by you."""
    evictions: Annotated[dict[str, int], Field(max_length=REPLICA_SET_LIMIT)] = Field(
        default_factory=dict
    )
    """How many of its Pods were freed from a pool that cannot take them, by ReplicaSet of coderd."""
    conditions: Annotated[tuple[Condition, ...], Field(max_length=32), ListMap("type")] = ()
    """Ready, Reconciling, Stalled, Conformant, and one for each chapter."""
