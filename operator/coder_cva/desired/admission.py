"""Admission policies and their bindings: what the API server itself does to Pods and claims on CREATE.

Clauses: CVA-NODE-003, CVA-NODE-005, CVA-NODE-006, CVA-STO-002, CVA-STO-004. What they need to know stands
in the CoderPlacement (parameter.py), so a flip of a guard changes that and no policy. Where the API
server does not serve the policies, the same specs are evaluated by the operator's webhook.
"""

from typing import Final

from coder_cva.desired import admission_webhooks as webhooks
from coder_cva.desired import (
    confirming,
    enforcement,
    fit_previews,
    placement,
    volume_previews,
    volumes,
    webhook_probe,
    webhook_reach,
)
from coder_cva.desired.admission_names import CLAIM_BOUNDS, CLAIMS, HOST_VOLUMES, PLACEMENT, SPECS
from coder_cva.desired.admission_objects import binding, binding_name, policy
from coder_cva.desired.plan import Part, Restriction, Withheld
from coder_cva.snapshot.model import Served
from coder_cva.snapshot.world import World
from coder_cva.values.manifest import Manifest, Ref

MUTATING: Final = "MutatingAdmissionPolicy"
VALIDATING: Final = "ValidatingAdmissionPolicy"

_VALIDATING_VERSIONS: Final = ("v1", "v1beta1")


def build_admission(world: World) -> Part:
    """The policies that this deployment needs, each followed by its binding.

    Where it is not known what is served, nothing is rendered and nothing of ours is swept.
    """
    served = world.snapshot.served
    told = (*volume_previews.previews(world), *fit_previews.previews(world))
    if not isinstance(served, Served):
        return Part(keep=_any_version(world), previews=told, restrictions=_restrictions(world))
    needs_webhook = _needs_webhook(world, served)
    probe = webhook_probe.configuration(world) if needs_webhook else ()
    return Part(
        objects=(*probe, *_mutating(world), *_validating(world, served)),
        withheld=(*_unserved(world, served), *volumes.class_withheld(world)),
        previews=told,
        restrictions=_restrictions(world) if _refuses(world, served) else (),
        keep=_every_webhook(world) if _is_open(world, needs_webhook=needs_webhook) else frozenset(),
    )


def _needs_webhook(world: World, served: Served) -> bool:
    """Whether there is something that the webhook would do, for want of policies or by choice."""
    is_preferred = world.webhook.preferred
    mutates = placement.mutates(world) and (
        is_preferred or placement.mutating_version(world) is None
    )
    return mutates or (
        bool(_validations(world)) and (is_preferred or _validating_version(served) is None)
    )


def awaits_webhook(world: World) -> bool:
    """Whether nothing acts yet, and it is being found out if the webhook can."""
    served = world.snapshot.served
    return (
        isinstance(served, Served)
        and placement.engine(world)[0] == placement.NO_ENGINE
        and world.webhook.is_there
        and _is_open(world, needs_webhook=_needs_webhook(world, served))
    )


def _is_open(world: World, *, needs_webhook: bool) -> bool:
    """Whether what stands of the webhook is left, because more will be known soon."""
    return not world.webhook.is_known or (needs_webhook and world.webhook.is_tried)


def _refuses(world: World, served: Served) -> bool:
    """Whether anything can be refused at admission; while that is not known, whether it was before."""
    if _validating_version(served) is not None or world.webhook.acts:
        return True
    return world.webhook.is_tried and bool(world.previous.get("restrictions"))


def _every_webhook(world: World) -> frozenset[Ref]:
    return frozenset((webhook_probe.ref(world), *webhooks.refs(world)))


def _mutating(world: World) -> tuple[Manifest, ...]:
    wanted = {
        PLACEMENT: placement.is_enforced(world),
        CLAIMS: volumes.default_class(world) is not None,
    }
    names = [name for name, is_wanted in wanted.items() if is_wanted]
    engine = placement.engine(world)[0]
    if engine == placement.WEBHOOK and not world.webhook.acts:
        return ()
    if engine == placement.WEBHOOK:
        return webhooks.configuration(world, webhooks.MUTATING, _places(world, names))
    version = placement.mutating_version(world)
    if engine == placement.NO_ENGINE or version is None:
        return ()
    return tuple(one for name in names for one in _pair(world, MUTATING, version, name))


