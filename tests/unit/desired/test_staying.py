"""What of a coderd stays when its CoderDeployment goes, or no longer manages it."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import render, rollout
from coder_cva.snapshot import marks
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.values.manifest import Ref
from support import builders
from support.deployments import adopted
from support.managed_coder import after, before, rendered, resource

if TYPE_CHECKING:
    from coder_cva.desired.plan import Plan
    from coder_cva.snapshot.world import World

CODERD = Ref("apps/v1", "Deployment", "coder", "coder")
LATER = (builders.NOW + timedelta(hours=1)).isoformat()
ORPHAN = {"deletionPolicy": "Orphan"}
TEAM = builders.namespace("team", annotations={"cva.coder.com/deployment": "coder/coder"})


def region() -> dict[str, Any]:
    """A CoderDeployment without a coderd."""
    made = adopted("coder")
    made["spec"]["controlPlane"] = {"management": "None"}
    return made


def unmanaged(management: str) -> dict[str, Any]:
    """The same CoderDeployment, managed no longer."""
    return {"Adopted": adopted("coder"), "None": region()}[management]


def another_template() -> dict[str, Any]:
    """coderd as another version of the operator rendered it."""
    live = deepcopy(rendered(resource()))
    live["metadata"]["annotations"][rollout.TEMPLATE] = "another"
    return live


def freed(live: dict[str, Any]) -> dict[str, Any]:
    """The same Deployment without an owner."""
    made = deepcopy(live)
    del made["metadata"]["ownerReferences"]
    return made


def told(plan: Plan) -> list[str]:
    """Why things are held back."""
    return [one.reason for one in plan.withheld]


HELD = {
    "Maintenance": (resource({**ORPHAN, "maintenance": {"until": LATER}}), rendered(resource())),
    "TemplateWaits": (resource(ORPHAN), another_template()),
    "DowngradeRefused": (resource(ORPHAN, version="2.29.0"), rendered(resource())),
    "FitsNoNode": (resource(ORPHAN, resources={"memory": "900Gi"}), rendered(resource())),
}


@pytest.mark.parametrize("reason", HELD)
def test_orphan_is_in_force_also_where_the_deployment_is_held_back(reason: str) -> None:
    """The Deployment is not written, its owner goes all the same; once it has none there is nothing to do."""
    cr, live = HELD[reason]

    plan = render.plan(after(cr, live))
    again = render.plan(after(cr, freed(live)))

    assert told(plan) == told(again) == [reason]
    assert CODERD not in {Ref("apps/v1", one["kind"], "coder", "coder") for one in plan.objects}
    assert plan.unbound == {CODERD}
    assert again.unbound == frozenset()


def test_the_owner_goes_also_where_the_deployment_cannot_be_written() -> None:
    """Whatever becomes of the apply: a refused one must not leave coderd to the garbage collector."""
    plan = render.plan(after(resource(ORPHAN), rendered(resource())))

    assert "Deployment" in {one["kind"] for one in plan.objects}
    assert plan.unbound == {CODERD}
    assert render.plan(after(resource(), rendered(resource()))).unbound == frozenset()


def still_owned(world: World) -> list[str]:
    """The warnings that deleting the CoderDeployment takes coderd along."""
    return [one.message for one in render.plan(world).withheld if one.reason == "StillOwned"]


@pytest.mark.parametrize("cr", [resource({**ORPHAN, "suspend": True}), adopted("coder")])
def test_suspended_it_is_told_that_coderd_still_has_its_owner(cr: dict[str, Any]) -> None:
    """Nothing is written, as promised, so neither Orphan nor another management is in force."""
    cr["spec"]["suspend"] = True

    (message,) = still_owned(after(cr, rendered(resource())))

    assert "would delete coderd with it" in message
    assert "--cascade=orphan" in message
    assert still_owned(after(cr, freed(rendered(resource())))) == []


def test_it_is_told_too_where_somebody_elses_coderd_stops_everything() -> None:
    """The same for every reason for which nothing at all is written."""
    foreign = builders.deployment("theirs", "coder", spec={"containers": [
        {"name": "coder", "image": "ghcr.io/coder/coder:v2.30.0", "args": ["server"]},
    ]})  # fmt: skip

    plan = render.plan(after(resource(ORPHAN), rendered(resource()), builders.live(foreign)))

    assert plan.writes_nothing
    assert told(plan) == ["ForeignCoderd", "StillOwned"]


def test_it_is_told_too_where_what_coderd_needs_was_not_read() -> None:
    """Then the Deployment is left as it is, its owner with it."""
    world = after(
        resource(ORPHAN), rendered(resource()), unavailable={Need.AUTOSCALERS: Absence.FORBIDDEN}
    )

    assert len(still_owned(world)) == 1


@pytest.mark.parametrize(
    ("spec", "live"),
    [({"suspend": True}, rendered(resource())), ({**ORPHAN, "suspend": True}, None)],
    ids=["it goes as the spec says", "there is none"],
)
def test_nobody_is_warned_without_need(spec: dict[str, Any], live: dict[str, Any] | None) -> None:
    """A warning is for what would happen against the spec."""
    cr = resource(spec)

    assert still_owned(after(cr, live) if live else before(cr)) == []


@pytest.mark.parametrize("management", ["Adopted", "None"])
def test_what_is_no_longer_managed_is_released(management: str) -> None:
    """All kinds of a coderd, in its namespace and in those that still consent; and it is told."""
    world = after(unmanaged(management), rendered(resource()), TEAM)

    plan = render.plan(world)

    kinds = {"Deployment", "Service", "ServiceAccount", "RoleBinding"}
    assert plan.releases == {(kind, place) for kind in kinds for place in ("coder", "team")}
    (notice,) = (one for one in plan.withheld if one.reason == "Released")
    assert not notice.blocking
    assert "management: Managed" in notice.message
    assert kinds.isdisjoint(one["kind"] for one in plan.objects)


@pytest.mark.parametrize("management", ["Adopted", "None"])
def test_what_was_released_is_told_until_somebody_takes_it(management: str) -> None:
    """It runs on as nobody's; when Helm has taken it, it is nothing of ours any more."""
    live = freed(rendered(resource()))
    del live["metadata"]["labels"][marks.MANAGED_BY]
    helms = deepcopy(live)
    helms["metadata"]["labels"][marks.MANAGED_BY] = "Helm"
    cr = unmanaged(management)

    assert "Released" in told(render.plan(after(cr, live)))
    assert "Released" not in told(render.plan(after(cr, helms)))
    assert "Released" not in told(render.plan(before(cr)))


