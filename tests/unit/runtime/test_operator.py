"""Who is woken, by what, and how soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.desired.changes import Action, Change
from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import Credentials
from coder_cva.reconcile import Outcome
from coder_cva.runtime.operator import LONGEST_COALESCE_SECONDS, NOBODY, Operator
from coder_cva.runtime.queue import COALESCE_SECONDS
from coder_cva.runtime.settings import Settings
from coder_cva.values.manifest import Ref
from support.api_server import kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = ("coder", "coder")
REFUSED = Change(Ref("v1", "Service", "coder", "coder"), Action.FAILED, "BeingDeleted", "no", 1.0)


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator that reaches nobody."""
    credentials = Credentials(kubeconfig(tmp_path / "kubeconfig", 1, {"token": "none"}))
    await credentials.load()
    async with Connection(credentials, connect_timeout=0.1, timeout=0.1) as connection:
        yield Operator(Settings(), connection)


def wait(operator: Operator, key: tuple[str, str] = KEY) -> float:
    """In how many seconds a key is due."""
    return operator.queue._due[key] - operator.queue.now()


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [(0.0, COALESCE_SECONDS), (0.5, 2.0), (18.0, LONGEST_COALESCE_SECONDS)],
    ids=["a quick pass", "a slow one", "one that stood still"],
)
async def test_a_storm_waits_for_what_a_pass_costs(
    operator: Operator, seconds: float, expected: float
) -> None:
    """Four times as long, within bounds: a process that was frozen for minutes is soon itself again."""
    operator.known.add(KEY)
    operator._pass_seconds = seconds

    operator.wake_all()

    assert wait(operator) == pytest.approx(expected, abs=0.05)


async def test_an_event_of_its_own_waits_for_nothing(operator: Operator) -> None:
    """A CoderDeployment that was edited is due at once, whatever passes cost."""
    operator._pass_seconds = 18.0
    operator.wake(KEY)

    operator.wake_all()

    assert wait(operator) == pytest.approx(COALESCE_SECONDS, abs=0.05)


async def test_whoever_leads_sweeps_first(operator: Operator) -> None:
    """The last CoderDeployment may have gone while nobody led, and left nobody who is woken."""
    operator._leadership(leads=True)

    assert NOBODY in operator.queue._due
    assert NOBODY not in operator.known


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome("settled", {}), None),
        (Outcome("progressing", {}, retry_after=30.0), 30.0),
        (Outcome("failed", {}, retry_after=7.0), 7.0),
        (Outcome("progressing", {}, (REFUSED,)), 1.0),
        (Outcome("settled", {}, (REFUSED,), retry_after=0.5), 0.5),
        (Outcome("not-leading", {}), None),
        (Outcome("gone", {}), None),
    ],
    ids=[
        "settled",
        "progressing",
        "failed",
        "a refused write",
        "a refused write and a date",
        "not leading",
        "gone",
    ],
)
async def test_what_an_outcome_asks_for(
    operator: Operator, outcome: Outcome, expected: float | None
) -> None:
    """The next look, in seconds; None leaves it to the watches."""
    operator.known.add(KEY)

    operator._settle(KEY, outcome)

    assert (KEY in operator.queue._due) is (expected is not None)
    if expected is not None:
        assert wait(operator) == pytest.approx(expected, abs=0.1)
    assert (KEY in operator.known) is (outcome.word != "gone")


async def test_what_stays_refused_is_tried_ever_more_seldom(operator: Operator) -> None:
    """A Service that hangs on its finalizer costs a pass a minute in the end; success begins anew."""
    moment = 0.0
    operator.queue.now = lambda: moment
    outcome, waits = Outcome("progressing", {"conditions": []}, (REFUSED,)), []
    for _ in range(9):
        operator._settle(KEY, outcome)
        waits.append(wait(operator))
        moment += waits[-1]
        assert await operator.queue.next() == KEY
    operator._settle(KEY, Outcome("settled", {"conditions": []}))
    operator._settle(KEY, outcome)

    assert waits == [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 60.0, 60.0, 60.0]
    assert wait(operator) == 1.0


async def test_a_date_is_kept_whatever_fails(operator: Operator) -> None:
    """A maintenance that ends in three seconds is seen to end, though refused writes wait for longer."""
    moment = 0.0
    operator.queue.now = lambda: moment
    for _ in range(6):
        operator._settle(KEY, Outcome("progressing", {}, (REFUSED,)))
        moment += wait(operator)
        await operator.queue.next()

    operator._settle(KEY, Outcome("progressing", {}, (REFUSED,), retry_after=3.0))

    assert wait(operator) == 3.0


async def test_what_comes_again_while_it_goes_is_known(operator: Operator) -> None:
    """Applied anew during the pass over the one that went: the next pass makes it known again."""
    operator.wake(KEY)
    await operator.queue.next()
    operator.wake(KEY)
    operator._settle(KEY, Outcome("gone", {}))
    assert await operator.queue.next() == KEY

    operator._settle(KEY, Outcome("settled", {"conditions": []}))

    assert KEY in operator.known
