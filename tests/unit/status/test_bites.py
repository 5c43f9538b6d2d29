"""After the bite: what becomes not ready within ten minutes is told, with the one edit that takes it back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired.plan import Plan, Restriction
from coder_cva.snapshot.coder_seen import CoderSeen, Unseen
from coder_cva.snapshot.discovered import Discovered
from coder_cva.snapshot.observations import Observations
from coder_cva.status import bites
from coder_cva.values.moment import timestamp
from support import builders as b
from support.coder_manifests import chart_coderd
from support.deployments import adopted
from support.workspace_manifests import workspace_deployment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from coder_cva.rules.model import Notice
    from coder_cva.snapshot.world import World

ISOLATED = Restriction("CVA-NET-005", "coder")
DENIED = Restriction("CVA-STO-004", "coder")


def moment(minutes: float) -> str:
    """So many minutes after the restriction went into force."""
    return timestamp(b.NOW + timedelta(minutes=minutes))


def pod(created: float = -60, unready: float | None = None, phase: str = "Running") -> Any:
    """A workspace that is made then, and is not ready since then; in minutes from the bite."""
    made = b.all_running(workspace_deployment("dev"))
    for one in made:
        if one["kind"] == "Pod":
            one["metadata"]["creationTimestamp"] = moment(created)
            status = one["status"]
            status["phase"] = phase
            if unready is not None:
                status["conditions"] = [
                    {"type": "Ready", "status": "False", "lastTransitionTime": moment(unready)}
                ]
    return made


def at(
    minutes: float,
    *manifests: Any,
    by: str = "",
    rule: str = "CVA-NET-005",
    exempt: Sequence[dict[str, str]] = (),
    missed: int | None = None,
    coder: CoderSeen | None = None,
) -> World:
    """The world so many minutes after the restriction went into force."""
    one = {"rule": rule, "namespace": "coder", "since": moment(0), "by": by or None}
    previous = {"restrictions": [{**one, "agentsMissedBefore": missed}]}
    now = b.NOW + timedelta(minutes=minutes)
    cr = adopted("coder")
    cr["spec"]["workspaces"]["storage"] = {"hostVolumeExemptions": [*exempt]}
    return b.world(
        cr,
        b.pools(),
        *manifests,
        previous=previous,
        now=now,
        observed=Observations(coder=coder),
    )


def misses(count: int, *lately: int, running: int = 3_000) -> CoderSeen:
    """A Coder that misses so many agents."""
    return CoderSeen(lost_agents=count, running_workspaces=running, lost_lately=lately)


def harms(world: World, *restrictions: Restriction) -> list[Notice]:
    """What is told while these restrict."""
    plan = Plan(restrictions=restrictions or (ISOLATED,), is_whole=True)
    return list(bites.notices(world, bites.bites(world, plan)))


@pytest.mark.parametrize(
    ("minutes", "it", "is_told"),
    [
        pytest.param(5, pod(), False, id="ready"),
        pytest.param(5, pod(unready=1), True, id="lost readiness since"),
        pytest.param(5, pod(unready=-30), False, id="was not ready before"),
        pytest.param(60, pod(unready=9), True, id="still not ready an hour later"),
        pytest.param(60, pod(unready=11), False, id="lost readiness after the watch"),
        pytest.param(2, pod(created=1, unready=1), False, id="starts"),
        pytest.param(3, pod(created=1, unready=1), True, id="does not get ready"),
        pytest.param(3, pod(created=1, unready=1, phase="Pending"), False, id="waits for a node"),
    ],
)
def test_what_becomes_not_ready_within_ten_minutes_is_told(
    minutes: float, it: Any, is_told: bool
) -> None:
    """And nothing that was so before, or comes long after."""
    assert bool(harms(at(minutes, it))) == is_told


def test_the_notice_names_whom_and_the_one_edit() -> None:
    """Of a rule that it only reports, of a confirmation that it is taken out."""
    (by_mode,) = harms(at(5, pod(unready=1)))
    assert "CVA-NET-005 restricts workspaces in coder since 2026-11-23T09:00:00Z" in by_mode.message
    assert "Pod coder/coder-" in by_mode.message
    assert by_mode.message.endswith(
        """kubectl -n coder patch cdep coder --type=merge -p '{"spec":{"enforcement":{"rules":{"CVA-NET-005":"Audit"}}}}'"""
    )
    confirmed = Restriction("CVA-NET-005", "coder", "a123456789ab")
    (by_hash,) = harms(at(5, pod(unready=1), by="a123456789ab"), confirmed)
    assert by_hash.message.endswith("""-p '{"spec":{"network":{"confirm":null}}}'""")


def test_a_replica_of_coderd_counts_for_every_namespace() -> None:
    """It serves them all."""
    made = b.all_running(chart_coderd())
    for one in made:
        if one["kind"] == "Pod":
            ready = {"type": "Ready", "status": "False", "lastTransitionTime": moment(1)}
            one["status"]["conditions"] = [ready]
    (told,) = harms(at(5, made), Restriction("CVA-NET-005", "coder"))

    assert "Pod coder/coder-" in told.message


def test_workspaces_that_are_refused_are_told_by_their_deployments() -> None:
    """Their Pods are not there to be looked at."""
    refused = workspace_deployment("dev")
    refused[-1]["spec"]["template"]["spec"]["volumes"].append(
        {"name": "sources", "hostPath": {"path": "/usr/src"}}
    )
    (told,) = harms(at(5, refused, rule="CVA-STO-004"), DENIED)
    assert "Deployment coder/coder-" in told.message
    assert harms(at(5, workspace_deployment("dev"), rule="CVA-STO-004"), DENIED) == []
    exempt = at(5, refused, rule="CVA-STO-004", exempt=[{"namespace": "coder"}])
    assert harms(exempt, DENIED) == []
    assert harms(at(5, refused, rule="CVA-STO-002"), Restriction("CVA-STO-002", "coder")) == []


def kept(world: World) -> int | None:
    """How many agents the status goes on to compare with."""
    (one,) = bites.bites(world, Plan(restrictions=(ISOLATED,), is_whole=True))
    return one.missed


@pytest.mark.parametrize(
    ("before", "now", "is_told"),
    [
        pytest.param(4, misses(4), False, id="as before"),
        pytest.param(4, misses(34), False, id="one in a hundred is churn"),
        pytest.param(4, misses(35), True, id="more than churn"),
        pytest.param(0, misses(1, running=40), True, id="of few one counts"),
        pytest.param(None, misses(900), False, id="nobody knows what was before"),
        pytest.param(4, CoderSeen(lost_agents=Unseen("Slow", "late")), False, id="not seen now"),
        pytest.param(4, None, False, id="not asked any more"),
    ],
)
def test_agents_that_coder_misses_are_told_where_they_are_more_than_churn(
    before: int | None, now: CoderSeen | None, is_told: bool
) -> None:
    """Their Pods are Ready all the same."""
    assert bool(harms(at(5, pod(), missed=before, coder=now))) == is_told


def test_the_notice_counts_agents_and_names_the_one_edit() -> None:
    """In one notice with the Pods that are not ready."""
    (told,) = harms(at(5, pod(unready=1), missed=4, coder=misses(240)))

    assert "not ready since then: Pod coder/coder-" in told.message
    assert (
        "Coder misses the agents of 240 running workspaces since then, of 4 at most" in told.message
    )
    assert told.message.endswith('{"rules":{"CVA-NET-005":"Audit"}}}}\'')
    (alone,) = harms(at(5, pod(), missed=4, coder=misses(240)))
    assert "not ready" not in alone.message


def test_what_coder_missed_before_is_the_most_of_the_hour_before() -> None:
    """At two looks in a row. It is written down when the restriction begins, and where agents can be cut off."""
    world = replace(at(0, coder=misses(3, 2, 600, 7, 8, 3, 3)), previous={})
    (isolated,) = bites.bites(world, Plan(restrictions=(ISOLATED,), is_whole=True))
    (denied,) = bites.bites(world, Plan(restrictions=(DENIED,), is_whole=True))

    assert bites.told([isolated, denied])[0]["agentsMissedBefore"] == 7
    assert denied.missed is None


@pytest.mark.parametrize(
    ("minutes", "now", "goes_on"),
    [
        pytest.param(5, misses(4), True, id="within the ten minutes"),
        pytest.param(10, misses(4), False, id="after them"),
        pytest.param(60, misses(240), True, id="what was told then is told until it is over"),
        pytest.param(60, CoderSeen(), True, id="not seen"),
    ],
)
def test_nobody_counts_for_ever(minutes: float, now: CoderSeen, goes_on: bool) -> None:
    """Agents that are lost a day later are not laid at its door."""
    assert kept(at(minutes, missed=4, coder=now)) == (4 if goes_on else None)


def test_somebody_looks_again_when_a_start_has_had_its_time_and_at_the_end() -> None:
    """Nothing else wakes the pass then; afterwards nobody has to."""

    def wait(world: World) -> float | None:
        return bites.wait(world, world.previous)

    starting = pod(created=1, unready=1)
    assert wait(at(0)) == 600
    assert wait(at(2, starting)) == 60
    assert wait(at(4, starting)) == 360
    assert wait(at(10)) is None
    assert wait(b.world(adopted("coder"))) is None


def test_the_moment_moves_only_with_who_made_it() -> None:
    """Kept over passes; a new confirmation is watched anew."""
    world = at(5)
    same = bites.bites(world, Plan(restrictions=(ISOLATED,), is_whole=True))
    assert [timestamp(one.since) for one in same] == [moment(0)]
    new = Restriction("CVA-NET-005", "coder", "a123456789ab")
    other = bites.bites(world, Plan(restrictions=(new,), is_whole=True))
    assert [timestamp(one.since) for one in other] == [moment(5)]


def test_what_cannot_be_read_goes_on_restricting() -> None:
    """Its objects stay, so its moment does; where nothing is written nothing restricts."""
    world = at(5)
    assert bites.told(bites.bites(world, Plan()))[0]["since"] == moment(0)
    assert bites.bites(world, Plan(writes_nothing=True)) == ()


def test_thousands_of_restrictions_stay_within_the_status() -> None:
    """Those that do not fit are neither dated nor watched."""
    many = tuple(Restriction("CVA-NET-005", f"dev-{number:04}") for number in range(500))
    world = replace(at(0), found=Discovered(), previous={})

    assert len(bites.bites(world, Plan(restrictions=many, is_whole=True))) == 64
