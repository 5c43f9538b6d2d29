"""When coderd's Deployment changes, and when it is kept as it is: one world in, one part of the plan out."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import control_plane, rollout
from coder_cva.sizing.size import size
from coder_cva.values.manifest import Ref, ref_of
from support import builders
from support.managed_coder import SECRET, after, before, rendered, resource, with_image

if TYPE_CHECKING:
    from coder_cva.desired.plan import Part
    from coder_cva.snapshot.world import World

LATER = (builders.NOW + timedelta(hours=1)).isoformat()
LONG_AGO = (builders.NOW - timedelta(days=30)).isoformat()
EARLIER = (builders.NOW - timedelta(hours=1)).isoformat()
CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
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
    """Without the database's URL coderd would only crash; what may have been made is kept all the same."""
    part = decided(before(resource(), secrets=dict.fromkeys(SECRET, keys)))

    assert bool(part.objects) is is_made
    assert reasons(part) == ([] if is_made else [("DatabaseSecretMissing", True)])
    assert part.keep == {CODERD}


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


def test_it_is_rolled_out_when_the_user_changes_something() -> None:
    """That is a rollout that the user asked for."""
    asked = resource(env=[{"name": "CODER_VERBOSE", "value": "true"}])

    assert len(decided(after(asked, by_an_older_operator(resource()))).objects) == 1


def knowing(world: World, digest: str, since: str) -> World:
    """The same world, in whose status this template waits since then."""
    return replace(world, previous={"pendingTemplate": {"digest": digest, "since": since}})


@pytest.mark.parametrize(
    ("until", "since", "known", "is_rolled_out"),
    [
        (EARLIER, LONG_AGO, "this", True),
        (EARLIER, EARLIER, "this", False),
        (LONG_AGO, EARLIER, "this", False),
        (EARLIER, LONG_AGO, "another", False),
        (None, LONG_AGO, "this", False),
    ],
    ids=[
        "ended after it was known",
        "ended in that very second",
        "had ended before",
        "it was about another template",
        "there is none",
    ],
)
def test_a_maintenance_counts_that_ended_after_the_template_was_known(
    until: str | None, since: str, known: str, is_rolled_out: bool
) -> None:
    """A window that is long over and still stands in Git opens the gate for no later template."""
    cr = resource({"maintenance": {"until": until}} if until else {})
    world = after(cr, by_an_older_operator(cr))
    asked = rendered(cr)["metadata"]["annotations"][rollout.TEMPLATE]

    part = decided(knowing(world, asked if known == "this" else "another", since))

    assert bool(part.objects) is is_rolled_out
    assert [one.reason for one in part.withheld] == ([] if is_rolled_out else ["TemplateWaits"])
    assert part.pending is not None
    assert part.pending["digest"] == asked
    assert part.pending["since"] == (since if known == "this" else "2026-11-23T09:00:00Z")


def test_within_a_maintenance_it_is_noted_since_when_a_template_waits() -> None:
    """The operator is upgraded within the window, or before it: the end of that window counts."""
    cr = resource({"maintenance": {"until": LATER}})
    world = after(cr, by_an_older_operator(cr))

    first = decided(world)
    assert first.pending is not None
    second = decided(replace(world, previous={"pendingTemplate": first.pending}))
    over = replace(world, now=builders.NOW + timedelta(hours=2))
    last = decided(replace(over, previous={"pendingTemplate": second.pending}))

    assert reasons(first) == reasons(second) == [("Maintenance", False)]
    assert first.pending == second.pending
    assert len(last.objects) == 1


def test_a_template_that_is_there_waits_for_nothing() -> None:
    """Nor one that the user asked for: there is no moment to remember."""
    asked = resource(env=[{"name": "CODER_VERBOSE", "value": "true"}])

    assert decided(after(resource())).pending is None
    assert decided(after(asked, by_an_older_operator(resource()))).pending is None
    assert decided(before(resource())).pending is None


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


EDITS = [
    {"command": ["/bin/sleep"], "args": ["3600"]},
    {"image": "example.com/debug:9.9.9", "command": ["debug"], "args": []},
]
BY_HAND = pytest.mark.parametrize("container", EDITS, ids=["another command", "another image"])


def edited(cr: dict[str, Any], container: dict[str, Any]) -> dict[str, Any]:
    """coderd's Deployment after somebody laid this over its container."""
    live = deepcopy(rendered(cr))
    live["spec"]["template"]["spec"]["containers"][0] |= container
    return live


@BY_HAND
def test_in_maintenance_an_edit_by_hand_stands(container: dict[str, Any]) -> None:
    """Whatever is made of the Deployment, it is ours by owner and name, and is not written."""
    cr = resource({"maintenance": {"until": LATER}})

    part = decided(after(cr, edited(cr, container)))

    assert part.objects == ()
    assert part.keep == {CODERD}
    assert reasons(part) == [("Maintenance", False)]


@BY_HAND
def test_after_it_an_edit_by_hand_is_undone(container: dict[str, Any]) -> None:
    """Also without the database's Secret, and whatever version another image's tag pretends to be."""
    world = after(resource(), edited(resource(), container), secrets=dict.fromkeys(SECRET))

    part = decided(world)

    assert len(part.objects) == 1
    assert part.keep == {CODERD}
    assert reasons(part) == [("DatabaseSecretMissing", True)]


@pytest.mark.parametrize(
    "previous",
    [
        {"controlPlane": {"name": "coder"}},
        {"withheld": [{"subject": "Deployment coder/coder", "reason": "Maintenance"}]},
    ],
    ids=["it was there just now", "it was deleted some passes ago"],
)
def test_in_maintenance_a_deployment_that_was_deleted_is_not_made_again(
    previous: dict[str, Any],
) -> None:
    """Who deletes it within the window wants it gone until then; it comes back when the window ends."""
    world = replace(before(resource({"maintenance": {"until": LATER}})), previous=previous)
    over = replace(world, now=builders.NOW + timedelta(hours=2))

    assert decided(world).objects == ()
    assert reasons(decided(world)) == [("Maintenance", False)]
    assert len(decided(over).objects) == 1


def test_in_maintenance_a_first_deployment_is_made() -> None:
    """There is nothing yet that somebody could be working on."""
    part = decided(before(resource({"maintenance": {"until": LATER}})))

    assert len(part.objects) == 1
    assert part.withheld == ()


@pytest.mark.parametrize(
    ("live", "wanted", "expected"),
    [
        ("2.30.0-rc.1", "2.30.0", RECREATE),
        ("2.30.0-rc.1", "2.30.0-rc.2", RECREATE),
        ("2.30.0", "2.30.0-rc.1", None),
        ("2.30.0-rc.10", "2.30.0-rc.9", None),
    ],
    ids=["to the release", "to the next candidate", "back to a candidate", "numbers are no texts"],
)
def test_candidates_for_a_release_are_versions_of_their_own(
    live: str, wanted: str, expected: dict[str, Any] | None
) -> None:
    """Replicas of two of them do not overlap either, and back is a downgrade; None means it is refused."""
    world = after(resource(version=wanted), rendered(resource(version=live)))

    part = decided(world)

    if expected is None:
        assert reasons(part) == [("DowngradeRefused", True)]
        assert f"runs {live} " in part.withheld[0].message
    else:
        assert [one["spec"]["strategy"] for one in part.objects] == [expected]
