"""Whatever comes, goes and is typed: only what was confirmed is closed, and it stays closed until it is taken back."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.desired import confirming
from coder_cva.desired.plan import Preview
from support import builders as b
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

RULE: Final = "CVA-NET-005"
CLASSES: Final = (
    "workspaces in a",
    "workspaces in b",
    "Services to port 80",
    "Services to port 81",
)
TYPED: Final = ("nothing", "current", "an earlier one", "a mistake", "as before")
STEPS = st.lists(
    st.tuples(st.sets(st.sampled_from(CLASSES)), st.sampled_from(TYPED), st.integers(0, 3)),
    max_size=12,
)
BASE = b.world(adopted("coder"))


def world(asked: str | None, previous: dict[str, Any]) -> World:
    """A pass in which the spec confirms this."""
    spec = BASE.deployment.spec
    network = spec.network.model_copy(update={"confirm": asked})
    changed = spec.model_copy(update={"network": network})
    deployment = BASE.deployment.model_copy(update={"spec": changed})
    return replace(BASE, deployment=deployment, previous=previous)


def previews(there: set[str]) -> tuple[Preview, ...]:
    """A preview for each class that is there."""
    return tuple(Preview(RULE, one, (), (one,)) for one in sorted(there))


@given(STEPS)
def test_only_what_was_confirmed_is_closed_and_stays_so(
    steps: list[tuple[set[str], str, int]],
) -> None:
    """Against a model of a few lines: what each hash named when it was typed; the last that was understood."""
    asked: str | None = None
    previous: dict[str, Any] = {}
    named: dict[str, set[str]] = {}
    recent: list[str] = []
    for there, typed, which in steps:
        now = confirming.classes(world(None, {}), previews(there)).hash
        if typed == "nothing":
            asked = None
        elif typed == "current":
            asked = now or asked
        elif typed == "a mistake":
            asked = "f" * 12
        elif typed == "an earlier one" and recent:
            asked = recent[which % len(recent)]

        seen = world(asked, previous)
        after = confirming.taken(seen, previews(there)) or seen
        closed = {one for one in CLASSES if confirming.is_confirmed(after, RULE, one)}
        previous = {"confirm": {"accepted": confirming.written(after.confirmations)}}

        if asked is None:
            recent = []
        elif asked in recent:
            recent = [asked, *(one for one in recent if one != asked)]
        elif asked == now:
            named[asked] = set(there)
            recent = [asked, *recent][:4]
        assert closed == (named[recent[0]] if recent else set())
        assert [one.hash for one in after.confirmations] == recent
