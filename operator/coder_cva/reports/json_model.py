"""The shape of the JSON report, from which its published schema is generated.

Fields are added; none is renamed or taken away without another version. A schema that refused fields
that it does not know would refuse the reports of a newer version, so it does not.
"""

import json
from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from coder_cva.catalogue.clauses import Chapter, Disposition, Severity
from coder_cva.rules.model import NoticeKind, Verdict

VERSION: Final = "cva.coder.com/audit/v1"
DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

Count = Annotated[int, Field(ge=0)]


class _Shape(BaseModel):
    """The base of all of them: frozen, camelCase outside, docstrings as descriptions."""

    model_config = ConfigDict(
        frozen=True,
        alias_generator=to_camel,
        validate_by_name=True,
        use_attribute_docstrings=True,
    )


class FindingShape(_Shape):
    """One thing that is not as the clause says."""

    resource: str
    """Kind, namespace and name of the object, as waivers name it."""
    field: str
    """Where in the object; empty where it is about the whole."""
    expected: str
    observed: str
    remedy: str
    """A sentence; what is to be pasted stands in the lines below it."""
    waived: bool
    """Whether a waiver lies over it now."""


class ClauseShape(_Shape):
    """The verdict on one clause of the architecture."""

    id: Annotated[str, Field(pattern=r"^CVA-[A-Z]+-[0-9]{3}$")]
    """Never given to another clause."""
    chapter: Chapter
    title: str
    quote: str
    """The document's own words."""
    source: str
    """The page where they stand."""
    severity: Severity
    disposition: Disposition
    """What the operator does about it: enforces and checks it, checks it, or takes the user's word."""
    verdict: Verdict
    reason: str
    """One CamelCase word that tells why it is unknown, or Attested; else empty."""
    message: str
    waived: bool
    """Whether it failed and waivers lie over all findings."""
    findings: tuple[FindingShape, ...]


class SummaryShape(_Shape):
    """How many clauses have which verdict; the waived ones are among the failed."""

    passed: Count
    failed: Count
    unknown: Count
    not_applicable: Count
    waived: Count
    total: Count


class PreviewShape(_Shape):
    """What a restriction would hit."""

    rule: str
    message: str
    resources: tuple[str, ...]
    """Whom it hits now."""
    classes: tuple[str, ...]
    """What a confirmation covers of it: these stay the same while single Pods come and go."""


class ConfirmShape(_Shape):
    """What can be taken into force with spec.network.confirm."""

    hash: str
    """The hash over all classes; empty where there is nothing to confirm, or not everything could be read."""
    command: str
    """What to type; empty where nothing is left to be confirmed."""
    pending: tuple[str, ...]
    """Classes that are left alone until they are confirmed."""
    confirmed: tuple[str, ...]
    """Classes that are restricted because they are confirmed."""


class NoticeShape(_Shape):
    """Something to be known of a restriction, a confirmation, an attestation or a waiver."""

    clause: str
    kind: NoticeKind
    message: str


class ReportShape(_Shape):
    """The cluster around one CoderDeployment against the Coder Validated Architecture, at one moment."""

    report: Literal["cva.coder.com/audit/v1"]
    """The version of this shape."""
    deployment: str
    """namespace/name of the CoderDeployment."""
    edition: str
    """Which edition of the reference architectures it was judged by."""
    tier: str
    moment: Annotated[str, Field(json_schema_extra={"format": "date-time"})]
    """When the cluster was looked at."""
    conformant: Literal["True", "False", "Unknown"]
    """The condition of that name: no clause of severity high or above fails, and all of them were judged."""
    summary: SummaryShape
    notices: tuple[NoticeShape, ...]
    """What harms, asks to be confirmed, ends or has no effect, most urgent first."""
    previews: tuple[PreviewShape, ...]
    """What restrictions would hit before they take effect."""
    confirm: ConfirmShape
    clauses: tuple[ClauseShape, ...]
    """All clauses, in the order of the catalogue."""


def schema() -> dict[str, Any]:
    """The JSON schema of the report."""
    made = ReportShape.model_json_schema(mode="serialization")
    return {"$schema": DIALECT, **made, "title": "Report of coder_cva audit"}


def render() -> str:
    """The text of the schema's file."""
    return json.dumps(schema(), indent=2, sort_keys=True) + "\n"
