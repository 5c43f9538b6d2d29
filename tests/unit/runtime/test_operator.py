"""Who is woken, by what, and how soon."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from coder_cva.desired.changes import Action, Change
from coder_cva.kube.connection import Connection
from coder_cva.kube.credentials import Credentials
from coder_cva.kube.leases import Elector
from coder_cva.reconcile import Outcome, gone
from coder_cva.runtime.coder_look import CoderLook
from coder_cva.runtime.operator import LONGEST_COALESCE_SECONDS, NOBODY, Operator
from coder_cva.runtime.queue import COALESCE_SECONDS
from coder_cva.runtime.settings import Settings, from_environment
from coder_cva.snapshot.model import Gathered
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import gathered
from coder_cva.telemetry import metrics
from coder_cva.values.manifest import Ref
from support import builders
from support.api_server import background, kubeconfig, serving, until
from support.deployments import adopted

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


async def test_a_lost_node_waits_for_no_storm(
    operator: Operator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever passes cost: until it is known, Pods are bound to what is gone. A node that comes may wait."""
    operator.known.add(KEY)
    operator._pass_seconds = 18.0
    nodes = operator.gatherer.reflectors[Need.NODES]
    there = gathered(Need.NODES, [builders.live(builders.node("cp", builders.CONTROL_PLANE))])

    monkeypatch.setattr(nodes, "reading", lambda: there)
    operator.look_at_nodes()
    assert wait(operator) == pytest.approx(LONGEST_COALESCE_SECONDS, abs=0.05)

    monkeypatch.setattr(nodes, "reading", Gathered)
    operator.look_at_nodes()
    assert wait(operator) == pytest.approx(COALESCE_SECONDS, abs=0.05)


async def test_nodes_that_cannot_be_read_are_no_loss(operator: Operator) -> None:
    """The guard leaves everything as it was then, so there is no haste."""
    operator.known.add(KEY)
    operator._pass_seconds = 18.0

    operator.look_at_nodes()

    assert wait(operator) == pytest.approx(LONGEST_COALESCE_SECONDS, abs=0.05)


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
    ("outcome", "looks"),
    [
        (Outcome("stalled", {}), True),
        (Outcome("stalled", {}, is_looked_after=False), False),
        (Outcome("failed", {}, retry_after=1.0), True),
        (gone((REFUSED,)), False),
        (gone(()), False),
    ],
    ids=["stalled", "a spec that is refused", "failed", "gone, not swept yet", "gone"],
)
async def test_when_looks_end(operator: Operator, outcome: Outcome, *, looks: bool) -> None:
    """With the spec that asked for them, and with the CoderDeployment: what it left behind may stay longer."""
    operator.elector._renewed = operator.elector._clock()
    async with operator.observer.running():
        await operator.observer.observations(
            builders.coder_deployment(builders.live(adopted("coder")))
        )

        operator._settle(KEY, outcome)

        assert (KEY in operator.observer._watched) is looks


async def test_looks_end_with_the_leadership(operator: Operator) -> None:
    """Two replicas do not ask the same database."""
    operator.elector._renewed = operator.elector._clock()
    async with operator.observer.running():
        await operator.observer.observations(
            builders.coder_deployment(builders.live(adopted("coder")))
        )

        operator._leadership(leads=False)

        assert not operator.observer._watched


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


