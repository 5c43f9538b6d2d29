"""A home as Terraform: what is printed declares what it refers to, and asks for what admission lets through."""

from __future__ import annotations

import re

import pytest

from coder_cva.api.v1alpha1.workspaces import Storage
from coder_cva.rules import home
from support.workspace_manifests import home_claim


def test_everything_that_is_referred_to_is_declared_beside_it() -> None:
    """A template that keeps its home in an emptyDir has no claim yet: a bare reference would not plan."""
    block = home.whole(Storage(), "coder")

    declared = set(re.findall(r'^resource "(\w+)" "(\w+)" \{', block, re.MULTILINE))
    assert set(re.findall(r"(kubernetes_\w+)\.(\w+)\.", block)) == declared
    assert len(declared) == 1
    assert block.count("{") == block.count("}")


def test_claim_volume_and_mount_are_one_home() -> None:
    """A volume that nobody mounts keeps nothing, and Terraform must not wait for one that waits for a Pod."""
    block = home.whole(Storage(), "coder")

    assert "wait_until_bound = false" in block
    volume, mount = block.split("\nvolume {")[1].split("volume_mount {")
    assert 'name = "home"' in volume
    assert re.search(r'name\s+= "home"', mount)
    assert 'mount_path = "/home/coder"' in mount
    assert block.endswith(home.MOUNT)


def test_a_stopped_workspace_keeps_its_claim_which_is_known_by_its_labels() -> None:
    """The claim has no count, a name for each workspace, and is in the Pod's namespace."""
    block = home.whole(Storage(), "team-a")

    assert "count" not in block
    assert '"coder-${data.coder_workspace.me.id}-home"' in block
    assert 'namespace = "team-a"' in block
    assert '"com.coder.resource"     = "true"' in block


@pytest.mark.parametrize(
    ("storage", "size"),
    [
        ({}, "10Gi"),
        ({"minSize": "5Gi", "maxSize": "50Gi"}, "10Gi"),
        ({"minSize": "20Gi"}, "20Gi"),
        ({"maxSize": "8Gi"}, "8Gi"),
    ],
)
def test_its_size_is_one_that_is_let_through(storage: dict[str, str], size: str) -> None:
    """As large as in Coder's own template, within what the spec bounds."""
    assert f'storage = "{size}"' in home.whole(Storage.model_validate(storage), "coder")
    template = home_claim("home", "coder", {})["spec"]["resources"]["requests"]["storage"]
    assert template == "10Gi"


def test_the_class_is_named_where_the_spec_names_one() -> None:
    """Else the cluster's default is the one."""
    named = Storage.model_validate({"storageClassName": "fast"})

    assert 'storage_class_name = "fast"' in home.whole(named, "coder")
    assert "storage_class_name" not in home.whole(Storage(), "coder")
