"""What stays of a managed coderd when its CoderDeployment goes, or is no longer to manage it.

A working coderd is never deleted by this operator itself. Where ``management`` is no longer Managed,
what was made for it is released: ownerReference and our labels go, everything else of it stays. With
``deletionPolicy: Orphan`` the ownerReference goes, also while the Deployment is not written otherwise.
"""

from typing import Final

from coder_cva.desired import rollout
from coder_cva.desired.plan import Withheld
from coder_cva.snapshot import records
from coder_cva.snapshot.managers import is_by_us
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Ref

KINDS: Final = ("Deployment", "Service", "ServiceAccount", "RoleBinding")
"""What a managed coderd consists of."""
STILL_OWNED: Final = "StillOwned"
"""The spec says that coderd stays, and deleting the CoderDeployment would take it along."""
RELEASED: Final = "Released"
"""coderd was made by this operator and is nobody's now."""


def releases(world: World) -> frozenset[tuple[str, str]]:
    """The kinds and namespaces in which a coderd that is no longer managed is let go.

    A namespace that does not consent any more is none of them: it keeps nothing of ours.
    """
    asked = {one.name for one in world.found.namespaces if one.consent == "annotation"}
    return frozenset((kind, one) for kind in KINDS for one in {world.deployment.namespace, *asked})


def unbound(world: World) -> frozenset[Ref]:
    """coderd's Deployment where it has an owner that ``deletionPolicy: Orphan`` does not want."""
    live = rollout.our_deployment(world)
    if world.deployment.spec.deletion_policy != "Orphan" or not _is_owned(live, world):
        return frozenset()
    owner = world.deployment
    return frozenset({Ref("apps/v1", "Deployment", owner.namespace, owner.name)})


def still_owned(world: World) -> tuple[Withheld, ...]:
    """For a plan that writes nothing of coderd: that deleting the CoderDeployment takes it along."""
    owner, live = world.deployment, _made(world)
    managed = owner.spec.control_plane.management == "Managed"
    stays = not managed or owner.spec.deletion_policy == "Orphan"
    if live is None or not stays or not _is_owned(live, world):
        return ()
    asked = (
        "deletionPolicy: Orphan"
        if managed
        else f"controlPlane.management: {owner.spec.control_plane.management}"
    )
    notice = Withheld(
        f"Deployment {live.meta.path}",
        STILL_OWNED,
        f"spec.{asked} is not in force yet, because nothing is written now: deleting this "
        "CoderDeployment would delete coderd with it. To keep coderd all the same: kubectl -n "
        f"{owner.namespace} delete cdep {owner.name} --cascade=orphan",
    )
    return (notice,)


def released(world: World) -> tuple[Withheld, ...]:
    """That a coderd which we made is nobody's now, and how to take it back."""
    owner, live = world.deployment, _made(world)
    if live is None:
        return ()
    notice = Withheld(
        f"Deployment {live.meta.path}",
        RELEASED,
        f"this operator made it and no longer manages it (spec.controlPlane.management is "
        f"{owner.spec.control_plane.management}): it runs on with its Service, ServiceAccount and "
        "RoleBindings, is nobody's now, and is not written to. To take it back set management: Managed; "
        f"to be rid of it: kubectl -n {owner.namespace} delete deployment,service,serviceaccount,"
        f"rolebinding {owner.name}",
    )
    return (notice,)


def _is_owned(live: records.Deployment | None, world: World) -> bool:
    """Whether the garbage collector takes it when the CoderDeployment goes."""
    owner = live.meta.owner if live is not None else None
    return owner is not None and owner.uid == world.deployment.uid


def _made(world: World) -> records.Deployment | None:
    """coderd's Deployment that we made for this name, still ours or released."""
    owner = world.deployment
    found: records.Deployment | None = world.snapshot.find(
        Need.DEPLOYMENTS, owner.namespace, owner.name
    )
    is_ours = found is not None and is_by_us(found.meta, owner.uid, owner.reference)
    return found if is_ours else None