class Slow:
    """An API server on which one kind hangs; it has one CoderDeployment, and keeps what is patched into it."""

    def __init__(self) -> None:
        self.body: dict[str, Any] = builders.live(adopted("coder"))
        self.statuses: list[Any] = []
        self.leads = True
        self.hangs = asyncio.Event()

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Lists, endless watches, and the status."""
        if request.method == "PATCH":
            self.body["status"] = (await request.json())[1]["value"]
            self.statuses.append(self.body["status"])
            return web.json_response(self.body)
        if "watch" in request.query or request.path == "/api/v1/nodes":
            self.hangs.set()
            await asyncio.sleep(600)
        items = [self.body] if request.path.endswith("/coderdeployments") else []
        return web.json_response({"items": items, "metadata": {"resourceVersion": "1"}})


@pytest.fixture
async def slow(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Slow, Operator]]:
    """Such an API server, and an operator that reads it and leads as long as it is told so."""
    monkeypatch.setattr("coder_cva.runtime.operator.GREETING_SECONDS", 0.01)
    async with serving() as api:
        world = Slow()
        monkeypatch.setattr(Elector, "holds", lambda _: world.leads)
        api.watches = api.others = [world]
        file = kubeconfig(tmp_path / "kubeconfig", api.port, {"token": "none"})
        credentials = Credentials(file)
        await credentials.load()
        async with Connection(credentials, connect_timeout=5.0, timeout=600.0) as connection:
            yield world, Operator(Settings(), connection)


async def test_a_kind_that_hangs_keeps_no_first_status_back(slow: tuple[Slow, Operator]) -> None:
    """Without a status a resource counts as current: the leader tells it before everything is read, once."""
    api, operator = slow
    async with operator.gatherer.running(), background(operator._work()):
        await until(lambda: api.statuses and api.hangs.is_set())
        await asyncio.sleep(0.1)

        assert not operator.gatherer.is_synced
        assert [one["conditions"][0]["reason"] for one in api.statuses] == ["Starting"]
        assert "nodes" in api.statuses[0]["conditions"][0]["message"]


async def test_who_stands_by_tells_no_first_status(slow: tuple[Slow, Operator]) -> None:
    """It waits for the lead, and tells it then."""
    api, operator = slow
    api.leads = False
    async with operator.gatherer.running(), background(operator._work()):
        await until(api.hangs.is_set)
        await asyncio.sleep(0.1)
        assert api.statuses == []

        api.leads = True
        await until(lambda: api.statuses)


@pytest.mark.parametrize(("in_pod", "asked"), [(True, False), (False, True)])
async def test_what_is_local_is_the_pods(operator: Operator, *, in_pod: bool, asked: bool) -> None:
    """In a Pod no CoderDeployment leads to it; a process on somebody's own machine may use what is there."""
    made = Operator(Settings(in_pod=in_pod), operator.connection)

    (coder,) = (one for one in made.observer._looks if isinstance(one, CoderLook))

    assert coder.permit("127.0.0.1") is asked
    assert coder.permit("10.96.0.1")


def test_a_pod_is_known_by_its_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the official client knows it."""
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)
    assert not from_environment().in_pod
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.96.0.1")
    assert from_environment().in_pod


def test_where_an_autoscaler_is_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """In the cluster's own namespaces, and where somebody says so, for an audit too."""
    monkeypatch.delenv("AUTOSCALER_NAMESPACES", raising=False)
    own = {"kube-system", "openshift-machine-api"}
    assert from_environment().autoscaler_namespaces == own
    monkeypatch.setenv("AUTOSCALER_NAMESPACES", "autoscaler")
    assert from_environment().autoscaler_namespaces == {*own, "autoscaler"}
    monkeypatch.setenv("AUTOSCALER_NAMESPACES", "yes")
    with pytest.raises(ValueError, match="those in which cluster-autoscaler runs"):
        from_environment()


def test_for_whom_nodes_may_be_annotated(monkeypatch: pytest.MonkeyPatch) -> None:
    """For nobody, unless namespaces are named; a mere yes names none."""
    monkeypatch.delenv("ALLOW_NODE_ANNOTATIONS", raising=False)
    assert from_environment().may_annotate_nodes == frozenset()
    monkeypatch.setenv("ALLOW_NODE_ANNOTATIONS", "coder, team-a,")
    assert from_environment().may_annotate_nodes == {"coder", "team-a"}
    monkeypatch.setenv("ALLOW_NODE_ANNOTATIONS", "True")
    with pytest.raises(ValueError, match="ALLOW_NODE_ANNOTATIONS='True' names no namespace"):
        from_environment()