def _validating(world: World, served: Served) -> tuple[Manifest, ...]:
    actions = _validations(world)
    names = list(actions)
    version, webhook = _validating_version(served), world.webhook
    if webhook.acts and (version is None or webhook.preferred):
        return webhooks.configuration(world, webhooks.VALIDATING, _places(world, names))
    if webhook.preferred and placement.engine(world)[0] == placement.WEBHOOK:
        # It did before, and stands until more is known.
        return ()
    if version is None:
        return ()
    return tuple(
        one for name in names for one in _pair(world, VALIDATING, version, name, actions[name])
    )


def _validations(world: World) -> dict[str, str]:
    """The policies that warn or refuse, with what they do."""
    actions = {
        CLAIM_BOUNDS: "Deny" if volumes.bounds(world) else "Off",
        HOST_VOLUMES: volumes.host_volumes(world),
    }
    return {name: action for name, action in actions.items() if action != "Off"}


def _places(world: World, names: list[str]) -> dict[str, list[str]]:
    return {name: _namespaces(world, name) for name in names}


def _namespaces(world: World, name: str) -> list[str]:
    """Where a policy acts: what refuses only where it is enforced or confirmed."""
    owner = world.deployment
    if name == CLAIM_BOUNDS:
        return list(volumes.bounded_in(world))
    if name == HOST_VOLUMES:
        is_denied = volumes.host_volumes(world) == "Deny"
        return list(volumes.denied_in(world) if is_denied else volumes.host_places(world))
    # coderd itself is placed too, also where no workspaces are wanted beside it. A region has none.
    has_coderd = owner.spec.control_plane.management != "None"
    own = {owner.namespace} if name == PLACEMENT and has_coderd else set()
    return sorted(own | {one.name for one in world.found.namespaces})


def _pair(world: World, kind: str, version: str, name: str, *actions: str) -> tuple[Manifest, ...]:
    """The policy and its binding; neither where there is no namespace to bind it to."""
    namespaces = _namespaces(world, name)
    if not namespaces:
        return ()
    return (
        policy(kind, version, name, SPECS[name]()),
        binding(f"{kind}Binding", version, name, world.deployment, namespaces, actions),
    )


def _restrictions(world: World) -> tuple[Restriction, ...]:
    """What is refused at admission, and where."""
    refused = (
        (enforcement.VOLUME_BOUNDS, volumes.bounded_in(world)),
        (enforcement.HOST_VOLUMES, volumes.denied_in(world)),
    )
    return tuple(
        confirming.restriction(
            world, rule, one, confirmed=enforcement.waits(world.deployment, rule)
        )
        for rule, namespaces in refused
        for one in namespaces
    )


def _unserved(world: World, served: Served) -> tuple[Withheld, ...]:
    found: list[Withheld] = []
    webhook = world.webhook
    reason = webhook_reach.NOT_REACHED if webhook.is_there else "NotServed"
    if webhook.is_there and webhook.is_tried:
        return webhook_reach.told_before(world) if _needs_webhook(world, served) else ()
    if placement.mutates(world) and placement.engine(world)[0] == placement.NO_ENGINE:
        found.append(Withheld(MUTATING, reason, placement.engine(world)[1]))
    if _validations(world) and _validating_version(served) is None and not webhook.acts:
        found.append(Withheld(VALIDATING, reason, _unjudged(world)))
    return tuple(found)


def _unjudged(world: World) -> str:
    """Why volumes are neither warned about nor refused."""
    unserved = "this API server serves no ValidatingAdmissionPolicy (v1 since Kubernetes 1.30)"
    told = "volumes of workspaces are judged, and neither warned about nor refused"
    if world.webhook.is_there:
        return f"{unserved}, and {webhook_reach.told(world, told)}"
    return f"{unserved}, and no webhook stands in for it ({world.webhook.problem}): {told}. Upgrade the cluster"


def _validating_version(served: Served) -> str | None:
    return next((one for one in _VALIDATING_VERSIONS if one in served.validating_policy), None)


def _any_version(world: World) -> frozenset[Ref]:
    """Our bindings, in whichever version they may be served, and what stands in for them."""
    return _every_webhook(world) | frozenset(
        Ref(
            f"admissionregistration.k8s.io/{version}",
            f"{kind}Binding",
            "",
            binding_name(name, world.deployment),
        )
        for kind, names in (
            (MUTATING, (PLACEMENT, CLAIMS)),
            (VALIDATING, (CLAIM_BOUNDS, HOST_VOLUMES)),
        )
        for name in names
        for version in ("v1", "v1beta1")
    )
