"""What only people can prove: the spec's attestations in, what they settle out."""

from datetime import date
from typing import Final

from coder_cva.api.v1alpha1.governance import Attestation
from coder_cva.catalogue.clauses import Clause
from coder_cva.rules.model import Judgement, Verdict
from coder_cva.snapshot.world import World

ATTESTED: Final = "Attested"
"""The reason of a verdict that stands by somebody's word."""
SOON: Final = 14
"""Days before the end of an attestation or a waiver from which on it is told."""


def attested(clause: Clause, world: World) -> Judgement | None:
    """Passed by the word that holds today; None where there is none, or where a word does not count."""
    one = _given(clause, world)
    today = world.now.date()
    if one is None or one.until < today:
        return None
    said = f"attested until {one.until.isoformat()}: {one.evidence}"
    if is_soon(one.until, today):
        said += f". It ends {in_days(one.until, today)}: renew it"
    return Judgement(Verdict.PASSED, said, ATTESTED)


def ended(clause: Clause, world: World) -> str:
    """What to add to a sentence where the word for a clause has ended, else ""."""
    one = _given(clause, world)
    if one is None or one.until >= world.now.date():
        return ""
    return f"; the attestation ended on {one.until.isoformat()}"


def is_soon(until: date, today: date) -> bool:
    """Whether something that still holds ends within two weeks."""
    return 0 <= (until - today).days <= SOON


def in_days(until: date, today: date) -> str:
    """``on 2027-01-31, in 5 days``; on the last day itself it still holds."""
    left = (until - today).days
    when = {0: "today", 1: "tomorrow"}.get(left, f"in {left} days")
    return f"on {until.isoformat()}, {when}"


def _given(clause: Clause, world: World) -> Attestation | None:
    """The spec's word for a clause; there is at most one."""
    if not clause.is_attestable:
        return None
    return next(
        (one for one in world.deployment.spec.attestations if one.clause == clause.id), None
    )
