"""What stands in the way of a plan before it is made: other people's coderd, older claims, Secrets."""

from coder_cva.api.v1alpha1.workspaces import SYSTEM_NAMESPACES
from coder_cva.desired.plan import Withheld
from coder_cva.snapshot.managers import OPERATOR
from coder_cva.snapshot.model import Unavailable
from coder_cva.snapshot.world import World


def obstacle(world: World) -> Withheld | None:
    """The first of what keeps a CoderDeployment from being acted on at all."""
    return system_namespace(world) or older_claim(world) or foreign_coderd(world)


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


def foreign_coderd(world: World) -> Withheld | None:
    """A coderd that somebody else put into the namespace of a managed one. Nothing is written then."""
    if world.deployment.spec.control_plane.management != "Managed":
        return None
    for one in world.found.coderd:
        # Ours of an earlier CoderDeployment is not foreign: the garbage collector is on its way.
        if not one.ours and one.manager != OPERATOR:
            meta = one.deployment.meta
            by = f" (managed by {one.manager})" if one.manager else ""
            return Withheld(
                subject=f"Deployment {meta.path}",
                reason="ForeignCoderd",
                message=(
                    f"Deployment {meta.path} is a coderd that was not made for this CoderDeployment{by}: "
                    "nothing is written. Either keep it and set spec.controlPlane.management: Adopted, "
                    f"or remove it and this operator makes its own: kubectl -n {meta.namespace} "
                    f"delete deployment {meta.name}"
                ),
                blocking=True,
            )
    return None


def older_claim(world: World) -> Withheld | None:
    """An older CoderDeployment with a control plane in the same namespace: it holds, this one stands by."""
    here = world.deployment
    if here.spec.control_plane.management == "None":
        return None
    for other in world.others:
        older = (other.created, other.uid) < (here.created, here.uid)
        rival = other.namespace == here.namespace and (
            other.spec.control_plane.management != "None"
        )
        if older and rival:
            return Withheld(
                subject=f"Namespace {here.namespace}",
                reason="ClaimedByOlder",
                message=(
                    f"CoderDeployment {other.namespace}/{other.name} is older and holds namespace "
                    f"{here.namespace}: nothing is written for this one. Delete one of the two, or "
                    "move this one to a namespace of its own."
                ),
                blocking=True,
            )
    return None


def missing_secret(world: World) -> Withheld | None:
    """The database Secret that is named and not there, or lacks its key.

    None also where Secrets may not be read: then nothing is known, and nothing is held back.
    """
    database = world.deployment.spec.database
    if database is None:
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
