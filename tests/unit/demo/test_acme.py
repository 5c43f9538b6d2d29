"""The demo says that something landed on its pool only where it did."""

from __future__ import annotations

from demo import acme

ON_POOLS = {
    "coderd": "control-plane-1",
    "alice/api, Deployment": "workspaces-0",
    "carol/web, devcontainer": "workspaces-3",
    "bob/pinned, names its node": "control-plane-0",
    "dave/legacy, bare Pod": "stray-0",
    "erin/docker, envbox, bare Pod": "stray-0",
}


def test_what_cannot_move_may_stay() -> None:
    """A bare Pod and a template that names its node are findings, not failures of placement."""
    assert acme.misplaced(ON_POOLS) == []


def test_what_should_have_moved_and_did_not_is_named() -> None:
    """coderd on a workspaces' node is as wrong as a workspace on the stray one."""
    stayed = {"alice/api, Deployment": "stray-0", "coderd": "workspaces-0"}
    assert acme.misplaced(ON_POOLS | stayed) == ["coderd", "alice/api, Deployment"]


def test_every_workspace_has_a_name_of_its_own() -> None:
    """Pods are told apart by the name of what made them."""
    names = [one.name for one in acme.WORKSPACES_OF]
    assert len(set(names)) == len(names)
    assert all(not a.startswith(b) for a in names for b in names if a != b)
