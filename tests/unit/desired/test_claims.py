"""What stands in the way of a plan before it is made."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from coder_cva.desired import claims, render
from coder_cva.snapshot.model import Unavailable
from support import builders
from support.coder_manifests import chart_coderd, coder_k8s_coderd
from support.deployments import DATABASE_SECRET, adopted, managed
from support.managed_coder import SECRET, after, before, resource

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
        (another(OLD, management="None"), ""),
        (another(builders.CREATED, uid="0"), "ClaimedByOlder"),
        (another(builders.CREATED, uid="z"), ""),
    ],
    ids=["older", "younger", "elsewhere", "a region", "same second, lower UID", "higher UID"],
)
def test_the_older_one_holds(other: dict[str, Any], expected: str) -> None:
    """Age decides, the UID where the clock cannot; a region without coderd claims nothing."""
    assert reason(before(resource(), others=[other])) == expected


def test_the_younger_one_names_the_older() -> None:
    """So that one knows which of the two to delete."""
    found = claims.obstacle(before(resource(), others=[another(OLD)]))

    assert found is not None
    assert "CoderDeployment coder/another is older" in found.message


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
