"""What counts as a loss of the pools, and what is news like any other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.runtime.losses import Losses
from coder_cva.snapshot.parse_cluster import node as parsed
from support import builders as b

if TYPE_CHECKING:
    from coder_cva.snapshot.records import Node


def seen(*manifests: dict[str, Any]) -> tuple[Node, ...]:
    """The records of these nodes."""
    return tuple(one for one in map(parsed, manifests) if one is not None)


TAINT = {"key": "dedicated", "value": "batch", "effect": "NoSchedule"}


@pytest.mark.parametrize(
    "after",
    [
        [],
        [b.node("cp", b.CONTROL_PLANE, ready=False)],
        [b.node("cp", b.CONTROL_PLANE, unschedulable=True)],
        [b.node("cp", b.CONTROL_PLANE, taints=[TAINT])],
        [b.node("cp", b.WORKSPACES)],
    ],
    ids=["gone", "not ready", "cordoned", "tainted", "in another pool"],
)
def test_a_node_that_takes_what_it_took_no_longer_is_a_loss(after: list[dict[str, Any]]) -> None:
    """Whatever of it has changed; told once, for then it is known."""
    losses = Losses()
    assert not losses.are_news(seen(b.node("cp", b.CONTROL_PLANE)))
    assert losses.are_news(seen(*after))
    assert not losses.are_news(seen(*after))


@pytest.mark.parametrize(
    "after",
    [
        [b.node("cp", b.CONTROL_PLANE)],
        [b.node("cp", b.CONTROL_PLANE, cpu="64")],
        [b.node("cp", b.CONTROL_PLANE), b.node("another", b.CONTROL_PLANE)],
    ],
    ids=["the same", "larger", "with a second one"],
)
def test_all_else_is_no_loss(after: list[dict[str, Any]]) -> None:
    """A pool that grows, or says what it says all day, is in nobody's way."""
    losses = Losses()
    losses.are_news(seen(b.node("cp", b.CONTROL_PLANE)))
    assert not losses.are_news(seen(*after))


def test_a_node_that_took_nothing_cannot_be_lost() -> None:
    """A cordoned node that is then removed changes nothing for any Pod."""
    losses = Losses()
    losses.are_news(seen(b.node("cp", b.CONTROL_PLANE, unschedulable=True)))
    assert not losses.are_news(())
