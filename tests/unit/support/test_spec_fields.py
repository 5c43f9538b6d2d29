"""The stand-in for a spec: it is taken for the spec, and tells what was read of it."""

from __future__ import annotations

from typing import Any

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.spec import Spec
from support import builders
from support.deployments import adopted
from support.spec_fields import Recorder


def stand_in(read: set[str]) -> tuple[Any, Any]:
    """A recorded CoderDeployment, and the plain one."""
    plain = builders.coder_deployment(adopted("coder"))
    return Recorder(plain, "", read), plain


def test_paths_are_those_that_users_write() -> None:
    """Of the innermost field that was read; what is no field of the spec is none of its."""
    read: set[str] = set()
    recorded, plain = stand_in(read)

    assert recorded.spec.control_plane.management == "Adopted"
    assert recorded.spec.workspaces.node_pool.selector == plain.spec.workspaces.node_pool.selector
    assert recorded.reference == "coder/coder"
    assert recorded.metadata.name == "coder"

    assert read == {"spec.controlPlane.management", "spec.workspaces.nodePool.selector"}


def test_it_is_taken_for_the_spec() -> None:
    """It is of its class, and equal to it."""
    recorded, plain = stand_in(set())
    pool, same = recorded.spec.control_plane.node_pool, recorded.spec.control_plane.node_pool

    assert pool == plain.spec.control_plane.node_pool
    assert pool == same
    assert hash(recorded.spec.architecture) == hash(plain.spec.architecture)
    assert pool != recorded.spec.workspaces
    assert isinstance(pool, Part)
    assert isinstance(recorded.spec, Spec)
