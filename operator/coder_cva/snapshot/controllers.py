"""A Pod in, the workload that controls it out: through its ReplicaSet to its Deployment."""

from coder_cva.snapshot import records
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.values.memo import Memo

_Key = tuple[str, str]


class Controllers:
    """The way from Pods to their controllers; an index is made once."""

    def __init__(
        self,
        replica_sets: tuple[records.ReplicaSet, ...],
        deployments: tuple[records.Deployment, ...],
    ) -> None:
        self._replica_sets: dict[_Key, records.Meta] = {
            (one.meta.namespace, one.meta.name): one.meta for one in replica_sets
        }
        self._deployments: dict[_Key, records.Deployment] = {
            (one.meta.namespace, one.meta.name): one for one in deployments
        }

    def owner_of(self, meta: records.Meta) -> records.Owner | None:
        """The topmost controller that can be proved: the Deployment where the ReplicaSet is known."""
        owner = meta.owner
        if owner is None or owner.kind != "ReplicaSet":
            return owner
        replica_set = self._replica_sets.get((meta.namespace, owner.name))
        if replica_set is None or replica_set.uid != owner.uid or replica_set.owner is None:
            return owner
        return replica_set.owner

    def name_of(self, meta: records.Meta) -> str:
        """``Deployment name`` and the like; "" for a Pod that nothing controls."""
        owner = self.owner_of(meta)
        return f"{owner.kind} {owner.name}" if owner else ""

    def deployment_of(self, meta: records.Meta) -> records.Deployment | None:
        """The Deployment of a Pod, where it is known and its UID is the one that was named."""
        owner = self.owner_of(meta)
        if owner is None or owner.kind != "Deployment":
            return None
        found = self._deployments.get((meta.namespace, owner.name))
        return found if found is not None and found.meta.uid == owner.uid else None


def controllers(snapshot: ClusterSnapshot, memo: Memo) -> Controllers:
    """Those of a snapshot."""
    return memo.once(
        Controllers, snapshot.items(Need.REPLICA_SETS), snapshot.items(Need.DEPLOYMENTS)
    )
