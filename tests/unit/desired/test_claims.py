"""What stands in the way of a plan before it is made."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import claims, render
from coder_cva.snapshot import marks
from coder_cva.snapshot.model import Unavailable
from support import builders
from support.coder_manifests import chart_coderd, coder_k8s_coderd
from support.deployments import DATABASE_SECRET, adopted, managed, region
from support.managed_coder import BIG, SECRET, after, before, rendered, resource

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

OLD, YOUNG = "2026-10-01T08:00:00Z", "2026-11-20T08:00:00Z"


def reason(world: World) -> str:
    """The reason of the obstacle, "" where there is none."""
    found = claims.obstacle(world)
    return found.reason if found else ""


def another(created: str, namespace: str = "coder", uid: str = "", **spec: Any) -> dict[str, Any]:
    """Another CoderDeployment of that age."""
    made = managed(namespace, "another")
    made["spec"]["controlPlane"] |= spec
    made["metadata"] |= {"creationTimestamp": created, **({"uid": uid} if uid else {})}
    return made


def elsewhere(cr: dict[str, Any]) -> dict[str, Any]:
    """The same, with its workspaces in another namespace than its own."""
    cr["spec"]["workspaces"]["namespaces"] = {"names": ["region"]}
    return cr


def coderd_of(cr: dict[str, Any], *, owned: bool = True) -> dict[str, Any]:
    """The coderd that this operator made for another CoderDeployment of the namespace; owned, or orphaned."""
    made = rendered(cr)
    if not owned:
        del made["metadata"]["ownerReferences"]
        made["metadata"]["labels"][marks.SURVIVES] = "true"
    return made


def test_alone_nothing_stands_in_the_way() -> None:
    """Neither before nor after its coderd is there."""
    assert reason(before(resource())) == ""
    assert reason(after(resource())) == ""


@pytest.mark.parametrize("namespace", ["kube-system", "kube-public", "coder-cva-system"])
def test_a_system_namespace_is_refused(namespace: str) -> None:
    """Of the cluster and of the operator itself."""
    assert reason(builders.world(managed(namespace))) == "SystemNamespace"


@pytest.mark.parametrize("manifests", [chart_coderd(), [coder_k8s_coderd()]], ids=["Helm", "k8s"])
def test_somebody_elses_coderd_stops_a_managed_one(manifests: list[Any]) -> None:
    """Both remedies and who manages it are in the message; nothing at all is planned."""
    world = before(resource(), builders.all_running(manifests, ("control-plane-1",)))

    found = claims.obstacle(world)

    assert found is not None
    assert (found.reason, found.blocking) == ("ForeignCoderd", True)
    assert "management: Adopted" in found.message
    assert "kubectl -n coder delete deployment coder" in found.message
    plan = render.plan(world)
    assert plan.writes_nothing
    assert plan.objects == ()


def test_for_an_adopted_one_it_is_the_right_one() -> None:
    """What Managed stumbles over, Adopted looks for."""
    theirs = builders.all_running(chart_coderd(), ("control-plane-1",))

    assert reason(before(adopted("coder"), theirs)) == ""


def test_a_coderd_of_another_namespace_is_none_of_our_business() -> None:
    """Each namespace has its own."""
    elsewhere = builders.all_running(chart_coderd("elsewhere"), ("control-plane-1",))

    assert reason(before(resource(), elsewhere)) == ""


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (another(OLD), "ClaimedByOlder"),
        (another(YOUNG), ""),
        (another(OLD, "elsewhere"), ""),
        (another(OLD, management="None"), "ClaimedByOlder"),
        (elsewhere(another(OLD, management="None")), ""),
        (elsewhere(another(OLD)), "ClaimedByOlder"),
        (another(builders.CREATED, uid="0"), "ClaimedByOlder"),
        (another(builders.CREATED, uid="z"), ""),
    ],
    ids=[
        "older",
        "younger",
        "elsewhere",
        "a region",
        "a region of other namespaces",
        "a coderd for other namespaces",
        "same second, lower UID",
        "higher UID",
    ],
)
def test_the_older_one_holds(other: dict[str, Any], expected: str) -> None:
    """Age decides, the UID where the clock cannot; a region claims the workspaces, unless its are elsewhere."""
    assert reason(before(resource(), others=[other])) == expected


def test_the_younger_one_names_the_older() -> None:
    """So that one knows which of the two to delete, or what else helps."""
    both = claims.obstacle(before(resource(), others=[another(OLD)]))
    beside = claims.obstacle(before(region("coder"), others=[another(OLD)]))

    assert both is not None
    assert "CoderDeployment coder/another is older" in both.message
    assert "spec.workspaces.namespaces" not in both.message
    assert beside is not None
    assert beside.reason == "ClaimedByOlder"
    assert (
        "name other namespaces for its workspaces in spec.workspaces.namespaces" in beside.message
    )


@pytest.mark.parametrize(
    "cr", [resource(), adopted("coder"), region("coder")], ids=["Managed", "Adopted", "None"]
)
def test_a_coderd_that_runs_for_a_younger_one_is_left_to_it(cr: dict[str, Any]) -> None:
    """Edited into claiming it, the older one stands by, and hears both remedies."""
    younger = another(YOUNG)
    world = before(cr, coderd_of(younger), others=[younger])

    found = claims.obstacle(world)

    assert found is not None
    assert (found.reason, found.blocking) == ("ForeignCoderd", True)
    assert "coderd of CoderDeployment coder/another runs in namespace coder" in found.message
    assert "move this one to a namespace of its own" in found.message
    assert "kubectl -n coder delete coderdeployment another" in found.message
    assert render.plan(world).writes_nothing


def test_a_coderd_that_was_left_behind_under_another_name_is_foreign() -> None:
    """A second one on its database would be worse than none: it is adopted, taken up again, or removed."""
    left = coderd_of(another(OLD), owned=False)
    world = before(resource(), left)

    found = claims.obstacle(world)

    assert found is not None
    assert found.reason == "ForeignCoderd"
    assert "but for coder/another, which is gone and left it running" in found.message
    assert "management: Adopted, or apply coder/another again" in found.message
    assert "kubectl -n coder delete deployment another" in found.message
    assert render.plan(world).writes_nothing


@pytest.mark.parametrize("owned", [True, False], ids=["owned", "orphaned by kubectl"])
def test_a_coderd_is_exempt_only_while_it_is_collected(owned: bool) -> None:
    """Owned by one that is gone it is about to go; without an owner nobody will ever collect it."""
    coderd = coderd_of(another(OLD))
    if not owned:
        del coderd["metadata"]["ownerReferences"]

    assert reason(before(resource(), coderd)) == ("" if owned else "ForeignCoderd")


def test_a_coderd_whose_resource_is_not_understood_is_not_collected() -> None:
    """Its CoderDeployment lives, though it claims nothing: a second coderd is not made beside it."""
    broken = builders.live(another(YOUNG))
    world = before(resource(), coderd_of(broken))

    found = claims.obstacle(replace(world, living=world.living | {broken["metadata"]["uid"]}))

    assert found is not None
    assert found.reason == "ForeignCoderd"
    assert "but for coder/another: nothing is written" in found.message
    assert "kubectl -n coder delete coderdeployment another" in found.message


def test_what_an_earlier_one_of_the_name_left_is_taken_up() -> None:
    """By its name, also where a younger one would have to wait behind an older that never had a coderd."""
    left = coderd_of(resource(), owned=False)
    left["metadata"]["labels"][marks.OWNER_UID] = "gone"

    assert reason(before(resource(), left)) == ""
    assert reason(before(resource(), left, others=[another(OLD)])) == ""


def test_a_region_with_nothing_left_stands_still_and_lets_go() -> None:
    """Its home is the older one's: it says whose, and what it made there before is swept."""
    home = builders.namespace("team", annotations={marks.CONSENT: "coder/another"})
    world = builders.world(region("team"), BIG, home, others=[another(OLD)])

    plan = render.plan(world)

    assert [(one.reason, one.blocking) for one in plan.withheld] == [("ClaimedByOlder", True)]
    assert (
        "CoderDeployment coder/another too (annotation), which is older" in plan.withheld[0].message
    )
    assert plan.objects == ()
    assert not plan.writes_nothing


