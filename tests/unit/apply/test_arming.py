"""A new Deployment waits until the API server acts by the policies that place its Pods."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from coder_cva.apply.arming import TAKES_EFFECT_AFTER, TRIED_FOR, awaits
from coder_cva.apply.engine import Engine
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action
from coder_cva.values.manifest import ref_of
from support.fake_api import FakeApi

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def made(kind: str, api_version: str) -> dict[str, Any]:
    labels = {
        "app.kubernetes.io/managed-by": "coder-cva-operator",
        "cva.coder.com/owner-uid": "uid-1",
    }
    annotations = {"cva.coder.com/deployment": "coder/coder"}
    metadata = {
        "name": "coder",
        "namespace": "coder",
        "labels": labels,
        "annotations": annotations,
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, "spec": {}}


DEPLOYMENT = made("Deployment", "apps/v1")
SERVICE = made("Service", "v1")
POLICY = made("MutatingAdmissionPolicyBinding", "admissionregistration.k8s.io/v1")


@pytest.fixture
def engine() -> Engine:
    return Engine(FakeApi(), Memory(), may_write=lambda: True)


async def test_a_new_deployment_waits_for_new_policies(engine: Engine) -> None:
    """It is not made before they act, says when it will be, and then is made."""
    await engine.apply(POLICY, None, NOON)

    first = await engine.apply(DEPLOYMENT, None, NOON + timedelta(seconds=0.5))
    later = await engine.apply(DEPLOYMENT, None, NOON + TAKES_EFFECT_AFTER)

    assert (first.action, first.retry_after) == (Action.WAITING, 1.5)
    assert later.action is Action.CREATED


async def test_nothing_else_waits(engine: Engine) -> None:
    """A Service, and a Deployment without any new policy, are made at once."""
    assert (await engine.apply(DEPLOYMENT, None, NOON)).action is Action.CREATED
    await engine.apply(POLICY, None, NOON)
    assert (await engine.apply(SERVICE, None, NOON)).action is Action.CREATED


async def test_a_deployment_that_is_there_is_never_held_up(engine: Engine) -> None:
    """A repair does not wait: Pods of it run already."""
    await engine.apply(DEPLOYMENT, None, NOON)
    await engine.apply(POLICY, None, NOON)
    live = engine.port.owned() or ()
    cached = next(one for one in live if ref_of(one) == ref_of(DEPLOYMENT))

    change = await engine.apply({**DEPLOYMENT, "spec": {"replicas": 3}}, cached, NOON)

    assert change.action is Action.CONFIGURED


async def test_a_new_deployment_waits_while_the_webhook_is_tried_but_not_for_ever(
    engine: Engine,
) -> None:
    """A minute at most: whatever keeps the answer away, coderd comes."""
    for seconds in (0, 10, 59):
        now = NOON + timedelta(seconds=seconds)
        awaits(engine.memory, "uid-1", now, is_tried=True)
        held = await engine.apply(DEPLOYMENT, None, now)
        assert held.action is Action.WAITING
        assert "gets through to the operator's webhook" in held.message
    assert (await engine.apply(SERVICE, None, NOON)).action is Action.CREATED
    made = await engine.apply(DEPLOYMENT, None, NOON + TRIED_FOR)
    assert made.action is Action.CREATED


async def test_nobody_waits_for_what_is_tried_for_another(engine: Engine) -> None:
    """And not longer than it is being tried."""
    awaits(engine.memory, "uid-2", NOON, is_tried=True)
    assert (await engine.apply(DEPLOYMENT, None, NOON)).action is Action.CREATED
    awaits(engine.memory, "uid-2", NOON, is_tried=False)
    assert engine.memory.awaiting == {}
