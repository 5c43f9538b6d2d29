"""The proof that objects of others were left alone has to be able to fail."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from demo import fingerprints

ID = "1f0e8a52-6f0b-5c0e-9d0f-0a1b2c3d4e5f"
OBJECT: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {
        "name": f"coder-{ID}",
        "namespace": "acme",
        "generation": 1,
        "resourceVersion": "10",
        "annotations": {},
        "managedFields": [{"manager": "Terraform"}, {"manager": "kube-controller-manager"}],
    },
    "spec": {"replicas": 1},
    "status": {"readyReplicas": 0},
}


def compare(after: dict[str, Any]) -> fingerprints.Comparison:
    (found,) = fingerprints.compared([fingerprints.of(OBJECT)], [fingerprints.of(after)])
    return found


def test_status_and_resource_version_are_no_change() -> None:
    """What its controllers write to an object's status is not a change of the object."""
    after = copy.deepcopy(OBJECT)
    after["status"]["readyReplicas"] = 1
    after["metadata"]["resourceVersion"] = "99"
    assert compare(after).is_untouched


@pytest.mark.parametrize(
    "path",
    [("spec", "replicas"), ("metadata", "generation"), ("metadata", "annotations")],
)
def test_anything_else_is_a_change(path: tuple[str, str]) -> None:
    """Spec, generation and metadata are all compared."""
    after = copy.deepcopy(OBJECT)
    after[path[0]][path[1]] = {"x": "y"} if path[1] == "annotations" else 2
    assert not compare(after).is_untouched


def test_the_operator_among_the_writers_is_a_change_even_if_nothing_differs() -> None:
    """An apply of the operator's that changed nothing still counts as writing."""
    after = copy.deepcopy(OBJECT)
    after["metadata"]["managedFields"].append({"manager": fingerprints.OURS})
    assert not compare(after).is_untouched


def test_an_object_that_is_gone_is_a_change() -> None:
    """Deleting somebody's object is no way to leave it alone."""
    (found,) = fingerprints.compared([fingerprints.of(OBJECT)], [])
    assert not found.is_untouched
    assert found.row[3] == "gone"


def test_a_row_names_the_object_shortly_and_its_writers() -> None:
    """Workspaces' ids are cut, and Kubernetes itself is left out, so that the row fits."""
    subject, generation, before, after, writers = compare(OBJECT).row
    assert subject == "deploy acme/coder-1f0e8a52…"
    assert generation == "1"
    assert before == after
    assert writers == "Terraform"
