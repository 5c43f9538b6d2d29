"""The look at the database: when it is made, what becomes of a measurement, and of one that fails."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.kube.connection import Answer
from coder_cva.postgres.faults import Unmeasured
from coder_cva.postgres.probe import Measured
from coder_cva.runtime.database_look import DatabaseLook
from coder_cva.snapshot.database_seen import DatabaseSeen, Fault, Pooler, Server
from support import builders
from support.corpus import merged
from support.database_looks import OneSecret
from support.deployments import managed, region

if TYPE_CHECKING:
    from coder_cva.api.v1alpha1.resource import CoderDeployment
    from coder_cva.values.postgres_url import PostgresUrl

URL = "postgres://coder:pw@db:5432/coder"


class Bench:
    """A look whose time, Secret and database are the test's."""

    def __init__(self, url: str = URL) -> None:
        self.kubernetes: Any = OneSecret(url)
        self.now = builders.NOW
        self.median: float | Unmeasured = 1.0
        self.server = Server(version="16.4", max_connections=100, size=1_000_000)
        self.asked: list[tuple[PostgresUrl, int]] = []
        self.look = DatabaseLook(
            cast("Any", self.kubernetes), measure=self._measure, clock=lambda: self.now
        )
        self.seen: DatabaseSeen | None = None

    async def _measure(self, url: PostgresUrl, *, rounds: int) -> Measured:
        self.asked.append((url, rounds))
        if isinstance(self.median, Unmeasured):
            raise self.median
        return Measured("db:5432/coder", (self.median,) * rounds, self.server, Pooler.NONE)

    async def after(self, deployment: CoderDeployment, seconds: float = 60) -> DatabaseSeen | None:
        """What is seen so much later."""
        self.now += timedelta(seconds=seconds)
        self.seen = await self.look.look(deployment, self.seen)
        return self.seen


def deployment(generation: int = 1, **probe: Any) -> CoderDeployment:
    """A CoderDeployment that asks for the probe."""
    over = {"database": {"probe": {"enabled": True, **probe}}}
    cr = merged(managed("coder"), {"spec": over, "metadata": {"generation": generation}})
    return builders.coder_deployment(cr)


async def test_nothing_is_looked_at_unless_it_is_asked_for() -> None:
    """Nor in a region, which has no database."""
    bench = Bench()
    here = region("coder")
    here["spec"]["database"] = {"urlSecretRef": {"name": "a"}, "probe": {"enabled": True}}

    for cr in (managed("coder"), here):
        assert await bench.after(builders.coder_deployment(cr)) is None
    assert bench.asked == []


async def test_a_first_look_measures_twice_and_later_ones_once() -> None:
    """So that a report which looks once knows as much as the operator does."""
    bench = Bench()
    bench.median = 12.0

    first = await bench.after(deployment())
    await bench.after(deployment())

    assert first is not None
    assert first.pace.slow is True
    assert [rounds for _, rounds in bench.asked] == [2, 1]
    assert bench.asked[0][0].password == "pw"


async def test_it_is_looked_when_the_interval_is_over_or_the_spec_is_another() -> None:
    bench = Bench()
    for seconds in (0, 20, 20, 19, 1, 5):
        await bench.after(deployment(intervalSeconds=60), seconds)
    assert len(bench.asked) == 2

    await bench.after(deployment(2, intervalSeconds=60), 1)
    assert len(bench.asked) == 3


async def test_what_moves_a_little_is_no_news() -> None:
    """Equal results wake nobody; the last measurement is there all the same."""
    bench = Bench()
    first = await bench.after(deployment())
    bench.median = 1.2
    bench.server = Server(version="16.4", max_connections=100, size=1_001_000, connections=5)

    second = await bench.after(deployment())

    assert first == second
    assert second is not None
    assert second.latest_ms == 1.2


async def test_a_look_from_elsewhere_says_so() -> None:
    """A report is made where somebody types."""
    kubernetes: Any = OneSecret(URL)

    async def measure(url: PostgresUrl, *, rounds: int) -> Measured:
        return Measured(url.database, (1.0,) * rounds, Server(), None)

    seen = await DatabaseLook(kubernetes, elsewhere=True, measure=measure).look(deployment(), None)

    assert seen is not None
    assert seen.elsewhere


async def test_growth_is_told_after_some_hours() -> None:
    bench = Bench()
    await bench.after(deployment())
    bench.server = Server(size=3_000_000)

    seen = await bench.after(deployment(), 12 * 3600)

    assert seen is not None
    assert (seen.told_size, seen.told_growth) == (3_000_000, 4_000_000)


async def test_a_look_that_fails_forgets_nothing() -> None:
    """A slow database does not become a fast one by refusing."""
    bench = Bench()
    bench.median = 12.0
    await bench.after(deployment())
    bench.median = Unmeasured(Fault.TOO_MANY, "db:5432/coder: it is full")

    failed = await bench.after(deployment())
    bench.median = 12.0
    again = await bench.after(deployment())

    assert failed is not None
    assert again is not None
    assert (failed.fault, failed.message) == (Fault.TOO_MANY, "db:5432/coder: it is full")
    assert failed.latest_ms is None
    assert (again.fault, again.message, again.pace.slow) == (None, "", True)


async def test_a_standby_is_measured_and_said() -> None:
    bench = Bench()
    bench.server = Server(in_recovery=True)

    seen = await bench.after(deployment())

    assert seen is not None
    assert (seen.fault, seen.median_ms) == (Fault.STANDBY, 1.0)


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (Answer(404, {}), "create it"),
        (Answer(403, {}), "as the Roles in deploy/optional do"),
        (Answer(200, {"data": {}}), "has no key url"),
        (None, "it is gone"),
    ],
)
async def test_a_secret_that_cannot_be_had(answer: Answer | None, words: str) -> None:
    bench = Bench()
    bench.kubernetes.answer = answer

    seen = await bench.after(deployment())

    assert seen is not None
    assert seen.fault is Fault.UNREAD
    assert words in seen.message
    assert "Secret coder/coder-db-url" in seen.message


async def test_a_secret_that_holds_no_url() -> None:
    seen = await Bench("https://db").after(deployment())

    assert seen is not None
    assert seen.fault is Fault.NOT_A_URL
    assert "Secret coder/coder-db-url under url" in seen.message


async def test_no_secret_is_named() -> None:
    """It need not be, where coderd is adopted."""
    asked = deployment()
    assert asked.spec.database is not None
    unnamed = asked.spec.database.model_copy(update={"url_secret_ref": None})
    spec = asked.spec.model_copy(update={"database": unnamed})

    seen = await Bench().after(asked.model_copy(update={"spec": spec}))

    assert seen is not None
    assert seen.fault is Fault.UNNAMED


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
async def test_what_is_seen_is_the_same_with_any_password(password: str) -> None:
    """In no message, in no repr: also where it is not encoded, and the URL is none because of it."""
    bench = Bench(f"postgres://coder:{password}@db:5432/coder")
    seen = await bench.after(deployment())
    other = Bench("https://db" if seen is not None and seen.fault else URL)

    reference = await other.after(deployment())

    assert seen is not None
    assert reference is not None
    if seen.fault is None:
        assert repr(seen) == repr(reference)
    else:
        assert seen.message.partition(" no URL: ")[0] == reference.message.partition(" no URL: ")[0]
