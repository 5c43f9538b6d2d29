from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from cluster.crd_cases import SAMPLES, sample
from coder_cva.api.errors import InvalidSpec
from coder_cva.api.unknown import unknown_fields
from coder_cva.api.v1alpha1 import resource

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_all_samples_are_tested() -> None:
    """No sample lies in the folder without a test."""
    assert sorted(path.name for path in SAMPLES.iterdir()) == [
        "adopted.yaml",
        "managed.yaml",
        "minimal.yaml",
    ]


@pytest.mark.parametrize("name", ["minimal", "managed", "adopted"])
def test_samples_are_understood(name: str) -> None:
    """Each sample is a valid resource of the namespace that the documentation uses."""
    deployment = resource.parse(sample(name))

    assert (deployment.namespace, deployment.name) == ("coder", "coder")


@pytest.mark.parametrize("name", ["minimal", "managed", "adopted"])
def test_samples_say_what_they_are_for(name: str) -> None:
    """Each sample begins with prose."""
    assert (SAMPLES / f"{name}.yaml").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.parametrize("name", ["managed", "adopted"])
def test_what_a_sample_shows_as_a_comment_is_understood(name: str) -> None:
    """Without its mark each such line stands where it belongs, and has an effect."""
    text = (SAMPLES / f"{name}.yaml").read_text(encoding="utf-8")
    whole = yaml.safe_load(
        re.sub(r"^( +)#   ( *(?:- )?[a-zA-Z]+:.*)$", r"\1\2", text, flags=re.MULTILINE)
    )

    deployment = resource.parse(whole)

    assert unknown_fields(whole) == ()
    assert deployment.spec.database is not None
    assert deployment.spec.database.probe.enabled
    assert deployment.spec.database.url_secret_ref is not None
    assert deployment.spec.coder_api is not None
    if name == "adopted":
        assert deployment.spec.network.workspace_egress == "Restricted"


def leaves(tree: dict[str, Any]) -> Iterator[tuple[dict[str, Any], str]]:
    """Every entry that is no mapping, as what holds it and its key."""
    for key, value in tree.items():
        if isinstance(value, dict):
            yield from leaves(value)
        else:
            yield tree, key


def test_minimal_is_minimal() -> None:
    """Nothing can be taken from the minimal sample."""
    count = len(list(leaves(sample("minimal")["spec"])))
    for index in range(count):
        manifest = copy.deepcopy(sample("minimal"))
        holder, key = list(leaves(manifest["spec"]))[index]
        del holder[key]
        with pytest.raises(InvalidSpec):
            resource.parse(manifest)