def test_managed_again_it_is_ours_and_applied() -> None:
    """What was released comes back with everything that it is, rolled out only where the spec differs."""
    live = freed(rendered(resource()))
    del live["metadata"]["labels"][marks.MANAGED_BY]
    world = after(resource(), live)

    plan = render.plan(world)

    assert rollout.our_deployment(world) is not None
    assert told(plan) == []
    (wanted,) = (one for one in plan.objects if one["kind"] == "Deployment")
    assert wanted["spec"]["template"] == rendered(resource())["spec"]["template"]


def test_what_goes_with_the_resource_before_is_not_told_as_released() -> None:
    """The garbage collector is on its way to what an earlier CoderDeployment of the name made."""
    live = rendered(resource())
    live["metadata"]["ownerReferences"][0]["uid"] = "gone"
    live["metadata"]["labels"][marks.OWNER_UID] = "gone"

    assert "Released" not in told(render.plan(after(adopted("coder"), live)))


def test_what_waits_is_remembered_where_nothing_is_decided() -> None:
    """Suspended, or with something unread, the moment since which a template waits is not lost."""
    waits = {"digest": "this", "since": "2026-11-01T00:00:00Z"}
    suspended = after(resource({"suspend": True}), rendered(resource()))
    unread = after(resource(), unavailable={Need.AUTOSCALERS: Absence.FORBIDDEN})

    for world in (suspended, unread):
        plan = render.plan(replace(world, previous={"pendingTemplate": waits}))
        assert plan.pending == waits
