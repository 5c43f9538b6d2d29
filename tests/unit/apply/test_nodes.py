"""Annotations on nodes: never forced, never for ever, and to the first refusal."""

from __future__ import annotations

from datetime import timedelta

import pytest

from coder_cva import ports
from coder_cva.apply import nodes
from coder_cva.apply.engine import Engine, LeadershipLostError
from coder_cva.apply.memory import LEFT_AT, QUARREL_WINDOW, Memory
from coder_cva.desired.changes import Action
from coder_cva.desired.plan import NodeEdit
from coder_cva.values.manifest import Ref
from support.builders import NOW
from support.fake_api import FakeApi

KEY = "example.com/keep"
GIVE = NodeEdit("a", "uid-a", {KEY: "true"})
TAKE = NodeEdit("a", "uid-a")
A, B = Ref("v1", "Node", "", "a"), Ref("v1", "Node", "", "b")


@pytest.fixture
def api() -> FakeApi:
    """Two nodes with an annotation of somebody else's."""
    return FakeApi(
        objects={
            ref: {
                "apiVersion": "v1",
                "kind": "Node",
                "metadata": {
                    "name": ref.name,
                    "uid": f"uid-{ref.name}",
                    "annotations": {"theirs": "x"},
                },
            }
            for ref in (A, B)
        }
    )


@pytest.fixture
def engine(api: FakeApi) -> Engine:
    return Engine(api, Memory(), may_write=lambda: True)


def notes(api: FakeApi) -> dict[str, str]:
    """The annotations of the first node."""
    found: dict[str, str] = api.objects[A]["metadata"]["annotations"]
    return found


async def test_ours_comes_and_goes_and_theirs_stays(api: FakeApi, engine: Engine) -> None:
    """One write each, and what became of it."""
    (given,) = await nodes.annotate(engine, [GIVE], NOW)
    assert (given.action, notes(api)) == (Action.CONFIGURED, {"theirs": "x", KEY: "true"})
    (taken,) = await nodes.annotate(engine, [TAKE], NOW)
    assert (taken.action, notes(api)) == (Action.CONFIGURED, {"theirs": "x"})
    assert api.writes == [f"apply {A}"] * 2


async def test_what_another_manager_holds_is_left_to_it(api: FakeApi, engine: Engine) -> None:
    """It came between the look and the write: no force, and who it is is told."""
    conflict = ports.FieldConflict(A, "no", (ports.FieldOwner(KEY, "fleet"),))
    api.refuse_apply = {A: conflict}
    (held,) = await nodes.annotate(engine, [GIVE], NOW)
    assert (held.action, held.reason) == (Action.WITHHELD, "FieldConflict")
    assert held.message.startswith(f"fleet holds {KEY} on it")


async def test_without_the_right_one_try_is_enough(api: FakeApi, engine: Engine) -> None:
    """Its remedy is told once, not for each of a thousand nodes."""
    api.refuse_apply = {A: ports.Forbidden(A, "nodes is forbidden"), B: ports.Forbidden(B, "no")}
    (held,) = await nodes.annotate(engine, [GIVE, NodeEdit("b", "uid-b", {KEY: "true"})], NOW)
    assert (held.action, held.reason) == (Action.WITHHELD, "Forbidden")
    assert "kubectl apply -f deploy/optional/protect-nodes.yaml" in held.message


async def test_who_takes_it_off_again_and_again_has_his_way_for_an_hour(
    api: FakeApi, engine: Engine
) -> None:
    """A few writes an hour at most, whoever it is."""
    for _ in range(LEFT_AT):
        (done,) = await nodes.annotate(engine, [GIVE], NOW)
        assert done.action is Action.CONFIGURED
    (held,) = await nodes.annotate(engine, [GIVE], NOW)
    assert (held.action, held.reason) == (Action.WITHHELD, "AnnotationRemoved")
    assert len(api.writes) == LEFT_AT
    (taken,) = await nodes.annotate(engine, [TAKE], NOW)
    assert taken.action is Action.CONFIGURED
    (again,) = await nodes.annotate(engine, [GIVE], NOW + QUARREL_WINDOW + timedelta(seconds=1))
    assert again.action is Action.CONFIGURED


async def test_other_refusals_are_told_and_tried_again(api: FakeApi, engine: Engine) -> None:
    """The next node is tried all the same."""
    api.refuse_apply = {A: ports.Unreachable(A, "no answer")}
    held, done = await nodes.annotate(engine, [GIVE, NodeEdit("b", "uid-b", {KEY: "true"})], NOW)
    assert (held.action, held.reason, held.retry_after) == (Action.WITHHELD, "Unreachable", 5.0)
    assert done.action is Action.CONFIGURED


async def test_who_leads_no_longer_writes_nothing(api: FakeApi) -> None:
    """It is asked before each write."""
    engine = Engine(api, Memory(), may_write=lambda: False)
    with pytest.raises(LeadershipLostError):
        await nodes.annotate(engine, [GIVE], NOW)
    assert api.writes == []
