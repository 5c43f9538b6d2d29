from typing import Any

import pytest

from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import PROJECTIONS
from coder_cva.snapshot.parse_storage import (
    persistent_volume,
    persistent_volume_claim,
    storage_class,
)
from support import builders
from support.samples import samples
from support.workspace_manifests import home_claim


@pytest.mark.parametrize(("written", "expected"), [(None, None), ("", ""), ("fast", "fast")])
def test_no_class_and_the_empty_class_are_told_apart(written: Any, expected: Any) -> None:
    """The first may get a default, the second must not."""
    found = persistent_volume_claim(home_claim("home", "coder", {}, storage_class=written))

    assert found is not None
    assert found.storage_class == expected


def test_a_claim_shows_its_size_and_volume() -> None:
    """Requested bytes, access modes, phase, volume."""
    found = persistent_volume_claim(builders.bound(home_claim("home", "coder", {})))

    assert found is not None
    assert found.requested_bytes == 10 * 1024**3
    assert found.access_modes == ("ReadWriteOnce",)
    assert (found.phase, found.volume_name) == ("Bound", "pv-home")


@pytest.mark.parametrize(
    ("spec", "expected"),
    [
        ({"hostPath": {"path": "/srv"}}, "hostPath"),
        ({"local": {"path": "/mnt"}, "nodeAffinity": {"required": {}}}, "local"),
        ({"nfs": {"server": "a"}, "mountOptions": [], "claimRef": {}, "csi": None}, "nfs"),
        ({"capacity": {}, "accessModes": [], "storageClassName": "a", "volumeMode": "Block"}, ""),
        ({"csi": {}, "persistentVolumeReclaimPolicy": "Delete"}, "csi"),
    ],
)
def test_a_volume_tells_what_storage_it_is(spec: dict[str, Any], expected: str) -> None:
    """The one part of its spec that only some volumes have."""
    found = persistent_volume({"metadata": {"name": "a"}, "spec": spec})

    assert found is not None
    assert found.source == expected


def test_a_class_shows_how_it_binds() -> None:
    """Provisioner, default, binding mode, expansion."""
    found = PROJECTIONS[Need.STORAGE_CLASSES](samples()[Need.STORAGE_CLASSES][0])

    assert found.provisioner == "ebs.csi.aws.com"
    assert (found.default, found.binding_mode, found.expandable) == (
        True,
        "WaitForFirstConsumer",
        True,
    )


def test_a_class_that_says_nothing_binds_at_once() -> None:
    """The API's defaults."""
    found = storage_class({"metadata": {"name": "a"}, "provisioner": "p"})

    assert found is not None
    assert (found.default, found.binding_mode, found.expandable) == (False, "Immediate", False)
