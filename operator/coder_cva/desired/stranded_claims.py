"""Claims of workspaces whose volumes the ready nodes of the workspaces' pool cannot attach.

Clause: CVA-NODE-005. A volume does not move to another zone, so a Pod that mounts one of them and is
bound to the pool would stay Pending; such a Pod merely prefers the pool.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from coder_cva.api.v1alpha1.placement import MOST_STRANDED
from coder_cva.api.v1alpha1.scheduling import NodePool
from coder_cva.snapshot import pools, volume_topology
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import Node, PersistentVolume
from coder_cva.snapshot.world import World

_NAMED: Final = 2
_LONGEST: Final = 160


@dataclass(frozen=True, slots=True)
class Stranded:
    """Claims as ``namespace/name``, sorted, and the place where most of their volumes are, in words."""

    claims: tuple[str, ...]
    place: str

    @property
    def is_many(self) -> bool:
        """Whether they are too many for admission to tell them from others."""
        return len(self.claims) > MOST_STRANDED

    def told(self) -> str:
        """What is said of them in ``status.placement.guards``; "" where there are none."""
        if not self.claims:
            return ""
        count, names = len(self.claims), ", ".join(self.claims[:_NAMED])
        rest = f" and {count - _NAMED} more" if count > _NAMED else ""
        whom = "the pool is preferred" if self.is_many else "Pods that mount one only prefer it"
        volumes = "the volume" if count == 1 else "the volumes"
        return (
            f"no ready node of it can attach {volumes} of {count} claim{'s' * (count > 1)} ({names}{rest}), "
            f"so {whom}; to bind them too, add nodes with {self.place} to the pool"
        )


def stranded(world: World, pool: NodePool, tolerations: Sequence[dict[str, Any]]) -> Stranded:
    """What is stranded in the namespaces that consent. Nodes and volumes must have been read.

    Every claim counts, whoever mounts it now: a workspace that is stopped has no Pod to be known by.
    """
    nodes = tuple(node for node in world.pool(pool.selector) if pools.is_open(node, tolerations))
    namespaces = frozenset(one.name for one in world.found.namespaces)
    volumes = world.snapshot.items(Need.PERSISTENT_VOLUMES)
    found = world.memo.once(_out_of_reach, volumes, nodes, namespaces)
    places = Counter(volume_topology.place(one.node_terms or ()) for one in found)
    usual = min(places, key=lambda one: (-places[one], one), default="")
    claims = tuple(sorted({"/".join(one.claim) for one in found}))
    return Stranded(claims, usual if len(usual) <= _LONGEST else f"{usual[:_LONGEST]}…")


def _out_of_reach(
    volumes: tuple[PersistentVolume, ...], nodes: tuple[Node, ...], namespaces: frozenset[str]
) -> tuple[PersistentVolume, ...]:
    here = (one for one in volumes if one.claim[0] in namespaces)
    return volume_topology.out_of_reach(here, nodes)
