"""Names, selectors, paths: the small words behave at their edges."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values import canonical, names, selectors
from coder_cva.values.manifest import Ref, dig, pruned, ref_of

LABELS = {"app": "coder", "tier": "1k"}


@pytest.mark.parametrize(
    ("selector", "selected"),
    [
        (None, False),
        ({}, True),
        ({"matchLabels": {"app": "coder"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "In", "values": ["x", "coder"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "zone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "zone", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "Near", "values": ["coder"]}]}, False),
    ],
)
def test_selectors_mean_what_the_api_means(selector: dict[str, Any] | None, selected: bool) -> None:
    """None selects nothing, the empty one everything, and an unknown operator nothing."""
    assert selectors.matches(selector, LABELS) is selected


@given(st.lists(st.text(min_size=1, max_size=80), min_size=1, max_size=4))
def test_derived_names_fit_a_label(parts: list[str]) -> None:
    """However long the parts are, the name fits, and it is the same each time."""
    name = names.derived(*parts)

    assert len(name) <= names.LABEL_LIMIT
    assert name == names.derived(*parts)


def test_names_that_are_cut_stay_apart() -> None:
    """Two long names that begin alike differ."""
    assert names.derived("a" * 80, "x") != names.derived("a" * 80, "y")


def test_digging_never_raises() -> None:
    """A wrong type on the way is an absent value."""
    tree = {"spec": {"containers": [{"name": "a"}], "nothing": None}}

    assert dig(tree, "spec", "containers", 0, "name") == "a"
    assert dig(tree, "spec", "containers", "name", default="none") == "none"
    assert dig(tree, "spec", "nothing", default=1) == 1
    assert dig(tree, "spec", "containers", 7) is None
    assert dig(None, "spec") is None


def test_pruning_keeps_what_means_something() -> None:
    """None goes; an empty list and an empty mapping stay."""
    assert pruned({"a": None, "b": [], "c": {"d": None, "e": [{"f": None}]}}) == {
        "b": [],
        "c": {"e": [{}]},
    }


def test_a_reference_reads_as_people_write_it() -> None:
    """With the namespace where there is one."""
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a", "namespace": "b"},
    }

    assert str(ref_of(manifest)) == "Deployment b/a"
    assert str(Ref("v1", "Node", "", "worker")) == "Node worker"
    assert (ref_of(manifest).group, Ref("v1", "Node", "", "n").group) == ("apps", "")


@given(st.dictionaries(st.text(), st.integers()))
def test_equal_values_have_equal_digests(value: dict[str, int]) -> None:
    """The order of keys is no difference."""
    turned = dict(reversed(value.items()))

    assert canonical.digest(value) == canonical.digest(turned)
