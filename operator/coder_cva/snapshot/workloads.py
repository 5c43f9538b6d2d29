"""Deployments in, those that are parts of Coder out: the role of each, who manages it, whose it is."""

from collections.abc import Collection, Iterable

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import records
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.managers import is_left_for, is_made_for, manager_of
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need


def coders(snapshot: ClusterSnapshot) -> tuple[records.Deployment, ...]:
    """All Deployments of a snapshot that play a role in Coder, whoever made them."""
    return tuple(one for one in snapshot.items(Need.DEPLOYMENTS) if one.shape.role)


def seen_by(
    deployment: CoderDeployment,
    among: Iterable[records.Deployment],
    role: str,
    namespaces: Collection[str],
) -> tuple[Workload, ...]:
    """Those of a role in some namespaces, as one CoderDeployment sees them, sorted by namespace and name."""
    return tuple(
        Workload(
            deployment=one,
            role=role,
            manager=manager_of(one.meta),
            ours=is_made_for(one.meta, deployment.uid)
            or is_left_for(one.meta, deployment.reference),
        )
        for one in sorted(among, key=lambda one: (one.meta.namespace, one.meta.name))
        if one.shape.role == role and one.meta.namespace in namespaces
    )
