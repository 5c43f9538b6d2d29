"""The plan for one CoderDeployment: the ordered list of builders, and what keeps them from building."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.desired import (
    admission,
    claims,
    confirming,
    control_plane,
    disruption,
    networking,
    parameter,
    placement,
    protected_nodes,
    staying,
    stranded,
    suspension,
)
from coder_cva.desired.plan import Part, Plan, Preview, Withheld
from coder_cva.sizing.size import size
from coder_cva.snapshot import consent
from coder_cva.snapshot.model import Absence, Unavailable
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World

_CODERD: Final = frozenset({Need.DEPLOYMENTS, Need.PODS, Need.REPLICA_SETS})
CONTROL_PLANE: Final = "control plane"
ADMISSION: Final = frozenset(
    {
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "ValidatingWebhookConfiguration",
    }
)
"""The kinds that act at admission, by the parameter."""


@dataclass(frozen=True, slots=True)
class Builder:
    """A builder, the kinds that it makes, and what must have been read before it may decide.

    Nothing is written, and nothing of these kinds is swept, on the ground of a list that could
    not be read: an empty list is not the same as a refusal.
    """

    name: str
    build: Callable[[World], Part]
    kinds: frozenset[str]
    needs: frozenset[Need]


BUILDERS: Final = (
    Builder(
        "network policies",
        networking.build_network_policies,
        frozenset({"NetworkPolicy", "CiliumNetworkPolicy"}),
        _CODERD | consent.NEEDS | {Need.NETWORK_POLICIES, Need.SERVICES},
    ),
    Builder(
        "disruption budget",
        disruption.build_disruption_budget,
        frozenset({"PodDisruptionBudget"}),
        _CODERD | {Need.POD_DISRUPTION_BUDGETS},
    ),
    Builder(
        "admission policies",
        admission.build_admission,
        ADMISSION,
        _CODERD | consent.NEEDS,
    ),
    Builder(
        CONTROL_PLANE,
        lambda world: control_plane.build_control_plane(world, size(world.deployment.spec)),
        frozenset(staying.KINDS),
        _CODERD | consent.NEEDS | {Need.AUTOSCALERS, Need.NODES},
    ),
)
"""In the order in which their objects are applied: what protects comes before what it protects."""
KINDS: Final = frozenset(kind for one in BUILDERS for kind in one.kinds)
"""Everything that a builder makes; the parameter of admission is made beside them."""


def plan(world: World) -> Plan:
    """Everything that should be written now, and everything that is held back, with reasons."""
    tier = size(world.deployment.spec).tier
    idle = Plan(
        writes_nothing=True,
        tier=tier,
        pending=world.previous.get("pendingTemplate"),
        confirmations=world.confirmations,
    )
    if world.deployment.spec.suspend:
        kept = suspension.kept_kinds(world, KINDS)
        return replace(
            idle,
            writes_nothing=False,
            placement=placement.placement(world),
            keep_kinds=kept,
            withheld=staying.still_owned(world),
        )
    standing_by = claims.obstacle(world)
    if standing_by is not None:
        told = (standing_by, *staying.still_owned(world))
        return replace(idle, withheld=told, keep_kinds=KINDS)
    is_whole = not any(_unread(one, world) for one in BUILDERS)
    parts = tuple(_guarded(one, world) for one in BUILDERS)
    taken = confirming.taken(world, _previews(parts)) if is_whole else None
    if taken is None:
        return _whole(world, tier, parts, is_whole=is_whole)
    parts = tuple(_guarded(one, taken) for one in BUILDERS)
    return _whole(taken, tier, parts, is_whole=is_whole)


def _whole(world: World, tier: str, parts: tuple[Part, ...], *, is_whole: bool) -> Plan:
    """The plan that the builders' parts make together."""
    where = placement.placement(world)
    kept = frozenset(kind for one in BUILDERS if _unread(one, world) for kind in one.kinds)
    objects = tuple(manifest for part in parts for manifest in part.objects)
    acting = parameter.required_by(objects, world.deployment)
    keep = frozenset(ref for part in parts for ref in part.keep)
    # What stands unrendered, as a webhook after a restart, acts by it too.
    if acting or kept & ADMISSION or any(map(parameter.acts, keep)):
        # First: what acts at admission finds it there, and word of a lost pool waits for nothing else.
        objects = (parameter.parameter(world.deployment, where), *objects)
    requires = {ref: needed for part in parts for ref, needed in part.requires.items()}
    return Plan(
        objects=objects,
        withheld=(
            *filter(None, [claims.nothing_left(world)]),
            *(reason for part in parts for reason in part.withheld),
            *stranded.given_up(world, where),
            *protected_nodes.withheld(world),
        ),
        keep=keep,
        unforced=frozenset(one for part in parts for one in part.unforced),
        keep_kinds=kept,
        previews=_previews(parts),
        placement=where,
        tier=tier,
        evictions=stranded.evictions(world, where),
        node_edits=protected_nodes.edits(world),
        requires=requires | acting,
        releases=frozenset(one for part in parts for one in part.releases),
        unbound=frozenset(ref for part in parts for ref in part.unbound),
        pending=next((part.pending for part in parts if part.pending), None),
        restrictions=tuple(sorted(one for part in parts for one in part.restrictions)),
        confirmations=world.confirmations,
        awaits_webhook=admission.awaits_webhook(world),
        is_whole=is_whole,
    )


def _previews(parts: tuple[Part, ...]) -> tuple[Preview, ...]:
    return tuple(preview for part in parts for preview in part.previews)


def secrets_of(deployment: CoderDeployment) -> frozenset[tuple[str, str]]:
    """The Secrets, by namespace and name, whose keys the plan has to know."""
    database = deployment.spec.database
    if database is None or database.url_secret_ref is None:
        return frozenset()
    if deployment.spec.control_plane.management != "Managed":
        return frozenset()
    return frozenset({(deployment.namespace, database.url_secret_ref.name)})


def _guarded(builder: Builder, world: World) -> Part:
    unread = _unread(builder, world)
    if not unread:
        return builder.build(world)
    missing = world.snapshot.missing()
    why = "; ".join(f"{need.value}: {_told(missing[need])}" for need in unread)
    refused = any(missing[need].reason is Absence.FORBIDDEN for need in unread)
    notice = Withheld(
        subject=builder.name.capitalize(),
        reason="ClusterUnreadable",
        message=f"the {builder.name} are left as they are, because this could not be read: {why}"
        + (". Compare the operator's ClusterRole with deploy/base/rbac.yaml" if refused else ""),
        blocking=builder.name == CONTROL_PLANE
        and world.deployment.spec.control_plane.management == "Managed",
    )
    if builder.name != CONTROL_PLANE:
        return Part(withheld=(notice,))
    return Part(
        withheld=(notice, *staying.still_owned(world)),
        pending=world.previous.get("pendingTemplate"),
    )


def _told(absent: Unavailable) -> str:
    """The reason, and which object it was that could not be understood."""
    if absent.reason is Absence.UNREADABLE:
        return f"{absent.reason.value}, {absent.message}"
    return absent.reason.value


def _unread(builder: Builder, world: World) -> list[Need]:
    return sorted(builder.needs & world.snapshot.missing().keys())
