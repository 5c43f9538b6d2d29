"""kopf's own settings."""

from __future__ import annotations

from itertools import islice

from coder_cva.handlers.lifecycle import Patience


def test_kopf_never_gives_up() -> None:
    """Its tries have no end, are at most half a minute apart, and each request begins anew."""
    patience = Patience()

    first, again = (list(islice(patience, 500)) for _ in range(2))

    assert len(first) == 500
    assert first == sorted(first)
    assert first[0] <= 1.0
    assert max(first) == 30.0
    assert again == first
