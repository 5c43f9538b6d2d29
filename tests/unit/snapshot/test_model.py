from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot.model import Absence, ClusterSnapshot, Unavailable
from coder_cva.snapshot.needs import Need
from support import builders

PLACES = ["a", "a-b", "ab", "b", "dev"]


@given(st.sets(st.tuples(st.sampled_from(PLACES), st.sampled_from("xyz"))))
def test_what_is_within_a_namespace(names: set[tuple[str, str]]) -> None:
    """All of it, nothing of namespaces that begin alike, in the order of the whole."""
    snapshot = builders.snapshot_of([builders.pod(name, place) for place, name in names])

    for place in (*PLACES, "nowhere"):
        found = snapshot.within(Need.PODS, place)
        assert list(found) == [one for one in snapshot.items(Need.PODS) if one.meta.namespace == place]  # fmt: skip


def test_within_what_could_not_be_read_is_nothing() -> None:
    """As for the whole kind: who needs to know asks for the reading."""
    snapshot = ClusterSnapshot(pods=Unavailable(Absence.FORBIDDEN))

    assert snapshot.within(Need.PODS, "a") == ()
