"""Homes of workspaces that are stopped in, the places without a node of their pool out (CVA-NODE-004).

A home in a zone keeps its workspace there: the next start needs a node of the pool in that zone. Of the
workspaces that run or wait others tell: CVA-NODE-005 where they run beside the pool, and
``pending_workspaces`` where they have no node. Disks of a single node are CVA-STO-004's.
"""

from collections import defaultdict
from typing import Final

from coder_cva.rules import claims
from coder_cva.rules.model import Finding
from coder_cva.rules.subjects import WORKSPACES, are, named
from coder_cva.snapshot import volume_topology
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PersistentVolume
from coder_cva.snapshot.world import World

NEEDS: Final = WORKSPACES | {
    Need.NODES,
    Need.PERSISTENT_VOLUME_CLAIMS,
    Need.PERSISTENT_VOLUMES,
}
"""What ``findings`` reads."""


def findings(world: World) -> list[Finding]:
    """CVA-NODE-004: one finding for each place where homes are and no node of the pool is, ready or not.

    Nothing of a pool without any node: it may be scaled to nothing, and CVA-NODE-001 tells of it.
    """
    selector = world.deployment.spec.workspaces.node_pool.selector
    nodes = world.pool(selector)
    if not nodes:
        return []
    by_place: defaultdict[str, list[str]] = defaultdict(list)
    homes = world.memo.flat(_homes, claims.by_owner(world), claims.volumes(world))
    for one in world.memo.once(volume_topology.out_of_reach, homes, nodes):
        by_place[volume_topology.place(one.node_terms or ())].append("/".join(one.claim))
    labels = ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return [
        Finding(
            "CVA-NODE-004",
            "Pool workspaces",
            "nodes",
            f"a node in {place}, or an autoscaler that brings the first one there",
            f"none of {are(len(nodes), 'node')} is there, and {are(len(found), 'home')} of stopped workspaces: "
            f"{named(found)}",
            f"a volume stays where it was made, so the next start of these workspaces needs a node with {place}: add "
            f"a node group of that place to the pool ({labels}), with one node at least where its autoscaler cannot "
            "start from none",
        )
        for place, found in sorted(by_place.items())
    ]


def _homes(
    by_owner: tuple[claims.Owned, ...], volumes: claims.Volumes
) -> tuple[PersistentVolume, ...]:
    """The volumes of claims that only their labels show to be a workspace's: nobody mounts them now."""
    homes = []
    for owner, found in by_owner:
        for claim in found:
            volume = volumes.get((claim.meta.namespace, claim.meta.name))
            is_alone = owner == f"PersistentVolumeClaim {claim.meta.path}"
            if is_alone and volume is not None and not claims.lies_on(claim, volume, {}):
                homes.append(volume)
    return tuple(homes)
