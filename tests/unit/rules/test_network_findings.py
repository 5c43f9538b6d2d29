"""Connections that are cut become findings about the policies that cut them."""

from __future__ import annotations

from coder_cva.rules.network_findings import Cuts
from coder_cva.snapshot.reachability import Answer, Side


def cut(why: str, *policies: str, direction: str = "egress") -> Answer:
    """A connection that these policies close."""
    assert direction in ("egress", "ingress")
    side = Side("egress" if direction == "egress" else "ingress", False, why, policies)
    return Answer((side, Side("ingress", possible=True, why="open")))


def test_nothing_is_cut() -> None:
    """Without a closed connection there is no finding, and one can ask so."""
    cuts = Cuts([Answer((Side("egress", possible=None, why="perhaps"),))])

    assert not cuts
    assert cuts.findings("CVA-NET-001", {}) == []


def test_one_is_told_by_itself() -> None:
    """No count where there is nothing to count."""
    (found,) = Cuts([cut("a is closed", "ws/deny")]).findings("CVA-NET-001", {})

    assert (found.resource, found.field) == ("NetworkPolicy ws/deny", "spec.egress")
    assert found.observed == "a is closed"


def test_thousands_that_are_alike_are_one_finding_with_their_number() -> None:
    """The first reason, and how many more there are."""
    cuts = Cuts()
    cuts.add(cut("b is closed", "ws/deny"), 2_000)
    cuts.add(cut("a is closed", "ws/deny"), 1_000)

    (found,) = cuts.findings("CVA-NET-001", {})

    assert found.observed == "a is closed (and 2,999 more)"


def test_what_differs_in_policies_or_direction_is_told_apart() -> None:
    """Whoever keeps a policy gets a finding of their own, in a steady order."""
    answers = [
        cut("out", "ws/b"),
        cut("out", "ws/a"),
        cut("in", "ws/a", direction="ingress"),
        cut("out", "ws/a", "ws/b"),
    ]

    found = Cuts(answers).findings("CVA-NET-001", {"egress": [{"to": []}]})

    assert [(one.resource, one.field) for one in found] == [
        ("NetworkPolicy ws/a", "spec.egress"),
        ("NetworkPolicy ws/a", "spec.egress"),
        ("NetworkPolicy ws/b", "spec.egress"),
        ("NetworkPolicy ws/a", "spec.ingress"),
    ]
    assert found[0].remedy.endswith("- to: []")
