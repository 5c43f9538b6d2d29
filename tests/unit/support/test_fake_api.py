"""The API server in memory owns, removes and fills in fields as the real one was seen to do."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import pytest

from coder_cva import ports
from coder_cva.values.manifest import ref_of
from support import fields
from support.fake_api import FakeApi

MANIFEST = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "coder", "namespace": "coder", "labels": {"a.example.com/b": "c"}},
    "spec": {
        "replicas": 3,
        "template": {
            "spec": {"containers": [{"name": "coder", "image": "coder:1", "args": ["x"]}]}
        },
    },
}
REF = ref_of(MANIFEST)
IMAGE = '.spec.template.spec.containers[name="coder"].image'


def without(path: str) -> dict[str, Any]:
    """The manifest without a field."""
    made = deepcopy(MANIFEST)
    fields.drop(made, fields.parsed(path))
    return made


@pytest.fixture
async def api() -> FakeApi:
    """One object of ours."""
    it = FakeApi()
    await it.apply(MANIFEST)
    return it


def test_fields_are_named_as_an_api_server_names_them() -> None:
    """Items of known lists by their name, every other list as one; what names the object is no field."""
    found = {fields.text(path): value for path, value in fields.leaves(MANIFEST).items()}

    assert found == {
        ".metadata.labels.a.example.com/b": "c",
        ".spec.replicas": 3,
        '.spec.template.spec.containers[name="coder"].name': "coder",
        IMAGE: "coder:1",
        '.spec.template.spec.containers[name="coder"].args': ["x"],
    }
    assert fields.at(MANIFEST, fields.parsed(IMAGE)) == "coder:1"


async def test_a_field_without_an_owner_goes_back_to_its_default(api: FakeApi) -> None:
    """We say it no longer and nobody else does: three replicas become one."""
    shown = await api.apply(without(".spec.replicas"), dry_run=True)
    kept = api.objects[REF]["spec"]["replicas"]
    await api.apply(without(".spec.replicas"))

    assert (shown["spec"]["replicas"], kept) == (1, 3)
    assert api.objects[REF]["spec"]["replicas"] == 1


async def test_a_field_that_another_one_owns_stays(api: FakeApi) -> None:
    """Set to another value by somebody, it is his alone, and stays when we say it no longer."""
    api.edit(REF, ".spec.replicas", 5, "kubectl")
    with pytest.raises(ports.FieldConflict) as conflict:
        await api.apply(MANIFEST)
    await api.apply(without(".spec.replicas"))

    assert conflict.value.owners == (ports.FieldOwner(".spec.replicas", "kubectl"),)
    assert api.objects[REF]["spec"]["replicas"] == 5
    api.let_go(REF, ".spec.replicas", "kubectl")
    assert api.objects[REF]["spec"]["replicas"] == 1


async def test_a_field_that_two_say_alike_is_both_theirs(api: FakeApi) -> None:
    """No conflict; the one who goes on saying it keeps it."""
    api.edit(REF, ".spec.replicas", 3, "kubectl")
    await api.apply(MANIFEST)
    await api.apply(without(".spec.replicas"))

    assert api.objects[REF]["spec"]["replicas"] == 3


async def test_taken_back_by_force_it_is_ours_alone(api: FakeApi) -> None:
    """So that left out afterwards it is gone: the order matters."""
    api.edit(REF, ".spec.replicas", 5, "kubectl")
    await api.apply(MANIFEST, force=True)
    await api.apply(without(".spec.replicas"))

    assert api.objects[REF]["spec"]["replicas"] == 1


async def test_a_required_field_cannot_go(api: FakeApi) -> None:
    """A container without an image is refused, dry or not; with somebody else's it is complete."""
    with pytest.raises(ports.Invalid):
        await api.apply(without(IMAGE), dry_run=True)
    api.edit(REF, IMAGE, "mirror/coder:1", "kubectl-set")

    await api.apply(without(IMAGE))

    assert fields.at(api.objects[REF], fields.parsed(IMAGE)) == "mirror/coder:1"


async def test_what_is_gone_is_forgotten(api: FakeApi) -> None:
    """A new object of the name has no owners from before."""
    api.edit(REF, ".spec.replicas", 5, "kubectl")
    del api.objects[REF]

    await api.apply(MANIFEST)

    assert api.objects[REF]["spec"]["replicas"] == 3
