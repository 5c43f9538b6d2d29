"""Pods that would not fit onto their pool once they are bound to it (CVA-NODE-003, CVA-NODE-005).

Where a Pod runs is decided when it starts. A workspace that runs elsewhere today and asks for more than any
node of its pool has would wait there: told while it still runs. Only the nodes that are there are looked at;
whether an autoscaler could bring a larger one is not known here.
"""

from collections.abc import Iterator
from typing import Final

from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.desired import enforcement
from coder_cva.desired.enforcement import Mode
from coder_cva.desired.plan import Preview
from coder_cva.snapshot import pools
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node, PodShape
from coder_cva.snapshot.world import World
from coder_cva.values import quantity

_CODERD: Final = "CVA-NODE-003"
_WORKSPACES: Final = "CVA-NODE-005"


def previews(world: World) -> tuple[Preview, ...]:
    """Whom a required pool would keep from starting again."""
    if Need.NODES in world.snapshot.missing():
        return ()
    return (*_coderd(world), *_workspaces(world))


def _coderd(world: World) -> Iterator[Preview]:
    """Only where the spec says Required: the guard of Auto looks for room itself."""
    plane = world.deployment.spec.control_plane
    pool = plane.node_pool
    if pool is None or world.coderd is None or pool.placement != "Required":
        return
    live = world.coderd.deployment
    if _is_off(world, _CODERD) or _fits(live.shape, _open_nodes(world, pool)):
        return
    yield Preview(
        _CODERD,
        f"coderd asks for {_asked(live.shape)}, which no node of its pool has: bound to it by "
        "spec.controlPlane.nodePool.placement: Required its next Pod would wait; Auto lets it run elsewhere",
        (f"Deployment {live.meta.path}",),
    )


def _workspaces(world: World) -> Iterator[Preview]:
    pool = world.deployment.spec.workspaces.node_pool
    if pool.placement == "Preferred" or _is_off(world, _WORKSPACES):
        return
    nodes = _open_nodes(world, pool)
    if not nodes:
        return  # then the pool is only preferred, or the spec's own word
    hit = _too_large(world, nodes)
    if not hit:
        return
    yield Preview(
        _WORKSPACES,
        "these workspaces ask for more than any node has that is in their pool now: bound to it they would "
        "wait at their next start until a larger one comes; give the pool larger nodes, or let them run "
        "elsewhere with spec.workspaces.nodePool.placement: Preferred",
        tuple(sorted(f"Pod {one.pod.meta.path} ({_asked(one.pod.shape)})" for one in hit)),
    )


def _too_large(world: World, nodes: tuple[Node, ...]) -> list[Workspace]:
    """Of the workspaces that run elsewhere those that no node could hold; each size is asked about once."""
    here = {one.meta.name for one in nodes}
    known: dict[tuple[int, int, tuple[str, ...]], bool] = {}
    found = []
    for one in world.found.workspaces:
        shape = one.pod.shape
        size = (shape.cpu_request_millicores, shape.memory_request_bytes, shape.devices)
        if size not in known:
            known[size] = _fits(shape, nodes)
        if not known[size] and one.pod.node not in here:
            found.append(one)
    return found


def _is_off(world: World, rule: str) -> bool:
    return enforcement.mode(world.deployment, rule) is Mode.OFF


def _open_nodes(world: World, pool: NodePool) -> tuple[Node, ...]:
    tolerations = [one.dump() for one in pool.tolerations]
    found = pools.pool_nodes(pool.selector, world.snapshot)
    return tuple(one for one in found if pools.is_open(one, tolerations))


def _fits(shape: PodShape, nodes: tuple[Node, ...]) -> bool:
    """Whether one of them is large enough, were it empty, and has the devices."""
    return not nodes or any(
        shape.cpu_request_millicores <= one.cpu_millicores
        and shape.memory_request_bytes <= one.memory_bytes
        and set(shape.devices) <= set(one.devices)
        for one in nodes
    )


def _asked(shape: PodShape) -> str:
    cpu = quantity.cpu_text(shape.cpu_request_millicores)
    memory = quantity.byte_text(shape.memory_request_bytes)
    return ", ".join((f"{cpu} CPU", memory, *shape.devices))
