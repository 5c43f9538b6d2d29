"""Hostile data for property tests: any JSON, and real manifests with any part replaced by any JSON."""

from __future__ import annotations

import copy
from typing import Any

from hypothesis import strategies as st

SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=20),
    st.sampled_from(["1", "500m", "10Gi", "-1", "1e99", "True", "Always", "coder", "server"]),
)
JSON = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4), st.dictionaries(st.text(max_size=10), inner, max_size=4)
    ),
    max_leaves=12,
)


@st.composite
def mutated(draw: st.DrawFn, manifests: list[dict[str, Any]]) -> dict[str, Any]:
    """One of the manifests, with up to three of its parts replaced by any JSON."""
    body: dict[str, Any] = copy.deepcopy(draw(st.sampled_from(manifests)))
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(_places(body)))
        holder[key] = draw(JSON)
    return body


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Every place inside a tree, as what holds it and the key or index."""
    keys: list[Any] = []
    if isinstance(tree, dict):
        keys = list(tree)
    elif isinstance(tree, list):
        keys = list(range(len(tree)))
    return [place for key in keys for place in ((tree, key), *_places(tree[key]))]
