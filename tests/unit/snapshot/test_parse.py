from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import PROJECTIONS, gathered
from support.samples import samples
from support.strategies import JSON, mutated
from support.workspace_manifests import TOKEN

SAMPLES = samples()


def test_every_need_has_a_projection_and_a_sample() -> None:
    """No kind is watched that nobody can read, and the tests below see every kind."""
    assert set(PROJECTIONS) == set(Need)
    assert [need for need in Need if not SAMPLES[need]] == []


@pytest.mark.parametrize("need", Need)
def test_a_live_object_becomes_a_record_with_its_identity(need: Need) -> None:
    """Name, namespace and UID survive for every kind."""
    for body in SAMPLES[need]:
        meta = PROJECTIONS[need](body).meta

        assert meta.name == body["metadata"]["name"]
        assert meta.namespace == body["metadata"].get("namespace", "")
        assert meta.uid == body["metadata"]["uid"]


@given(JSON, JSON)
def test_no_json_raises(first: Any, second: Any) -> None:
    """Any JSON at all is read or passed over, as a whole and as the parts of an object."""
    for project in PROJECTIONS.values():
        project(first)
        project({"metadata": {"name": "x"}, "spec": first, "status": second})


@settings(max_examples=400)
@given(st.data())
def test_no_mutation_of_a_real_object_raises(data: st.DataObject) -> None:
    """A real object with any part replaced by any JSON is read, and its record can be compared."""
    need = data.draw(st.sampled_from(list(Need)))
    body = data.draw(mutated(SAMPLES[need]))

    assert PROJECTIONS[need](body) == PROJECTIONS[need](body)


@given(data=st.data())
def test_the_order_of_arrival_never_matters(data: st.DataObject) -> None:
    """The same objects in any order give the same reading, sorted by namespace and name."""
    need = data.draw(st.sampled_from(list(Need)))
    shuffled = data.draw(st.permutations(SAMPLES[need]))

    found = gathered(need, shuffled)

    assert found == gathered(need, SAMPLES[need])
    keys = [(one.meta.namespace, one.meta.name) for one in found.items]
    assert keys == sorted(keys)


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("metadata", [None, {}, {"name": ""}, {"name": 1}, {"namespace": "coder"}])
def test_what_has_no_name_is_passed_over(need: Need, metadata: Any) -> None:
    """Nothing could refer to it."""
    assert gathered(need, [{**SAMPLES[need][0], "metadata": metadata}]).items == ()


def test_no_secret_is_kept_anywhere() -> None:
    """The agents' tokens and the secrets in clear are in the bodies, and in no record."""
    assert TOKEN in repr(SAMPLES)
    for need in Need:
        assert TOKEN not in repr(gathered(need, SAMPLES[need]))
