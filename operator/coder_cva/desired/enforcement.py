"""How far a rule is enforced: the spec's word, else the default by rule and management."""

from enum import StrEnum
from typing import Final

from coder_cva.api.v1alpha1.resource import CoderDeployment


class Mode(StrEnum):
    """Enforce writes, Audit only reports, Off does neither."""

    ENFORCE = "Enforce"
    AUDIT = "Audit"
    OFF = "Off"


RESTRICTING: Final = frozenset({"CVA-NET-005", "CVA-STO-002", "CVA-STO-004"})
"""Rules that can refuse or cut something: enforced by default only where there is nothing to break."""

ISOLATION: Final = "CVA-NET-005"
CONTROL_PLANE_EGRESS: Final = "CVA-NET-003"
VOLUME_BOUNDS: Final = "CVA-STO-002"
HOST_VOLUMES: Final = "CVA-STO-004"


def mode(deployment: CoderDeployment, rule: str) -> Mode:
    """The mode of a rule: the spec's own word first, else the default.

    By default what restricts an adopted Coder is Audit, and everything else is Enforce.
    """
    spec = deployment.spec
    chosen = spec.enforcement.rules.get(rule)
    if chosen is not None:
        return Mode(chosen)
    if rule in RESTRICTING and spec.control_plane.management != "Managed":
        return Mode.AUDIT
    return Mode.ENFORCE


def egress_mode(deployment: CoderDeployment, rule: str) -> Mode:
    """The mode of a restriction of egress: of an adopted Coder it is Audit, whatever the rule is else."""
    if deployment.spec.enforcement.rules.get(rule) is not None:
        return mode(deployment, rule)
    is_ours = deployment.spec.control_plane.management == "Managed"
    return Mode.ENFORCE if is_ours else Mode.AUDIT


def egress_waits(deployment: CoderDeployment, rule: str) -> bool:
    """Whether a restriction of egress is held back only because nobody has decided."""
    return is_undecided(deployment, rule) and egress_mode(deployment, rule) is Mode.AUDIT


def waits(deployment: CoderDeployment, rule: str) -> bool:
    """Whether a rule restricts nothing only because nobody has decided: what a confirmation may take into force.

    Audit or Off in the spec is a decision, and the weaker of two switches wins.
    """
    return is_undecided(deployment, rule) and mode(deployment, rule) is Mode.AUDIT


def is_undecided(deployment: CoderDeployment, rule: str) -> bool:
    """Whether the spec says nothing of a rule, so that its default holds."""
    return deployment.spec.enforcement.rules.get(rule) is None


def may_confirm(deployment: CoderDeployment, rule: str) -> bool:
    """Whether a confirmation may close something under this rule: nobody has said Audit or Off."""
    return deployment.spec.enforcement.rules.get(rule) in (None, Mode.ENFORCE)


def is_demanded(deployment: CoderDeployment, rule: str) -> bool:
    """Whether the spec itself says Enforce: the user's decision, and not a default."""
    chosen = deployment.spec.enforcement.rules.get(rule)
    return chosen is not None and Mode(chosen) is Mode.ENFORCE
