"""Fields are removed exactly as the API server names them."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from coder_cva.apply.fingerprint import fingerprint, without

MANIFEST: dict[str, Any] = {
    "metadata": {"labels": {"app.kubernetes.io/name": "coder", "app": "x"}},
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {
                "containers": [
                    {"name": "sidecar", "image": "a"},
                    {
                        "name": "coder",
                        "image": "b",
                        "ports": [
                            {"containerPort": 80, "protocol": "TCP"},
                            {"containerPort": 80, "protocol": "UDP"},
                        ],
                    },
                ]
            }
        },
        "finalizers": ["one", "two"],
    },
}


@pytest.mark.parametrize(
    ("field", "gone"),
    [
        (".spec.replicas", ["spec", "replicas"]),
        (
            '.spec.template.spec.containers[name="coder"].image',
            ["spec", "template", "spec", "containers", 1, "image"],
        ),
        (
            ".metadata.labels.app.kubernetes.io/name",
            ["metadata", "labels", "app.kubernetes.io/name"],
        ),
        (
            '.spec.template.spec.containers[name="coder"].ports[containerPort=80,protocol="UDP"]',
            ["spec", "template", "spec", "containers", 1, "ports", 1],
        ),
        ('.spec.finalizers[="two"]', ["spec", "finalizers", 1]),
    ],
)
def test_removes_exactly_the_field_that_is_named(field: str, gone: list[str | int]) -> None:
    """One entry goes; everything else stays as it was, and so does the original."""
    expected = _without(MANIFEST, gone)

    assert expected == without(MANIFEST, (field,))


@pytest.mark.parametrize(
    "field", [".spec.absent", ".spec.replicas.deeper", '.spec.x[name="a"]', "", "["]
)
def test_a_field_that_is_not_there_changes_nothing(field: str) -> None:
    """Whatever an API server writes, nothing else is lost."""
    assert without(MANIFEST, (field,)) == MANIFEST


def test_what_the_server_keeps_for_itself_is_no_content() -> None:
    """Status, versions and managers do not change a fingerprint; a label does."""
    plain = {"kind": "X", "metadata": {"name": "a"}, "spec": {"b": 1}}
    server = {**plain, "status": {"c": 2}, "metadata": {"name": "a", "resourceVersion": "7"}}
    labelled = {**plain, "metadata": {"name": "a", "labels": {"x": "y"}}}

    assert fingerprint(plain) == fingerprint(server)
    assert fingerprint(plain) != fingerprint(labelled)


def _without(tree: Any, path: list[str | int]) -> Any:
    made = copy.deepcopy(tree)
    here = made
    for step in path[:-1]:
        here = here[step]
    del here[path[-1]]
    return made
