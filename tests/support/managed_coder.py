"""A managed coderd as this operator renders it, and the worlds in which it has rolled out."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any

from coder_cva.desired import render
from support import builders
from support.deployments import DATABASE_SECRET, managed

if TYPE_CHECKING:
    from coder_cva.snapshot.world import World

Manifest = dict[str, Any]

SECRET = {("coder", DATABASE_SECRET): frozenset({"url"})}
CODERD_NODES = ("control-plane-1", "control-plane-2", "control-plane-3")
BIG = [
    builders.node(f"{pool}-{number}", pool, cpu="32", memory="128Gi")
    for pool in (builders.CONTROL_PLANE, builders.WORKSPACES)
    for number in (1, 2, 3)
]
"""Nodes of both pools on which every tier's coderd fits."""


def resource(spec: dict[str, Any] | None = None, **control_plane: Any) -> Manifest:
    """A managed CoderDeployment; ``spec`` is laid over its top level."""
    made = managed("coder", **control_plane)
    made["spec"] |= spec or {}
    return made


def before(cr: Manifest, *manifests: Any, **rest: Any) -> World:
    """The world around it in which its coderd does not exist yet."""
    return builders.world(cr, BIG, *manifests, **{"secrets": SECRET, **rest})


def rendered(cr: Manifest) -> Manifest:
    """coderd's Deployment as it is first made for this resource."""
    (found,) = (one for one in render.plan(before(cr)).objects if one["kind"] == "Deployment")
    return found


def after(cr: Manifest, live: Manifest | None = None, *manifests: Any, **rest: Any) -> World:
    """The world in which a Deployment (else the one rendered for it) has rolled out on the pool."""
    there = builders.rolled_out(live or rendered(cr), CODERD_NODES)
    return before(cr, there, *manifests, **rest)


def with_image(deployment: Manifest, image: str) -> Manifest:
    """The same Deployment with another image."""
    made = deepcopy(deployment)
    made["spec"]["template"]["spec"]["containers"][0]["image"] = image
    return made
