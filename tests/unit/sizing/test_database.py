from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.api.v1alpha1.database import SizingPolicy
from coder_cva.api.v1alpha1.resource import parse
from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.sizing.database import database_size, is_large
from support.deployments import adopted

GI = 1024**3


def spec(architecture: dict[str, Any], edition: str = "2026", sizing: str | None = None) -> Spec:
    """The spec of an adopted Coder."""
    cr = adopted("coder")
    cr["spec"].update(architecture=architecture, edition=edition)
    if sizing:
        cr["spec"]["database"] = {"sizing": sizing}
    return parse(cr).spec


@pytest.mark.parametrize(
    ("edition", "tier", "expected"),
    [
        ("2026", "1k", (8000, 30 * GI, 512 * GI)),
        ("2026", "10k", (64_000, 240 * GI, 512 * GI)),
        ("2024", "1k", (2000, 8 * GI, 512 * GI)),
        ("2024", "3k", (8000, 32 * GI, 1536 * GI)),
    ],
)
def test_by_the_table_of_the_tier(edition: str, tier: str, expected: tuple[int, int, int]) -> None:
    """The default; where the edition gives no disk, the baseline's."""
    it = database_size(spec({"tier": tier}, edition))

    assert (it.cpu_millicores, it.memory_bytes, it.storage_bytes) == expected
    assert it.rule == f"the table of tier {tier} (spec.database.sizing: Tier)"


@pytest.mark.parametrize(
    ("architecture", "cpu"),
    [
        ({"users": 800}, 2000),
        ({"users": 3333}, 2000),
        ({"users": 3334}, 4000),
        ({"users": 1000, "activeUsersPercent": 100}, 4000),
        ({"users": 10_000, "activeUsersPercent": 100}, 22_000),
        ({"tier": "10k"}, 8000),
    ],
)
def test_by_the_baseline(architecture: dict[str, Any], cpu: int) -> None:
    """Two cores, and two more for every full thousand of active users; unsaid users are as many as the tier's."""
    it = database_size(spec(architecture, sizing="Baseline"))

    assert (it.cpu_millicores, it.memory_bytes, it.storage_bytes) == (cpu, 8 * GI, 512 * GI)
    assert "spec.database.sizing: Baseline" in it.rule


@pytest.mark.parametrize("edition", ["2024", "2026"])
@pytest.mark.parametrize(
    ("architecture", "cpu", "name"),
    [
        ({"users": 800}, 2, "db.m6i.large"),
        ({"users": 1500}, 4, "db.m6i.xlarge"),
        ({"tier": "2k"}, 4, "db.m6i.xlarge"),
        ({"users": 2500, "activeUsersPercent": 100}, 8, "db.m6i.2xlarge"),
    ],
)
def test_by_the_list_of_managed_types(
    edition: str, architecture: dict[str, Any], cpu: int, name: str
) -> None:
    """By users alone, whoever of them is active; the disk is the baseline's. Both editions have the list."""
    it = database_size(spec(architecture, edition, sizing="InstanceTypes"))

    assert it.policy == "InstanceTypes"
    assert (it.cpu_millicores, it.memory_bytes) == (cpu * 1000, cpu * 4 * GI)
    assert it.storage_bytes == 512 * GI
    assert f"such as {name} (spec.database.sizing: InstanceTypes)" in it.rule


def test_the_three_rules_disagree() -> None:
    """Else there would be nothing to choose: 1,000 users who are all active."""
    of = spec({"users": 1000, "activeUsersPercent": 100})

    assert [database_size(of, one).cpu_millicores for one in get_args(SizingPolicy)] == [
        8000,
        4000,
        4000,
    ]
    assert database_size(of, "Baseline").memory_bytes == 8 * GI
    assert database_size(of, "InstanceTypes").memory_bytes == 16 * GI


def test_large_begins_where_the_catalogue_says() -> None:
    """By the tier, however it was chosen."""
    assert [is_large(spec({"users": count})) for count in (900, 1900, 2900, 9000)] == [
        False,
        False,
        True,
        True,
    ]
    assert is_large(spec({"tier": "3k"}, "2024"))


@given(st.integers(1, 10_000), st.integers(1, 10_000), st.sampled_from(get_args(SizingPolicy)))
def test_more_users_never_need_a_smaller_database(one: int, more: int, sizing: str) -> None:
    """By any rule; and the table never asks for less than the baseline of the same users."""
    fewer, many = (database_size(spec({"users": it}, sizing=sizing)) for it in sorted((one, more)))

    assert fewer.cpu_millicores <= many.cpu_millicores
    assert fewer.memory_bytes <= many.memory_bytes
    assert database_size(spec({"users": one}), "Baseline").cpu_millicores <= (
        database_size(spec({"users": one}), "Tier").cpu_millicores
    )
