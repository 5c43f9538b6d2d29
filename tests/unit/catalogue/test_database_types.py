from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.database_types import database_types
from coder_cva.rules.machine_types import is_burstable


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
