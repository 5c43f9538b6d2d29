from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.api.v1alpha1.resource import parse
from coder_cva.sizing.model import Replica, Sizing
from coder_cva.sizing.size import size
from coder_cva.values.quantity import cpu_text
from support.deployments import managed

GI = 1024**3
KEYS = {"keysSecretRef": {"name": "keys", "key": "keys"}}


def sized(architecture: dict[str, Any], edition: str = "2026", **control_plane: Any) -> Sizing:
    """The size of a managed Coder, licensed for high availability."""
    cr = managed("coder", **control_plane)
    cr["spec"].update(architecture=architecture, edition=edition)
    return size(parse(cr).spec)


@pytest.mark.parametrize(
    ("edition", "tier", "expected"),
    [
        ("2026", "1k", Replica(3, 2000, 8 * GI)),
        ("2026", "2k", Replica(3, 4000, 12 * GI)),
        ("2026", "3k", Replica(4, 4000, 12 * GI)),
        ("2026", "10k", Replica(10, 4000, 12 * GI)),
        ("2024", "1k", Replica(2, 1500, 5 * GI)),
        ("2024", "2k", Replica(2, 3000, 10 * GI)),
        ("2024", "3k", Replica(4, 6000, 20 * GI)),
    ],
)
def test_coderd_has_the_size_of_its_tier(edition: str, tier: str, expected: Replica) -> None:
    """Replicas, CPU and memory of every table."""
    it = sized({"tier": tier}, edition)

    assert (it.edition, it.tier, it.coderd) == (edition, tier, expected)
    assert it.exceeded == ()


@pytest.mark.parametrize(
    ("architecture", "tier"),
    [
        ({"users": 1}, "1k"),
        ({"users": 1000}, "1k"),
        ({"users": 1001}, "2k"),
        ({"users": 3000}, "3k"),
        ({"users": 3001}, "10k"),
        ({"users": 100, "concurrentWorkspaces": 601}, "2k"),
        ({"users": 100, "concurrentBuilds": 181}, "10k"),
        ({"users": 2500, "concurrentWorkspaces": 10, "concurrentBuilds": 1}, "3k"),
    ],
)
def test_the_smallest_tier_that_holds_every_figure(architecture: dict[str, int], tier: str) -> None:
    """More than any one limit means the next tier."""
    assert sized(architecture).tier == tier


def test_a_tier_that_is_named_is_kept_and_said_to_be_exceeded() -> None:
    """The user's own word; the rule about it fails elsewhere."""
    it = sized({"tier": "1k", "users": 1500, "concurrentBuilds": 60})

    assert it.tier == "1k"
    assert it.exceeded == ("1,500 users are more than its 1,000",)
    assert "but 1,500 users are more" in it.steps[0]


def test_beyond_the_largest_tier_it_says_so() -> None:
    """There is no next one."""
    it = sized({"users": 9000, "concurrentWorkspaces": 7000})

    assert it.tier == "10k"
    assert it.exceeded == ("7,000 workspaces are more than its 6,000",)
    assert "the largest there is" in it.steps[0]


@pytest.mark.parametrize("edition", ["2024", "2026"])
def test_encryption_costs_one_core_for_every_replica(edition: str) -> None:
    """CVA-CTL-003: on the replica; memory and replicas stay."""
    plain = sized({"tier": "1k"}, edition).coderd
    it = sized({"tier": "1k"}, edition, encryption=KEYS)

    assert it.coderd == Replica(plain.replicas, plain.cpu_millicores + 1000, plain.memory_bytes)
    more = plain.cpu_millicores + 1000
    told = next(step for step in it.steps if "CVA-CTL-003" in step)
    assert f" + 1 = {cpu_text(more)} CPU for every replica" in told


def test_without_the_licence_there_is_one_replica_and_the_reason() -> None:
    """Unlicensed replicas do not know each other; what the tier asks for is not forgotten."""
    it = sized({"tier": "3k"}, highAvailabilityLicensed=False)

    assert (it.coderd.replicas, it.tier_replicas) == (1, 4)
    assert any("1 instead of 4" in step and "highAvailabilityLicensed" in step for step in it.steps)


def test_the_users_own_figures_win() -> None:
    """Replicas, CPU and memory; encryption adds nothing to a CPU that the user chose."""
    own = {"cpu": "2500m", "memory": "9Gi"}
    it = sized({"tier": "1k"}, replicas=5, resources=own, encryption=KEYS)

    assert it.coderd == Replica(5, 2500, 9 * GI)
    assert it.tier_replicas == 3
    assert any("nothing is added to it for encryption" in step for step in it.steps)


def test_one_of_both_figures_may_be_left_to_the_tier() -> None:
    """Memory alone, with encryption's core on the tier's CPU."""
    it = sized({"tier": "1k"}, resources={"memory": "16Gi"}, encryption=KEYS)

    assert it.coderd == Replica(3, 3000, 16 * GI)


def test_edition_2024_says_where_it_runs() -> None:
    """Its tables are nodes; a replica that fits none of them is told."""
    assert any("1 to 2 of 2 CPU" in step for step in sized({"tier": "1k"}, "2024").steps)
    whole = sized({"tier": "1k"}, "2024", resources={"cpu": "2"}).steps
    assert any("2 CPU a replica fit no node" in step for step in whole)
    assert not any("fit no node" in step for step in sized({"tier": "1k"}, "2024").steps)
    assert any(
        "2500m CPU a replica fit no node" in step
        for step in sized({"tier": "1k"}, "2024", encryption=KEYS).steps
    )


def test_every_step_has_its_source() -> None:
    """The tier's page, the clauses."""
    steps = sized({"users": 800}, encryption=KEYS).steps

    assert "https://coder.com/docs/" in steps[0]
    assert all("CVA-CTL-00" in step for step in steps[1:])


@given(
    edition=st.sampled_from(["2024", "2026"]),
    users=st.tuples(st.integers(1, 3000), st.integers(1, 3000)),
    licensed=st.booleans(),
    encrypted=st.booleans(),
)
def test_more_users_never_get_less(
    edition: str, users: tuple[int, int], licensed: bool, encrypted: bool
) -> None:
    """Replicas, CPU and memory are monotone in the number of users."""
    plane: dict[str, Any] = {"highAvailabilityLicensed": licensed}
    if encrypted:
        plane["encryption"] = KEYS
    less, more = (sized({"users": count}, edition, **plane).coderd for count in sorted(users))

    assert less.replicas <= more.replicas
    assert less.cpu_millicores <= more.cpu_millicores
    assert less.memory_bytes <= more.memory_bytes
