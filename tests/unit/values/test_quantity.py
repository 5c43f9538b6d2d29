"""Quantities mean what the API server means by them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values import quantity


@pytest.mark.parametrize(
    ("text", "millicores"),
    [("1", 1000), ("500m", 500), ("0.5", 500), ("2.0001", 2001), ("1e1", 10_000), (2, 2000)],
)
def test_cpu_is_whole_millicores_rounded_up(text: str | int, millicores: int) -> None:
    """A tenth of a millicore counts as one, as in the scheduler."""
    assert quantity.cpu_millicores(text) == millicores


@pytest.mark.parametrize(
    ("text", "count"),
    [("1Ki", 1024), ("8Gi", 8 * 1024**3), ("1G", 10**9), ("1.5Gi", 3 * 1024**3 // 2), ("100m", 1)],
)
def test_memory_is_whole_bytes_rounded_up(text: str, count: int) -> None:
    """Binary and decimal suffixes differ; a fraction of a byte counts as one."""
    assert quantity.byte_count(text) == count


@pytest.mark.parametrize("text", ["", "lots", "1gb", "--1", "1 Gi", "1e999", "9" * 100, "1Gi\n"])
def test_what_is_no_quantity_is_refused_with_the_form(text: str) -> None:
    """The error quotes what was written and shows how it should look."""
    with pytest.raises(ValueError, match="is not a quantity: write for example"):
        quantity.parse(text)


@given(st.integers(min_value=0, max_value=2**60))
def test_bytes_survive_being_written(count: int) -> None:
    """What is written is read back as the same number."""
    assert quantity.byte_count(quantity.byte_text(count)) == count


@given(st.integers(min_value=0, max_value=10**9))
def test_millicores_survive_being_written(millicores: int) -> None:
    """What is written is read back as the same number."""
    assert quantity.cpu_millicores(quantity.cpu_text(millicores)) == millicores


@given(st.text())
def test_no_text_breaks_the_parser(text: str) -> None:
    """Whatever a cluster holds is a number or a ValueError."""
    try:
        quantity.parse(text)
    except ValueError:
        return
