"""Deployments in, those that are parts of Coder out: the role of each, who manages it, whose it is."""

from collections.abc import Collection, Iterable

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import marks, records
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.managers import is_by_us, manager_of
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.needs import Need
from coder_cva.values.memo import Memo


def coders(snapshot: ClusterSnapshot, memo: Memo) -> tuple[records.Deployment, ...]:
    """All Deployments of a snapshot that play a role in Coder, whoever made them.

    Those that this operator made are among them, whatever somebody made of their command and image.
    """
    return memo.flat(_coders, snapshot.items(Need.DEPLOYMENTS))


def _coders(deployments: tuple[records.Deployment, ...]) -> tuple[records.Deployment, ...]:
    return tuple(one for one in deployments if one.shape.role or marks.OWNER_UID in one.meta.labels)


def seen_by(
    deployment: CoderDeployment,
    among: Iterable[records.Deployment],
    role: str,
    namespaces: Collection[str],
) -> tuple[Workload, ...]:
    """Those of a role in some namespaces, as one CoderDeployment sees them, sorted by namespace and name."""
    found = (
        _seen(one, deployment)
        for one in sorted(among, key=lambda one: (one.meta.namespace, one.meta.name))
        if one.meta.namespace in namespaces
    )
    return tuple(one for one in found if one.role == role)


def _seen(one: records.Deployment, owner: CoderDeployment) -> Workload:
    """What a Deployment is to this CoderDeployment.

    The one that we made for it is coderd whatever its command and image are made to be. Without a
    managed control plane none is ours: what we once made is let go (see ``Plan.releases``).
    """
    is_managed = owner.spec.control_plane.management == "Managed"
    ours = is_managed and is_by_us(one.meta, owner.uid, owner.reference)
    is_coderd = ours and (one.meta.namespace, one.meta.name) == (owner.namespace, owner.name)
    return Workload(
        deployment=one,
        role="coderd" if is_coderd else one.shape.role,
        manager=manager_of(one.meta),
        ours=ours,
    )
