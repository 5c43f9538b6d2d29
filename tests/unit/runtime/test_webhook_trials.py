"""Who tries, when, and what follows from it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.kube import webhook_trial
from coder_cva.runtime.webhook_trials import KNOWN_AFTER, LOOK_SECONDS, Trials
from coder_cva.snapshot.webhook import Webhook
from coder_cva.snapshot.webhook_calls import FIRST_PACE, FIRST_TRIES, STEADY_PACE, Call, Came, Reach
from coder_cva.telemetry import metrics

if TYPE_CHECKING:
    from collections.abc import Iterator

YES = Call(Came.ANSWERED)
NO = Call(Came.FAILED, "context deadline exceeded")


def entry(name: str, bundle: str = "") -> dict[str, Any]:
    """A configuration that only tries, for ``coder/<name>``."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {
            "name": f"coder-cva-coder-{name}-01234567.probe",
            "annotations": {"cva.coder.com/deployment": f"coder/{name}"},
        },
        "webhooks": [{"clientConfig": {"caBundle": bundle}}],
    }


FOR_VOLUMES = {**entry("a"), "metadata": {"name": "coder-cva-coder-a-01234567"}}


@dataclass
class Ground:
    """A cluster that answers as it is told to, and what it was asked."""

    entries: list[dict[str, Any]] = field(default_factory=list)
    leads: bool = True
    answers: Call = YES
    asked: list[tuple[str, str]] = field(default_factory=list)
    names: list[str | None] = field(default_factory=lambda: ["operator"])
    news: int = 0
    trials: Trials = field(init=False)

    def __post_init__(self) -> None:
        self.trials = Trials(
            None,  # type: ignore[arg-type]
            lambda: tuple(self.entries),
            leads=lambda: self.leads,
            on_change=self._changed,
        )

    def _changed(self) -> None:
        self.news += 1

    async def call(self, _: Any, namespace: str, name: str) -> Call:
        self.asked.append((namespace, name))
        return self.answers

    async def caller(self, _: Any) -> str | None:
        return self.names.pop(0) if len(self.names) > 1 else self.names[0]

    async def spend(self, seconds: float) -> None:
        """As ``run`` does it, without waiting."""
        for _ in range(round(seconds / LOOK_SECONDS)):
            await self.trials.turn()
            self.trials._due -= LOOK_SECONDS

    @property
    def webhook(self) -> Webhook:
        """What a pass sees."""
        return self.trials.completed(Webhook(service="w"))


@pytest.fixture
def ground(monkeypatch: pytest.MonkeyPatch) -> Iterator[Ground]:
    made = Ground()
    monkeypatch.setattr(webhook_trial, "call", made.call)
    monkeypatch.setattr(webhook_trial, "caller", made.caller)
    metrics.stand_by()
    yield made
    metrics.stand_by()


async def test_without_an_entry_nobody_is_asked(ground: Ground) -> None:
    """Where policies are served none is written; what is for volumes does not count."""
    ground.entries = [FOR_VOLUMES]
    await ground.spend(60)
    assert ground.asked == []
    assert ground.webhook.caller == "operator"
    assert ground.webhook.reach == Reach(None)
    assert "coder_cva_webhook_reached{" not in metrics.exposition()[0].decode()


async def test_an_entry_is_tried_soon_and_then_at_its_pace(ground: Ground) -> None:
    """The first answer is news; what is as it was is none."""
    await ground.spend(1)
    ground.entries = [FOR_VOLUMES, entry("b"), entry("a")]
    before = ground.news
    await ground.spend(KNOWN_AFTER)
    assert ground.asked == []
    await ground.spend(2 * LOOK_SECONDS)
    assert ground.asked == [("coder", "a")]
    assert ground.webhook.reach == Reach(is_reached=True)
    assert ground.news == before + 1
    await ground.spend(10 * STEADY_PACE)
    assert len(ground.asked) == pytest.approx(11, abs=1)
    assert ground.news == before + 1
    assert 'coder_cva_webhook_reached{engine="Webhook"} 1.0' in metrics.exposition()[0].decode()


async def test_what_is_not_reached_is_told_once_and_comes_back(ground: Ground) -> None:
    """With the cause; the metric shows it too."""
    ground.answers, ground.entries = NO, [entry("a")]
    await ground.spend(KNOWN_AFTER + FIRST_TRIES * FIRST_PACE + 1)
    assert ground.webhook.reach == Reach(is_reached=False, why=NO.why)
    told = ground.news
    await ground.spend(10 * STEADY_PACE)
    assert ground.news == told
    text = metrics.exposition()[0].decode()
    assert 'coder_cva_webhook_reached{engine="Webhook"} 0.0' in text
    assert 'coder_cva_webhook_probes_total{outcome="failed"}' in text
    ground.answers = YES
    await ground.spend(2 * STEADY_PACE)
    assert ground.webhook.reach == Reach(is_reached=True)


async def test_an_entry_that_changes_is_tried_anew_without_forgetting(ground: Ground) -> None:
    """A new authority: the next call follows at once, and until then what was known stands."""
    ground.entries = [entry("a")]
    await ground.spend(KNOWN_AFTER + 1)
    count = len(ground.asked)
    ground.entries = [entry("a", "another")]
    await ground.spend(LOOK_SECONDS)
    assert ground.webhook.reach == Reach(is_reached=True)
    await ground.spend(KNOWN_AFTER + LOOK_SECONDS)
    assert len(ground.asked) == count + 1


async def test_when_the_last_entry_goes_nothing_is_known_any_more(ground: Ground) -> None:
    """A suspended CoderDeployment's, or all of them: whoever comes next begins anew."""
    ground.entries = [entry("a")]
    await ground.spend(KNOWN_AFTER + 1)
    ground.entries = [entry("b")]
    await ground.spend(LOOK_SECONDS)
    assert ground.webhook.reach == Reach(is_reached=True), "another one tells the same"
    ground.entries = []
    await ground.spend(LOOK_SECONDS)
    assert ground.webhook.reach == Reach(None)


async def test_only_the_leader_tries(ground: Ground) -> None:
    """Two would be two entries in the audit log; and what one saw is old when it leads again."""
    ground.leads, ground.entries = False, [entry("a")]
    await ground.spend(60)
    assert ground.asked == []
    assert ground.webhook.caller is None
    assert not ground.webhook.is_known
    ground.leads = True
    await ground.spend(KNOWN_AFTER + 1)
    assert ground.webhook.reach == Reach(is_reached=True)
    ground.leads = False
    await ground.spend(LOOK_SECONDS)
    assert ground.webhook.reach == Reach(None)


async def test_its_own_name_is_asked_for_until_it_is_told(ground: Ground) -> None:
    """And again where a call was not asked about: the credentials may be another user's since."""
    ground.names = [None, None, "operator", "somebody else"]
    await ground.spend(2 * LOOK_SECONDS)
    assert ground.webhook.caller is None
    await ground.spend(LOOK_SECONDS)
    assert ground.webhook.caller == "operator"
    ground.answers, ground.entries = Call(Came.UNASKED, "without asking"), [entry("a")]
    await ground.spend(KNOWN_AFTER + 1)
    assert ground.webhook.caller == "somebody else"


async def test_what_cannot_be_called_at_all_stays_told(ground: Ground) -> None:
    """An expired certificate: the word of who serves it comes first."""
    await ground.spend(1)
    known = Webhook(problem="the certificate ended", preferred=True)
    found = ground.trials.completed(known)
    assert (found.problem, found.preferred, found.acts) == ("the certificate ended", True, False)
