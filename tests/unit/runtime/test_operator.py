"""Who is woken, by what, and how soon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import Credentials
from coder_cva.reconcile import Outcome
from coder_cva.runtime.operator import LONGEST_COALESCE_SECONDS, NOBODY, Operator
from coder_cva.runtime.queue import COALESCE_SECONDS
from coder_cva.runtime.settings import Settings
from coder_cva.telemetry import metrics
from support.api_server import kubeconfig

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

KEY = ("coder", "coder")


@pytest.fixture
async def operator(tmp_path: Path) -> AsyncIterator[Operator]:
    """An operator that reaches nobody."""
    credentials = Credentials(kubeconfig(tmp_path / "kubeconfig", 1, {"token": "none"}))
    await credentials.load()
    async with Connection(credentials, connect_timeout=0.1, timeout=0.1) as connection:
        yield Operator(Settings(), connection)


def wait(operator: Operator, key: tuple[str, str] = KEY) -> float:
    """In how many seconds a key is due."""
    return operator.queue._due[key].at - operator.queue.now()


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


async def test_verdicts_are_shown_by_the_leader_alone(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever leads no longer drops them, and a pass that ends after that brings none back."""
    outcome = Outcome("settled", {"verdicts": {"CVA-NODE-003": "passed"}})

    def is_shown() -> bool:
        return b'clause="CVA-NODE-003"' in metrics.exposition()[0]

    monkeypatch.setattr(operator.elector, "holds", lambda: True)
    operator._settle(KEY, outcome)
    assert is_shown()

    monkeypatch.setattr(operator.elector, "holds", lambda: False)
    operator._leadership(leads=False)
    assert not is_shown()
    operator._settle(KEY, outcome)
    assert not is_shown()


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (Outcome("settled", {}), None),
        (Outcome("progressing", {}, retry_after=30.0), 30.0),
        (Outcome("failed", {}, retry_after=7.0), 7.0),
        (Outcome("not-leading", {}), None),
        (Outcome("gone", {}), None),
    ],
    ids=lambda one: getattr(one, "word", str(one)),
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
