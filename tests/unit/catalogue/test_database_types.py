import pytest

from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.database_types import database_for, database_types
from coder_cva.rules.machine_types import is_burstable


@pytest.mark.parametrize(
    ("users", "cpu"),
    [(1, 2), (999, 2), (1000, 4), (2000, 4), (2001, 8), (10_000, 8), (1_000_000, 8)],
)
def test_the_list_of_types_goes_by_users(users: int, cpu: int) -> None:
    """As the page has it: below 1,000, up to 2,000, and beyond."""
    assert database_for(users).cpu_millicores == cpu * 1000


def test_a_row_of_the_list_is_the_least_of_its_machines() -> None:
    """Each machine that it names is in the table of types, and is as large as the row says."""
    for users in (1, 1000, 3000):
        row = database_for(users)
        assert row.types
        for name in row.types:
            assert database_types()[name].cpu_millicores == row.cpu_millicores
            assert database_types()[name].memory_bytes == row.memory_bytes


def test_every_type_has_a_machine() -> None:
    """Read once; its memory is that of a real machine, three to eight gigabytes a core."""
    found = database_types()

    assert database_types() is found
    for name, one in found.items():
        share = one.memory_bytes / one.cpu_millicores * 1000 / 1024**3
        assert 3 < share <= 8, name


def test_none_of_them_is_throttled() -> None:
    """The page names them because they are not; those of the T family and the B series are."""
    assert [name for name in database_types() if is_burstable(name)] == []
    for name in ("db.t3.large", "db.t4g.micro", "Standard_B2ms", "B_Standard_B1ms", "db-f1-micro"):
        assert is_burstable(name), name


def test_the_smallest_types_are_the_baseline() -> None:
    """Under 1,000 users the page names machines of the baseline's two cores."""
    cores = architectures("2026").database_baseline.cpu_millicores
    for name in ("db.m6i.large", "Standard_D2s_v5", "db-custom-2-7680"):
        assert database_types()[name].cpu_millicores == cores
