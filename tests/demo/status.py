"""What a CoderDeployment's status says, as rows and paragraphs for a reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

SHORT = 100
"""Characters of a message that is shown whole."""

Object = dict[str, Any]


def condition_rows(resource: Mapping[str, Any]) -> list[tuple[str, str, str, str]]:
    """Type, status, reason and message, in short, of each condition, in the order of the status."""
    conditions = resource.get("status", {}).get("conditions", [])
    return [
        (one["type"], one["status"], one["reason"], in_short(one["message"])) for one in conditions
    ]


def in_short(message: str) -> str:
    """A short message, or the first statement of a long one and a mark that more follow."""
    first, separator, _ = message.partition("; ")
    return f"{first} …" if separator and len(message) > SHORT else message


def preview_rows(resource: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Rule, message and resources of what a restriction would hit before it takes effect."""
    previews = resource.get("status", {}).get("previews", [])
    return [
        (one["rule"], ": ".join(filter(None, (one["message"], ", ".join(one["resources"])))))
        for one in previews
    ]


def worst(resource: Mapping[str, Any], count: int) -> list[Object]:
    """The first findings, each rule once: the status has the worst first."""
    found: dict[str, Object] = {}
    for one in resource.get("status", {}).get("findings", []):
        found.setdefault(one["rule"], one)
    return list(found.values())[:count]


def finding_lines(finding: Mapping[str, Any]) -> list[tuple[str, str]]:
    """A finding as labelled facts; what it does not say is left out."""
    facts = [
        ("where", " ".join(filter(None, (finding["resource"], finding.get("field", ""))))),
        ("expected", finding.get("expected", "")),
        ("observed", finding.get("observed", "")),
        ("remedy", finding.get("remedy", "")),
    ]
    return [(label, words) for label, words in facts if words]


def summary(resource: Mapping[str, Any]) -> str:
    """How many clauses hold, in a sentence."""
    counts = resource.get("status", {}).get("summary", {})
    return (
        f"{counts.get('total', 0)} clauses of the architecture: {counts.get('passed', 0)} passed, "
        f"{counts.get('failed', 0)} failed, {counts.get('unknown', 0)} unknown, "
        f"{counts.get('notApplicable', 0)} not applicable"
    )
