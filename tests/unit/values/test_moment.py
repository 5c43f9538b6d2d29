from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values.moment import parsed, timestamp


@given(st.integers(0, 4_000_000_000))
def test_what_was_written_is_read_back(seconds: int) -> None:
    """To the second."""
    moment = datetime.fromtimestamp(seconds, UTC)

    assert parsed(timestamp(moment)) == moment


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-23", "2026-11-23T09:00:00"])
def test_what_names_no_moment_is_none(text: str) -> None:
    """Without a zone it could be any of a day."""
    assert parsed(text) is None


@given(st.text(max_size=30))
def test_no_text_raises(text: str) -> None:
    """Whatever stands in a field of the cluster."""
    found = parsed(text)

    assert found is None or found.tzinfo is not None
