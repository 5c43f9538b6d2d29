"""What the status remembers of coderd's versions, look after look."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.rules import upgrades
from support import builders
from support.coder_manifests import chart_coderd
from support.databases import dump_job
from support.deployments import adopted

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

NIGHT = "2026-11-23T02:03:00Z"


def look(version: str, previous: dict[str, Any], *there: Any) -> World:
    """A look at a coderd of this version."""
    coderd = builders.all_running([chart_coderd(version=version)], ["control-plane-1"])
    world = builders.world(adopted("coder"), builders.pools(), coderd, *there)
    return replace(world, previous={"controlPlane": previous})


def remembered(world: World, version: str) -> dict[str, Any]:
    """What the next look finds, as the status has it."""
    told = {key: one for key, one in upgrades.told(world).items() if one is not None}
    return {"version": version, **told}


def test_the_first_look_remembers_the_version_alone() -> None:
    """No upgrade was seen; the second look is like the first."""
    first = remembered(look("2.30.0", {}), "2.30.0")

    assert first == {"version": "2.30.0", "highestVersion": "2.30.0"}
    assert remembered(look("2.30.0", first), "2.30.0") == first


def test_an_upgrade_is_remembered_with_the_backup_before_it() -> None:
    """Later successes of the same CronJob do not change it."""
    before = {"version": "2.30.0", "highestVersion": "2.30.0"}
    seen = remembered(look("2.31.0", before, dump_job(last_success=NIGHT)), "2.31.0")

    assert seen["upgrade"] == {
        "fromVersion": "2.30.0",
        "toVersion": "2.31.0",
        "seenAt": "2026-11-23T09:00:00Z",
        "backupAt": NIGHT,
    }
    later = look("2.31.0", seen, dump_job(last_success="2026-11-24T02:03:00Z"))
    later = replace(later, now=later.now + timedelta(days=1))
    assert remembered(later, "2.31.0") == seen


def test_a_backup_that_ended_after_the_upgrade_is_none_before_it() -> None:
    """It is left open: a backup of that time may be seen later."""
    before = {"version": "2.30.0", "highestVersion": "2.30.0"}
    late = dump_job(last_success="2026-11-23T09:30:00Z")

    assert (
        "backupAt"
        in remembered(look("2.31.0", before, dump_job(last_success=NIGHT)), "")["upgrade"]
    )
    assert remembered(look("2.31.0", before, late), "")["upgrade"]["backupAt"] is None


def test_an_image_with_a_digest_is_upgraded_as_well() -> None:
    """The status has no version for it, and the highest one."""
    before = {"version": "6f0c", "highestVersion": "2.30.0"}

    found = upgrades.latest(look("2.31.0", before))

    assert found is not None
    assert (found.before, found.after) == ("2.30.0", "2.31.0")


def test_a_way_back_is_no_upgrade() -> None:
    """The highest version stays, and the upgrade that was seen."""
    before = {"version": "2.31.0", "highestVersion": "2.31.0"}
    world = look("2.30.0", before)

    assert upgrades.latest(world) is None
    assert remembered(world, "2.30.0") == {"version": "2.30.0", "highestVersion": "2.31.0"}


def test_without_a_version_nothing_is_forgotten() -> None:
    """A digest alone, a coderd that is gone, a status that somebody broke."""
    known = {"highestVersion": "2.31.0"}
    gone = replace(
        builders.world(adopted("coder"), builders.pools()), previous={"controlPlane": known}
    )

    assert upgrades.told(look("latest", known))["highestVersion"] == "2.31.0"
    assert upgrades.told(gone)["highestVersion"] == "2.31.0"
    assert (
        upgrades.told(look("2.30.0", {"upgrade": {"seenAt": 5}, "version": []}))["upgrade"] is None
    )


VERSIONS = st.lists(st.tuples(st.integers(29, 33), st.integers(0, 2)), min_size=1, max_size=6)


@given(VERSIONS)
def test_the_highest_version_is_that_of_all_looks(seen: list[tuple[int, int]]) -> None:
    """Whatever their order."""
    known: dict[str, Any] = {}
    for minor, patch in seen:
        text = f"2.{minor}.{patch}"
        known = remembered(look(text, known), text)

    minor, patch = max(seen)
    assert known["highestVersion"] == f"2.{minor}.{patch}"
