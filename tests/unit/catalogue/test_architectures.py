from itertools import pairwise
from typing import Any, get_args

import pytest
from pydantic import ValidationError

from coder_cva.api.v1alpha1.spec import Edition, Spec, Tier
from coder_cva.catalogue.architectures import EDITIONS, architectures
from coder_cva.catalogue.model import Architectures, Limits

GI = 1024**3


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_edition_is_read(edition: str) -> None:
    """From the package's own data, once; each tier has its page."""
    found = architectures(edition)

    assert found.edition == edition
    assert architectures(edition) is found
    assert all(one.source.startswith("https://coder.com/docs/") for one in found.tiers)


def test_the_spec_offers_what_the_catalogue_has() -> None:
    """Every edition and tier that a user may write has its tables."""
    assert set(EDITIONS) == set(get_args(Edition))
    assert Spec.model_fields["edition"].default in EDITIONS
    assert {one.name for one in architectures("2026").tiers} == set(get_args(Tier))
    assert {one.name for one in architectures("2024").tiers} == set(get_args(Tier)) - {"10k"}


@pytest.mark.parametrize("edition", EDITIONS)
def test_tiers_grow(edition: str) -> None:
    """Limits rise with every tier, and no part gets smaller."""
    for less, more in pairwise(architectures(edition).tiers):
        assert less.limits.users < more.limits.users
        assert less.limits.workspaces < more.limits.workspaces
        assert less.limits.builds < more.limits.builds
        assert less.coderd.replicas <= more.coderd.replicas
        assert less.coderd.cpu_millicores <= more.coderd.cpu_millicores
        assert less.database.cpu_millicores < more.database.cpu_millicores


def test_there_is_a_provisioner_for_each_concurrent_build() -> None:
    """Also in tier 10k, where one version of the page lists 180."""
    for edition in EDITIONS:
        for tier in architectures(edition).tiers:
            assert tier.provisioners.replicas == tier.limits.builds
    largest = architectures("2026").tier("10k")
    assert largest.provisioners.replicas == 600
    assert any("180" in note for note in largest.notes)


def test_limits_of_edition_2026_keep_their_proportions() -> None:
    """Workspaces are 60 % of users, builds 10 % of workspaces: a slip of the pen would show."""
    for tier in architectures("2026").tiers:
        users = tier.limits.users
        assert tier.limits == Limits(
            users=users, workspaces=users * 6 // 10, builds=users * 6 // 100
        )


def test_limits_of_edition_2024_are_what_its_nodes_hold() -> None:
    """Nodes times workspaces or provisioners on each."""
    for tier in architectures("2024").tiers:
        assert tier.nodes is not None
        workspaces, provisioners = tier.nodes.workspaces, tier.nodes.provisioners
        assert tier.limits.workspaces == workspaces.count * workspaces.pods_each
        assert tier.limits.builds == provisioners.count * provisioners.pods_each
        assert tier.coderd.replicas == tier.nodes.coderd.count * tier.nodes.coderd.pods_each


def test_a_replica_of_edition_2024_leaves_room_on_its_node() -> None:
    """Three quarters of the CPU and five eighths of the memory: a whole node's worth would fit none."""
    for tier in architectures("2024").tiers:
        assert tier.nodes is not None
        assert tier.coderd.cpu_millicores * 4 == tier.nodes.coderd.cpu_millicores * 3
        assert tier.coderd.memory_bytes * 8 == tier.nodes.coderd.memory_bytes * 5


def test_the_contradiction_of_tier_3k_is_kept_in_both_its_figures() -> None:
    """Edition 2024 names machines of 4 CPU for nodes of 8: only there, and what tier 2k has for the same machines."""
    by_types = {
        (edition, tier.name): tier.by_types
        for edition in EDITIONS
        for tier in architectures(edition).tiers
        if tier.by_types
    }

    assert by_types.keys() == {("2024", "3k")}
    machines, smaller = by_types["2024", "3k"], architectures("2024").tier("2k")
    larger = architectures("2024").tier("3k").nodes
    assert smaller.nodes
    assert larger
    assert larger.coderd.types == smaller.nodes.coderd.types
    assert machines.node.cpu_millicores == smaller.nodes.coderd.cpu_millicores
    assert machines.node.memory_bytes == smaller.nodes.coderd.memory_bytes
    assert machines.coderd.cpu_millicores == smaller.coderd.cpu_millicores
    assert machines.coderd.memory_bytes == smaller.coderd.memory_bytes


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_formula_of_provisioners_is_half_of_the_table(edition: str) -> None:
    """One CPU for every two builds, on a page of the same edition."""
    formula = architectures(edition).provisioner_formula

    assert (formula.cpu_millicores, formula.memory_bytes, formula.builds) == (1000, GI, 2)
    assert formula.source.endswith("/scale-testing")


def test_the_database_of_tier_1k_is_larger_than_the_baseline() -> None:
    """The rules disagree, and both figures are kept."""
    found = architectures("2026")

    assert found.tier("1k").database.memory_bytes == 30 * GI
    assert found.database_baseline.cpu == "2"


def test_what_is_not_there_is_said() -> None:
    """An edition and a tier that nobody has."""
    unknown: Any = "1999"

    with pytest.raises(KeyError, match="there is no edition 1999"):
        architectures(unknown)
    with pytest.raises(KeyError, match="edition 2024 has no tier 10k"):
        architectures("2024").tier("10k")


@pytest.mark.parametrize(
    "change", [{"cpu": "much"}, {"memory": "8GB"}, {"replicas": 0}, {"colour": "red"}]
)
def test_a_figure_that_is_none_is_refused(change: dict[str, object]) -> None:
    """When the data are read, not when they are used."""
    data = architectures("2026").model_dump()
    data["tiers"][0]["coderd"].update(change)

    with pytest.raises(ValidationError):
        Architectures.model_validate(data)
