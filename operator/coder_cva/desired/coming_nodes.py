"""Nodes that are not there yet: who would bring them for a pool, with which labels (CVA-NODE-005).

Only Karpenter says beforehand which labels and taints its next node has. NodePools that cannot be read
count as none: the pool is preferred then, which keeps no Pod from starting.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from coder_cva.snapshot import pools, scaling
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records_scaling import NodePool


def bringers(
    snapshot: ClusterSnapshot, selector: Mapping[str, str], tolerations: Sequence[Mapping[str, Any]]
) -> tuple[NodePool, ...]:
    """The NodePools with room left whose next node would be one of the pool, and open to its Pods.

    Only those that Karpenter says are ready: one that a Karpenter that is gone has left behind brings nothing,
    and workspaces bound to its pool would wait for ever.
    """
    found: tuple[NodePool, ...] = snapshot.items(Need.NODE_POOLS)
    return tuple(
        one
        for one in found
        if one.is_ready
        and scaling.offers(one, selector)
        and scaling.of_node_pool(one).has_room
        and not pools.repelled(one.taints, tolerations)
    )


def values(found: Sequence[NodePool], key: str) -> list[str]:
    """The values that a label may have on the next node."""
    return sorted({value for one in found for value in one.labels.get(key, ())})


def told(found: Sequence[NodePool]) -> str:
    """Who brings them, for ``status.placement.guards``."""
    names = ", ".join(one.meta.name for one in found[:2])
    more = f" and {len(found) - 2} more" if len(found) > 2 else ""
    return f"no node of the pool is ready, but Karpenter brings one (NodePool {names}{more}), so it is required"
