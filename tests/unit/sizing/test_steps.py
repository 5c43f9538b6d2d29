from typing import Any

from hypothesis import given

from coder_cva.api.v1alpha1.resource import parse
from coder_cva.api.v1alpha1.status import SizingStatus
from coder_cva.sizing.steps import steps
from support import specs
from support.deployments import adopted


def told(**over: Any) -> tuple[str, ...]:
    """The arithmetic of an adopted Coder whose spec says this."""
    cr = adopted("coder")
    cr["spec"] |= over
    return steps(parse(cr).spec)


def test_the_database_and_the_provisioners_follow_on_coderd() -> None:
    """With the rules that the spec chose, and the clauses."""
    said = {"architecture": {"users": 800}, "database": {"sizing": "InstanceTypes"}}

    *coderd, database, provisioners = told(**said, provisioners={"sizing": "TwoBuildsPerCPU"})

    assert coderd[0].startswith("Tier 1k of edition 2026: 800 users")
    assert database == (
        "Database: 2 CPU, 8Gi and a disk of 512Gi by the list of managed types for 800 users, such as "
        "db.m6i.large (spec.database.sizing: InstanceTypes) (CVA-DB-002, CVA-DB-003)"
    )
    assert provisioners == (
        "Provisioners: 60, one for each concurrent build, of 500m CPU and 512Mi each by the formula of 1 CPU and "
        "1Gi for every 2 builds (spec.provisioners.sizing: TwoBuildsPerCPU) (CVA-PROV-001)"
    )


def test_the_defaults_are_named_as_well() -> None:
    """Whoever chose nothing sees what was chosen."""
    *_, database, provisioners = told(architecture={"users": 800})

    assert "8 CPU, 30Gi and a disk of 512Gi by the table of tier 1k" in database
    assert "of 1 CPU and 1Gi each by the table of tier 1k" in provisioners
    assert "(spec.database.sizing: Tier)" in database
    assert "(spec.provisioners.sizing: Tier)" in provisioners


def test_edition_2024_has_nodes_for_provisioners() -> None:
    """And no size of one."""
    *_, provisioners = told(edition="2024", architecture={"tier": "2k"})

    assert "sizes only their nodes: 8 CPU and 32Gi for 30" in provisioners


def test_a_region_has_no_database() -> None:
    """It has provisioners all the same."""
    found = told(controlPlane={"management": "None"})

    assert not [one for one in found if one.startswith("Database")]
    assert [one for one in found if one.startswith("Provisioners")]


@given(specs.manifests())
def test_the_status_has_room_for_all_of_them(manifest: dict[str, Any]) -> None:
    """For any valid spec; each of the choices that a rule was applied by is named once."""
    found = steps(parse(manifest).spec)

    SizingStatus(steps=found)
    assert sum("spec.provisioners.sizing: " in one for one in found) == 1
