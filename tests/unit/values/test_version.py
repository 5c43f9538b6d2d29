"""Versions of Coder compare as semantic versions do."""

from __future__ import annotations

from itertools import pairwise

import pytest

from coder_cva.values import version


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ("ghcr.io/coder/coder:v2.30.0", "2.30.0"),
        ("registry:5000/coder:2.9.12", "2.9.12"),
        ("coder:v2.30.0-rc.1", "2.30.0-rc.1"),
        ("coder:v2.30.0-rc.1@sha256:abc", "2.30.0-rc.1"),
        ("coder:v2.30.0@sha256:abc", "2.30.0"),
        ("coder:latest", "None"),
        ("coder@sha256:0123", "None"),
        ("", "None"),
    ],
)
def test_the_version_in_an_image(image: str, expected: str) -> None:
    """Three numbers after the colon, with or without a v, and what is before a release; else it is not known."""
    assert str(version.in_image(image)) == expected


def test_the_order_is_that_of_semantic_versions() -> None:
    """The example of paragraph 11 of the specification, and numbers that are no texts."""
    ordered = [
        "0.9.9",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
        "1.0.1-rc.1",
        "1.2.0",
        "1.10.0",
    ]
    found = [version.in_image(f"coder:v{one}") for one in ordered]

    for lower, higher in pairwise(found):
        assert lower is not None
        assert higher is not None
        assert lower < higher
        assert lower != higher
