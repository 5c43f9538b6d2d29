"""When coderd's Deployment changes, and when it is kept as it is: one world in, one part of the plan out."""

from __future__ import annotations

from copy import deepcopy
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import control_plane, rollout
from coder_cva.sizing.size import size
from coder_cva.values.manifest import ref_of
from support import builders
from support.managed_coder import SECRET, after, before, rendered, resource, with_image

if TYPE_CHECKING:
    from coder_cva.desired.plan import Part
    from coder_cva.snapshot.world import World

LATER = (builders.NOW + timedelta(hours=1)).isoformat()
EARLIER = (builders.NOW - timedelta(hours=1)).isoformat()
RECREATE = {"type": "Recreate"}
ROLLING = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}


def decided(world: World) -> Part:
    """What is decided about the Deployment in this world."""
    wanted = control_plane.build_deployment(world, size(world.deployment.spec))
    return rollout.decide(world, wanted)


def reasons(part: Part) -> list[tuple[str, bool]]:
    """Why something is held back, and whether Ready is False for it."""
    return [(one.reason, one.blocking) for one in part.withheld]


def by_an_older_operator(cr: dict[str, Any]) -> dict[str, Any]:
    """The same spec, rendered differently by the operator before this one."""
    live = deepcopy(rendered(cr))
    live["metadata"]["annotations"][rollout.TEMPLATE] = "another"
    live["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] = 30
    return live


def test_a_first_deployment_is_made() -> None:
    """Nothing stands in the way: the Deployment is in the plan."""
    part = decided(before(resource()))

    assert [one["kind"] for one in part.objects] == ["Deployment"]
    assert part.objects[0]["spec"]["strategy"] == ROLLING
    assert part.withheld == ()


@pytest.mark.parametrize(
    ("keys", "is_made"),
    [(None, False), (frozenset({"uri"}), False), (frozenset({"url"}), True)],
    ids=["no Secret", "without the key", "with the key"],
)
def test_a_first_deployment_waits_for_its_secret(
    keys: frozenset[str] | None, is_made: bool
) -> None:
    """Without the database's URL coderd would only crash; nothing is kept, because nothing is there."""
    part = decided(before(resource(), secrets=dict.fromkeys(SECRET, keys)))

    assert bool(part.objects) is is_made
    assert reasons(part) == ([] if is_made else [("DatabaseSecretMissing", True)])
    assert part.keep == frozenset()


def test_one_that_runs_is_kept_up_without_its_secret() -> None:
    """The Secret was deleted later: the Deployment stays in the plan, and the loss is told."""
    part = decided(after(resource(), secrets=dict.fromkeys(SECRET)))

    assert len(part.objects) == 1
    assert reasons(part) == [("DatabaseSecretMissing", True)]


@pytest.mark.parametrize(
    ("live", "settled", "expected"),
    [
        (("2.30.0", ROLLING), True, ROLLING),
        (("2.29.9", ROLLING), True, RECREATE),
        (("2.30.0", RECREATE), False, RECREATE),
        (("2.30.0", RECREATE), True, ROLLING),
        (("latest", ROLLING), True, RECREATE),
    ],
    ids=["same version", "another version", "under way", "over", "no version in the tag"],
)
def test_the_strategy_follows_the_version(
    live: tuple[str, dict[str, Any]], settled: bool, expected: dict[str, Any]
) -> None:
    """Recreate from the change of version to the end of its rollout, rolling by one at all other times."""
    version, strategy = live
    cr = resource()
    there = with_image(rendered(cr), f"ghcr.io/coder/coder:v{version}")
    there["spec"]["strategy"] = strategy
    manifests = builders.rolled_out(there, ("control-plane-1",))
    manifests[0]["status"]["availableReplicas"] = 3 if settled else 1

    assert rollout.strategy(before(cr, manifests)) == expected


@pytest.mark.parametrize("wanted", ["2.29.9", "2.9.0", "1.99.99"])
def test_a_lower_version_is_refused(wanted: str) -> None:
    """Versions compare by number, not by text; the Deployment that runs is kept."""
    live = rendered(resource())
    part = decided(after(resource(version=wanted), live))

    assert part.objects == ()
    assert reasons(part) == [("DowngradeRefused", True)]
    assert part.keep == {ref_of(live)}
    assert "runs 2.30.0" in part.withheld[0].message
    assert f"asks for {wanted}" in part.withheld[0].message


@pytest.mark.parametrize("wanted", ["2.30.0", "2.30.1", "2.100.0", "3.0.0"])
def test_an_equal_or_higher_version_is_applied(wanted: str) -> None:
    """What is not lower is rolled out."""
    part = decided(after(resource(version=wanted), rendered(resource())))

    assert len(part.objects) == 1
    assert part.withheld == ()


def test_in_maintenance_nothing_is_applied_and_nothing_is_blocked() -> None:
    """Even a change of version waits; Ready does not suffer."""
    cr = resource({"maintenance": {"until": LATER}}, version="2.31.0")
    live = rendered(resource())

    part = decided(after(cr, live))

    assert part.objects == ()
    assert part.keep == {ref_of(live)}
    assert reasons(part) == [("Maintenance", False)]
    assert LATER in part.withheld[0].message


def test_a_window_that_has_ended_holds_nothing_back() -> None:
    """From the moment itself on coderd is brought back to the spec."""
    for until in (EARLIER, builders.NOW.isoformat()):
        part = decided(after(resource({"maintenance": {"until": until}})))
        assert len(part.objects) == 1
        assert part.withheld == ()


def test_another_template_of_a_new_operator_waits() -> None:
    """Nobody asked for that rollout: it is told, kept back, and no reason for not being ready."""
    cr = resource()

    part = decided(after(cr, by_an_older_operator(cr)))

    assert part.objects == ()
    assert reasons(part) == [("TemplateWaits", False)]


def test_it_is_rolled_out_when_a_maintenance_ends_or_the_user_changes_something() -> None:
    """Either is a rollout that the user asked for."""
    cr = resource()
    ended = resource({"maintenance": {"until": EARLIER}})
    asked = resource(env=[{"name": "CODER_VERBOSE", "value": "true"}])

    for wanted in (ended, asked):
        assert len(decided(after(wanted, by_an_older_operator(cr))).objects) == 1


def test_more_than_any_node_holds_is_not_rolled_out() -> None:
    """The surge replica would stay Pending; the message says what fits nowhere."""
    part = decided(after(resource(resources={"memory": "200Gi"}), rendered(resource())))

    assert part.objects == ()
    assert reasons(part) == [("FitsNoNode", True)]
    assert "200Gi" in part.withheld[0].message


@pytest.mark.parametrize(
    "nodes",
    [[], [builders.node("control-plane-9", builders.CONTROL_PLANE, cpu="64", memory="512Gi")]],
    ids=["one grows", "no pool"],
)
def test_where_it_fits_or_nothing_is_known_it_is_rolled_out(nodes: list[dict[str, Any]]) -> None:
    """A single node that is large enough will do; a pool without nodes proves nothing."""
    cr = resource(resources={"memory": "200Gi"} if nodes else {})
    live = builders.rolled_out(rendered(resource()), ("elsewhere",))

    world = builders.world(cr, nodes, builders.node("elsewhere"), live, secrets=SECRET)

    assert len(decided(world).objects) == 1


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/coder/coder:v2.30.0", (2, 30, 0)),
        ("registry:5000/coder:2.9.12", (2, 9, 12)),
        ("coder:v2.30.0-rc.1", (2, 30, 0)),
        ("coder:v2.30.0@sha256:abc", (2, 30, 0)),
        ("coder:latest", None),
        ("coder@sha256:0123", None),
        ("", None),
    ],
)
def test_the_version_in_an_image(image: str, expected: tuple[int, int, int] | None) -> None:
    """Three numbers after the colon, with or without a v; anything else is not known."""
    assert rollout.version_in(image) == expected
