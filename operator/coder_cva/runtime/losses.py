"""Which nodes take Pods in, whether the pools have just lost something out.

A loss is told from all other news, because the guard on a pool may not wait for it: as long as admission
binds Pods to a pool that is gone, every one of them is stuck.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from coder_cva.snapshot import pools
from coder_cva.snapshot.records import Node

_Offer: TypeAlias = tuple[Mapping[str, str], tuple[Mapping[str, str], ...]]
"""Labels and taints: what decides which Pods may be bound to a node."""


@dataclass(slots=True)
class Losses:
    """What the nodes offered when they were last looked at."""

    _known: Mapping[str, _Offer] = field(default_factory=dict)

    def are_news(self, nodes: Iterable[Node]) -> bool:
        """Whether a node that took Pods has gone since, takes none any more, or takes others.

        Nodes that come, and what kubelets tell all day, are no loss.
        """
        now = {one.meta.name: (one.meta.labels, one.taints) for one in nodes if pools.is_up(one)}
        before, self._known = self._known, now
        return any(now.get(name) != offer for name, offer in before.items())
