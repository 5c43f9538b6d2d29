"""Where no mutating policy is served nothing is placed at admission, and no remedy of any rule relies on it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from coder_cva.rules import admission
from coder_cva.rules.engine import evaluate
from coder_cva.snapshot.model import Served
from support import corpus

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

CASES = corpus.cases()
NOWHERE, EVERYWHERE = Served((), ("v1",)), Served(("v1",), ("v1",))
CLAIMS = re.compile(
    r"admission"
    r"|is bound to the pool|binds it to the pool|the next Pod"
    r"|placement: Required|status\.placement"
    r"|new claims without a class get"
)
"""How remedies say that something is done to what is created next."""


def claims(world: World) -> list[tuple[str, str]]:
    """Rules and remedies that claim it, the sentence left out that says why nothing is done."""
    return [
        (one.rule, one.remedy)
        for one in evaluate(world, strict=True).findings
        if CLAIMS.search(one.remedy.replace(admission.idle_for(world, one.rule), ""))
    ]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_remedy_relies_on_admission_where_nothing_acts_there(case: corpus.Case) -> None:
    """Whatever world it is: the template, the values or the cluster's nodes are all there is to change."""
    assert claims(case.world(NOWHERE)) == []


def test_where_it_acts_the_rules_that_are_enforced_there_say_so() -> None:
    """Else the claim above would be about nothing."""
    found = {rule for case in CASES for rule, _ in claims(case.world(EVERYWHERE))}

    assert found == {"CVA-NODE-003", "CVA-NODE-005", "CVA-STO-002"}
