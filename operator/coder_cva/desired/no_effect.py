"""Fields of the spec that say something and have no effect: coderd is not managed, or egress is open."""

from typing import Any, Final

from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.desired import egress_kinds
from coder_cva.desired.plan import Withheld
from coder_cva.snapshot.model import Gathered
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World

MANAGED_ONLY: Final = frozenset(
    {
        "accessURL",
        "env",
        "envFrom",
        "image",
        "podAnnotations",
        "podLabels",
        "replicas",
        "resources",
        "service",
        "tls",
        "version",
        "wildcardAccessURL",
    }
)
"""Fields of spec.controlPlane from which only the operator's own coderd is made."""
JUDGED: Final = frozenset({"encryption", "highAvailabilityLicensed", "nodePool", "nodeSizing"})
"""Those that also say by what an adopted coderd is judged and placed; a region has none to judge."""


PROVISIONERS_JUDGED: Final = frozenset({"sizing"})
"""What spec.provisioners says of external ones, which are judged whoever made coderd, and in a region too."""


def without_effect(world: World) -> tuple[Withheld, ...]:
    """Names what the spec says to no effect; nothing where only defaults stand."""
    return (*_of_management(world), *_of_egress(world), *_of_parts(world))


def _of_egress(world: World) -> tuple[Withheld, ...]:
    """What is listed or switched for egress that nothing restricts."""
    owner, network = world.deployment, world.deployment.spec.network
    has_coderd = owner.spec.control_plane.management != "None"
    idle = []
    if network.egress.workspaces and network.workspace_egress == "Open":
        idle.append("spec.network.egress.workspaces, while workspaceEgress is Open")
    if network.egress.control_plane and network.control_plane_egress == "Open":
        idle.append("spec.network.egress.controlPlane, while controlPlaneEgress is Open")
    if not has_coderd and network.control_plane_egress != "Open":
        idle.append("spec.network.controlPlaneEgress, with management: None")
    if not has_coderd and "ControlPlane" in network.block_metadata_address_for:
        idle.append("ControlPlane in spec.network.blockMetadataAddressFor, with management: None")
    idle += [
        f"{kind.list_field}, while {kind.field.rpartition('.')[2]} is Open"
        for kind in egress_kinds.KINDS
        if egress_kinds.listed(world, kind) and not egress_kinds.is_restricted(world, kind)
    ]
    if not idle:
        return ()
    message = f"nothing is restricted by {'; '.join(idle)}: take it out, or set Restricted where it is meant"
    return (Withheld(f"CoderDeployment {owner.reference}", "NoEffect", message),)


def _of_parts(world: World) -> tuple[Withheld, ...]:
    """What restricts external provisioners or workspace proxies where none is seen."""
    if not isinstance(world.snapshot.reading(Need.DEPLOYMENTS), Gathered):
        return ()
    unseen = [one for one in egress_kinds.KINDS if not egress_kinds.found(world, one)]
    return tuple(
        Withheld(
            f"CoderDeployment {world.deployment.reference}",
            "NoEffect",
            f"nothing is restricted by {' and '.join(said)}: no Deployment of {kind.short} is seen in the namespaces "
            "that consent. Let theirs consent (spec.workspaces.namespaces), or take it out",
        )
        for kind in unseen
        if (said := tuple(egress_kinds.said(world, kind)))
    )


def _of_management(world: World) -> tuple[Withheld, ...]:
    """What is said of a coderd that the operator does not make."""
    owner = world.deployment
    management = owner.spec.control_plane.management
    idle = [] if management == "Managed" else _idle(owner.spec, management)
    if not idle:
        return ()
    notice = Withheld(
        f"CoderDeployment {owner.reference}",
        "NoEffect",
        f"with management: {management} nothing is made from {', '.join(idle)}: change coderd where it is "
        "kept (Helm values, GitOps), and take these fields out, or set management: Managed",
    )
    return (notice,)


def _idle(spec: Spec, management: str) -> list[str]:
    fields = MANAGED_ONLY if management == "Adopted" else MANAGED_ONLY | JUDGED
    said = _said(spec.control_plane) & fields
    found = [f"spec.controlPlane.{one}" for one in sorted(said)]
    is_probed = (
        management == "Adopted" and spec.database is not None and spec.database.probe.enabled
    )
    if spec.database is not None and spec.database.url_secret_ref is not None and not is_probed:
        found.append("spec.database.urlSecretRef")
    return found + [
        f"spec.provisioners.{one}" for one in sorted(_said(spec.provisioners) - PROVISIONERS_JUDGED)
    ]


def _said(part: Any) -> frozenset[str]:
    """The fields that differ from their defaults, in the API's spelling."""
    return frozenset(part.model_dump(mode="json", by_alias=True, exclude_defaults=True))