@pytest.mark.parametrize("cr", [managed("team"), region("team")], ids=["Managed", "None"])
def test_who_has_something_left_goes_on(cr: dict[str, Any]) -> None:
    """A control plane keeps its coderd, a region its other namespaces."""
    spaces = [
        builders.namespace("team", annotations={marks.CONSENT: "coder/another"}),
        builders.namespace("other", annotations={marks.CONSENT: "team/coder"}),
    ]
    world = builders.world(cr, BIG, spaces, others=[another(OLD)], secrets=SECRET)

    assert claims.obstacle(world) is None
    assert claims.nothing_left(world) is None
    assert [one.name for one in world.found.namespaces] == ["other"]
    assert render.plan(world).objects


def test_the_namespace_comes_before_everything_else() -> None:
    """Moving the CoderDeployment is the remedy, whatever else stands there."""
    world = before(
        managed("kube-system"),
        builders.all_running(chart_coderd("kube-system"), ("control-plane-1",)),
        others=[another(OLD, "kube-system")],
    )

    assert reason(world) == "SystemNamespace"


def test_a_secret_that_was_not_asked_for_or_not_to_be_read_is_not_missing() -> None:
    """Nothing is known about it, so nothing is said about it."""
    unasked = before(resource(), secrets={})
    forbidden = before(resource())
    forbidden.snapshot.secrets["coder", DATABASE_SECRET] = Unavailable("Forbidden", "no")  # type: ignore[arg-type]

    assert claims.missing_secret(unasked) is None
    assert claims.missing_secret(forbidden) is None


def test_what_is_missing_of_a_secret_is_told_with_the_command() -> None:
    """The whole Secret, or its key, with the keys that there are."""
    absent = claims.missing_secret(before(resource(), secrets=dict.fromkeys(SECRET)))
    keyless = claims.missing_secret(
        before(resource(), secrets={key: frozenset({"b", "a"}) for key in SECRET})
    )

    assert absent is not None
    assert f"kubectl -n coder create secret generic {DATABASE_SECRET} --from-literal=url=" in absent.message  # fmt: skip
    assert keyless is not None
    assert "has no key 'url' (it has: a, b)" in keyless.message
