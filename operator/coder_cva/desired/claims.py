"""What stands in the way of a plan before it is made: other people's coderd, older claims, Secrets."""

from coder_cva.api.v1alpha1.resource import KIND, CoderDeployment
from coder_cva.api.v1alpha1.workspaces import SYSTEM_NAMESPACES
from coder_cva.desired.plan import Withheld
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workload
from coder_cva.snapshot.managers import OPERATOR
from coder_cva.snapshot.model import Unavailable
from coder_cva.snapshot.records import Meta
from coder_cva.snapshot.world import World


def obstacle(world: World) -> Withheld | None:
    """The first of what keeps a CoderDeployment from being acted on at all."""
    return system_namespace(world) or rival(world) or foreign_coderd(world)


def system_namespace(world: World) -> Withheld | None:
    """A CoderDeployment in a namespace that belongs to the cluster or to this operator."""
    here = world.deployment.namespace
    if here not in (*SYSTEM_NAMESPACES, world.operator_namespace):
        return None
    return Withheld(
        subject=f"Namespace {here}",
        reason="SystemNamespace",
        message=f"namespace {here} belongs to the cluster or to this operator: nothing is written. "
        "Apply the CoderDeployment in a namespace of its own",
        blocking=True,
    )


def rival(world: World) -> Withheld | None:
    """Another CoderDeployment in the same namespace that claims the same there and comes first."""
    here, other = world.deployment, world.found.rival
    if other is None:
        return None
    if other.age > here.age:
        return _running(world, other)
    return Withheld(
        subject=f"Namespace {here.namespace}",
        reason="ClaimedByOlder",
        message=(
            f"CoderDeployment {other.reference} is older and holds namespace {here.namespace}: nothing is "
            f"written for this one. Delete one of the two, or {_elsewhere(world, other)}."
        ),
        blocking=True,
    )


def foreign_coderd(world: World) -> Withheld | None:
    """A coderd in the namespace of a managed one that was not made for it. Nothing is written then.

    One whose CoderDeployment is gone and owned it is about to go with it: that is no reason to wait.
    """
    if world.deployment.spec.control_plane.management != "Managed":
        return None
    for one in world.found.coderd:
        if not one.ours and not _is_collected(one.deployment.meta, world):
            return _foreign(one, world)
    return None


def nothing_left(world: World) -> Withheld | None:
    """A region of which every namespace is another CoderDeployment's, so that there is nothing for it to do.

    What it made there before is swept. One with a control plane keeps that, wherever its workspaces are.
    """
    is_region = world.deployment.spec.control_plane.management == "None"
    if not is_region or world.found.namespaces or not world.found.taken:
        return None
    name = min(world.found.taken)
    return Withheld(
        subject=f"Namespace {name}",
        reason="ClaimedByOlder",
        message=world.found.refused_namespaces[name],
        blocking=True,
    )


def _running(world: World, other: CoderDeployment) -> Withheld:
    """The younger one's coderd runs here: that is not taken away by editing an older CoderDeployment."""
    return Withheld(
        subject=f"CoderDeployment {other.reference}",
        reason="ForeignCoderd",
        message=(
            f"coderd of CoderDeployment {other.reference} runs in namespace {other.namespace}, which that one "
            "holds though it is younger: nothing is written for this one. Either leave it there and "
            f"{_elsewhere(world, other)}, or remove it with its CoderDeployment: kubectl -n {other.namespace} "
            f"delete coderdeployment {other.name}"
        ),
        blocking=True,
    )


def _elsewhere(world: World, other: CoderDeployment) -> str:
    """How this CoderDeployment can claim something else than that one."""
    planes = {one.spec.control_plane.management for one in (world.deployment, other)}
    move = "move this one to a namespace of its own"
    if "None" not in planes:
        return move
    return f"{move}, or name other namespaces for its workspaces in spec.workspaces.namespaces"


def _foreign(coderd: Workload, world: World) -> Withheld:
    """Whose that coderd is, and the two ways out: it stays and this one yields, or it goes."""
    meta = coderd.deployment.meta
    maker = meta.annotations.get(marks.CONSENT, "") if coderd.manager == OPERATOR else ""
    is_kept = meta.labels.get(marks.OWNER_UID) in world.living
    told = _of_another(maker) if maker and is_kept else _of_nobody(coderd, maker)
    return Withheld(
        subject=f"Deployment {meta.path}",
        reason="ForeignCoderd",
        message=f"Deployment {meta.path} is a coderd that was not made for this CoderDeployment{told}",
        blocking=True,
    )


def _of_another(maker: str) -> str:
    """Somebody looks after it: only with its CoderDeployment it goes for good."""
    namespace, _, name = maker.partition("/")
    return (
        f", but for {maker}: nothing is written. Either keep it and move this one to a namespace of its own, "
        f"or remove it with its CoderDeployment: kubectl -n {namespace} delete coderdeployment {name}"
    )


def _of_nobody(coderd: Workload, maker: str) -> str:
    """Of somebody outside, or left running by a CoderDeployment that is gone (``deletionPolicy: Orphan``)."""
    meta = coderd.deployment.meta
    by = f" (managed by {coderd.manager})" if coderd.manager not in ("", OPERATOR) else ""
    left = f", but for {maker}, which is gone and left it running" if maker else by
    again = f", or apply {maker} again, which takes it up" if maker else ""
    return (
        f"{left}: nothing is written. Either keep it and set spec.controlPlane.management: Adopted{again}, or "
        f"remove it and this operator makes its own: kubectl -n {meta.namespace} delete deployment {meta.name}, and "
        "what of its Service, ServiceAccount and RoleBinding has that name too"
    )


def _is_collected(meta: Meta, world: World) -> bool:
    """Whether the garbage collector is on its way: it is owned by a CoderDeployment that is not there any more."""
    owner = meta.owner
    return owner is not None and owner.kind == KIND and owner.uid not in world.living


def missing_secret(world: World) -> Withheld | None:
    """The database Secret that is named and not there, or lacks its key.

    None also where Secrets may not be read: then nothing is known, and nothing is held back.
    """
    database = world.deployment.spec.database
    if database is None or database.url_secret_ref is None:
        return None
    ref, namespace = database.url_secret_ref, world.deployment.namespace
    found = world.snapshot.secrets.get((namespace, ref.name))
    if isinstance(found, Unavailable) or (found is not None and ref.key in found.keys):
        return None
    if (namespace, ref.name) not in world.snapshot.secrets:
        return None
    create = (
        f"kubectl -n {namespace} create secret generic {ref.name} "
        f"--from-literal={ref.key}='postgres://USER:PASSWORD@HOST:5432/coder?sslmode=verify-full'"
    )
    if found is None:
        what = f"Secret {namespace}/{ref.name} is not there. Create it: {create}"
    else:
        what = (
            f"Secret {namespace}/{ref.name} has no key {ref.key!r} (it has: "
            f"{', '.join(sorted(found.keys)) or 'none'}). Add the key, or name another one in "
            "spec.database.urlSecretRef.key"
        )
    return Withheld(f"Secret {namespace}/{ref.name}", "DatabaseSecretMissing", what, blocking=True)
