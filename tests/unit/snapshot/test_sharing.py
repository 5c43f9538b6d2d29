from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import sharing
from coder_cva.snapshot.records import Scheduling
from support.strategies import JSON


def test_equal_values_are_one_object() -> None:
    """That is what it is for."""
    parts = ["coder", "workspace"]

    assert sharing.text("-".join(parts)) is sharing.text("-".join(parts))
    assert sharing.labels({"a": "b"}) is sharing.labels({"a": "b"})
    assert sharing.scheduling({"a": "b"}, {}, (), ()) is sharing.scheduling({"a": "b"}, {}, (), ())


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=4))
def test_labels_stay_what_they_are(labels: dict[str, str]) -> None:
    """Whoever shares them cannot tell."""
    assert sharing.labels(labels) == labels


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=3))
def test_scheduling_stays_what_it_is(affinity: dict[str, Any]) -> None:
    """Every piece, for any JSON; a list of mappings stays a tuple of them."""
    toleration = {"key": "a", "operator": "Exists"}
    found = sharing.scheduling({"a": "b"}, affinity, (toleration,), (affinity,))

    assert found == Scheduling({"a": "b"}, affinity, (toleration,), (affinity,))


def test_a_change_after_the_fact_reaches_nobody() -> None:
    """The shared value is a copy: who reads a body may edit it later."""
    labels = {"a": "b"}
    shared = sharing.labels(labels)
    labels["a"] = "changed"

    assert shared == {"a": "b"}
