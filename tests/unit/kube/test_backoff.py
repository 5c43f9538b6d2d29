"""Pauses between tries."""

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.kube.backoff import Backoff


@given(st.floats(0, 1, exclude_max=True), st.integers(1, 3000))
def test_a_pause_stays_within_its_bounds(chance: float, tries: int) -> None:
    """However many failures there were, a pause is positive and never above the longest."""
    backoff = Backoff(lambda: chance, first=0.5, longest=25.0)

    pauses = [backoff.next() for _ in range(tries)]

    assert all(0.25 <= pause <= 25.0 for pause in pauses)
    assert pauses == sorted(pauses)


def test_a_success_starts_over() -> None:
    """After a reset the pause is as short as the first one."""
    backoff = Backoff(lambda: 0.0, first=1.0, longest=60.0)
    first = [backoff.next() for _ in range(4)]
    backoff.reset()

    assert first == [0.5, 1.0, 2.0, 4.0]
    assert backoff.next() == 0.5
