"""What acted at admission goes only once its successor acts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from coder_cva.apply import handover
from coder_cva.apply.arming import TAKES_EFFECT_AFTER
from coder_cva.apply.memory import Memory
from coder_cva.desired.changes import Action, Change
from coder_cva.values.manifest import Ref

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
GROUP = "admissionregistration.k8s.io/v1"
WEBHOOK = Ref(GROUP, "MutatingWebhookConfiguration", "", "coder-cva-coder-coder")
BINDING = Ref(GROUP, "MutatingAdmissionPolicyBinding", "", "coder-cva-placement-coder-coder")


@pytest.mark.parametrize(("old", "new"), [(WEBHOOK, BINDING), (BINDING, WEBHOOK)])
def test_the_old_one_waits_until_the_new_one_acts(old: Ref, new: Ref) -> None:
    """In both directions: while the new one is fresh both act, and neither does anything twice."""
    memory = Memory(armed=NOON)
    written = [Change(new, Action.CREATED)]
    waits = handover.kept(old, written, memory, NOON + timedelta(seconds=0.5))
    assert waits is not None
    assert (waits.action, waits.retry_after) == (Action.WAITING, 1.5)
    assert str(new) in waits.message
    assert handover.kept(old, written, memory, NOON + TAKES_EFFECT_AFTER) is None


@pytest.mark.parametrize("action", [Action.FAILED, Action.FOREIGN, Action.WAITING])
def test_the_old_one_stays_while_the_new_one_could_not_be_written(action: Action) -> None:
    """Better the old one than none."""
    assert handover.kept(WEBHOOK, [Change(BINDING, action)], Memory(), NOON) is not None


def test_without_a_successor_it_goes_at_once() -> None:
    """Turning an enforcement off removes it in the same pass."""
    memory = Memory(armed=NOON)
    assert handover.kept(WEBHOOK, [], memory, NOON) is None
    other = Change(Ref("v1", "Service", "coder", "coder"), Action.CREATED)
    assert handover.kept(WEBHOOK, [other], memory, NOON) is None
    assert handover.kept(other.ref, [Change(BINDING, Action.CREATED)], memory, NOON) is None


def test_after_a_restart_what_stands_is_enough() -> None:
    """Nothing was written by this process: the successor has been there for longer."""
    assert handover.kept(WEBHOOK, [Change(BINDING, Action.UNCHANGED)], Memory(), NOON) is None


PROBE = Ref(GROUP, "ValidatingWebhookConfiguration", "", "coder-cva-coder-coder-01234567.probe")
REFUSES = Ref(GROUP, "ValidatingAdmissionPolicyBinding", "", "coder-cva-host-volumes-coder-coder")


def test_what_only_tries_is_nobodys_successor_and_has_none() -> None:
    """It stands beside policies that refuse, and would say of them that something acts in their place."""
    stands = [Change(PROBE, Action.UNCHANGED)]
    fresh = Memory(armed=NOON)
    assert handover.kept(REFUSES, stands, fresh, NOON) is None
    assert handover.kept(PROBE, [Change(REFUSES, Action.FAILED)], fresh, NOON) is None
    real = Change(
        Ref(GROUP, "ValidatingWebhookConfiguration", "", "coder-cva-coder-coder-01234567"),
        Action.FAILED,
    )
    assert handover.kept(REFUSES, [*stands, real], Memory(), NOON) is not None
