"""Matchers against values: exact ones always, patterns as far as they can be told without danger."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.values.label_matching import holds
from coder_cva.values.promql import Matcher


def matches(pattern: str, value: str) -> bool | None:
    return holds(Matcher("pod", "=~", pattern), value)


@pytest.mark.parametrize(
    ("pattern", "value", "expected"),
    [
        ("coder", "coder", True),
        ("coder", "coder-1", False),
        ("coder.*", "coder-1", True),
        ("coder.+", "coder", False),
        ("coder.+", "coder1", True),
        (".*provisioner.*", "coder-provisioner-1", True),
        ("^coder$", "coder", True),
        ("a|coder", "coder", True),
        ("a|", "", True),
        ("(default|kube-.*)", "kube-system", True),
        ("(?:a|b)c?", "b", True),
        ("kube(-(system|public))?", "kube-public", True),
        ("kube(-(system|public))?", "kube", True),
        (r"a\.b", "a.b", True),
        (r"a\.b", "axb", False),
        ("c.der", "coder", True),
        (r"a\*b\[\?", "a*b[?", True),
        ("[a-z]+", "coder", None),
        ("a{2}", "aa", None),
        ("a*", "aa", None),
        ("(ab)*", "ab", None),
        (r"\d", "1", None),
        ("(a", "a", None),
        ("a)", "a", None),
        ("a\\", "a", None),
        (".??", "a", None),
        ("x" * 300, "x", None),
        ("(a|b)" * 10, "a" * 10, None),
    ],
)
def test_patterns_are_anchored_or_not_understood(
    pattern: str, value: str, expected: bool | None
) -> None:
    """As Prometheus anchors them."""
    assert matches(pattern, value) is expected


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [
        ("=", "a.*", False),
        ("=", "a", False),
        ("!=", "a", True),
        ("!~", "ab", False),
        ("!~", "b", True),
    ],
)
def test_the_other_operators(operator: str, value: str, expected: bool) -> None:
    """Of exact ones the text is no pattern."""
    pattern = "x" if operator == "=" else "a.*"

    assert holds(Matcher("pod", operator, pattern), value) is expected
    assert holds(Matcher("pod", "!~", "[a]"), "a") is None


PIECES = st.recursive(
    st.sampled_from(["a", "b", "-", ".", ".*", ".+", r"\.", "a?"]),
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map("".join),
        st.lists(inner, min_size=1, max_size=3).map(lambda them: f"({'|'.join(them)})"),
        inner.map(lambda one: f"(?:{one})?"),
    ),
    max_leaves=5,
)


@given(PIECES, st.text(alphabet="ab-.", max_size=6))
def test_what_is_understood_is_what_a_regular_expression_says(pattern: str, value: str) -> None:
    """The same answer, or none."""
    assert matches(pattern, value) in (None, re.fullmatch(pattern, value, re.DOTALL) is not None)


@given(st.text(alphabet="ab()|.*+?[]{}\\^$", max_size=40), st.text(alphabet="ab", max_size=20))
def test_no_pattern_raises(pattern: str, value: str) -> None:
    """Whatever somebody wrote."""
    assert matches(pattern, value) in (True, False, None)


@pytest.mark.parametrize("pattern", ["(a|a)*b", "(.*a)" * 25, ".*a" * 80, "(" * 200, "(a|)" * 60])
def test_no_pattern_takes_long(pattern: str) -> None:
    """Hostile ones neither."""
    began = time.monotonic()
    matches(pattern, "a" * 200)

    assert time.monotonic() - began < 1.0
