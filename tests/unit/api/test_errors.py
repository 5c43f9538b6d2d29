from __future__ import annotations

import pytest

from cluster.crd_cases import sample
from coder_cva.api import errors
from coder_cva.api.errors import InvalidSpec, Problem
from coder_cva.api.v1alpha1 import resource


@pytest.mark.parametrize(
    ("steps", "expected"),
    [
        ((), ""),
        (("spec",), "spec"),
        (("spec", "waivers", 0, "until"), "spec.waivers[0].until"),
        (("spec", "a", 1, 2), "spec.a[1][2]"),
    ],
)
def test_paths_are_written_as_users_know_them(steps: tuple[str | int, ...], expected: str) -> None:
    """A path is dotted, and an item of a list is its number in brackets."""
    assert errors.path_of(steps) == expected


def test_problems_are_sorted_and_said_once() -> None:
    """Equal mistakes give equal text, whatever the order in which they were found."""
    one, two = Problem("spec.a", "is wrong: mend it"), Problem("spec.b", "is worse: mend it")

    assert (
        str(InvalidSpec([two, one, one])) == "spec.a: is wrong: mend it; spec.b: is worse: mend it"
    )
    assert InvalidSpec([two, one]).problems == InvalidSpec([one, two, two]).problems


def test_it_carries_its_fate() -> None:
    """A bad spec is a reason for a condition, and no retry helps."""
    assert (InvalidSpec.reason, InvalidSpec.retry_after) == ("InvalidSpec", None)


def test_all_problems_are_reported_at_once() -> None:
    """One correction is enough: everything that is wrong with independent parts is named together."""
    manifest = sample("minimal")
    manifest["spec"]["architecture"] = {}
    manifest["spec"]["suspend"] = "yes"
    manifest["spec"]["controlPlane"]["replicas"] = 3
    del manifest["spec"]["controlPlane"]["nodePool"]

    with pytest.raises(InvalidSpec) as refused:
        resource.parse(manifest)

    assert [one.path for one in refused.value.problems] == [
        "spec.architecture",
        "spec.controlPlane",
        "spec.controlPlane.replicas",
        "spec.suspend",
    ]


def test_long_values_are_cut() -> None:
    """A refused value is quoted only as far as a condition's message can bear."""
    manifest = sample("minimal")
    manifest["spec"]["edition"] = "x" * 5000

    with pytest.raises(InvalidSpec) as refused:
        resource.parse(manifest)

    assert len(str(refused.value)) < 200


def test_secrets_in_values_stay_out_of_the_message() -> None:
    """A refused variable is named, its value is not: it may be a password in the wrong place."""
    manifest = sample("minimal")
    manifest["spec"]["controlPlane"]["env"] = [
        {"name": "CODER_PG_CONNECTION_URL", "value": "postgres://u:hunter2@db"}
    ]

    with pytest.raises(InvalidSpec) as refused:
        resource.parse(manifest)

    assert "hunter2" not in str(refused.value)
