"""Whether replicas of coderd may know each other: by Coder's own word, else by the spec's (CVA-CTL-001).

Source: coderd's licence check. Without high availability each replica has a coordinator of its own, and a
client reaches a workspace only by the replica to which the workspace's agent is connected.
"""

from collections.abc import Iterator
from shlex import quote
from typing import Any, Final

from coder_cva.rules import coder_word, remedies
from coder_cva.rules.model import Finding
from coder_cva.snapshot.coder_seen import Unseen
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.world import World

_RULE: Final = "CVA-CTL-001"
_FEATURE: Final = coder_word.HIGH_AVAILABILITY
_ALONE: Final = "replicas do not know each other, and connections to workspaces break"


def is_known(world: World) -> bool:
    """Whether somebody says that the licence includes high availability, or Coder that it does not."""
    is_stated = world.deployment.spec.control_plane.high_availability_licensed
    return is_stated or coder_word.feature(world, _FEATURE) is not None


def told(world: World) -> str:
    """What Coder says, for the evidence of a pass; "" where it was not asked."""
    found = coder_word.feature(world, _FEATURE)
    if found is None or not found.is_licensed:
        return ""
    ends = ", in a grace period that ends: renew it" if found.entitlement == "grace_period" else ""
    return f"; Coder says that its licence includes high availability{ends}"


def condition(world: World) -> str:
    """Under which condition replicas are raised, as the beginning of a remedy."""
    found = coder_word.feature(world, _FEATURE)
    if found is not None and found.is_licensed:
        return "Coder says that its licence includes high availability: "
    if found is not None:
        return (
            f"first a licence that includes high availability ({coder_word.LICENCE}), which Coder says it lacks "
            f"(without one {_ALONE}: keep one, and accept this finding in spec.waivers), then "
        )
    return (
        "only with a licence that includes high availability, which "
        f"spec.controlPlane.highAvailabilityLicensed states (without one {_ALONE}: keep one, and accept this finding "
        "in spec.waivers), "
    )


def contradictions(world: World, live: Deployment) -> Iterator[Finding]:
    """What stands against Coder's word: replicas that it does not license, a spec that says otherwise."""
    found = coder_word.feature(world, _FEATURE)
    if found is None or found.is_licensed:
        return
    said = f"Coder says {found.entitlement or 'not_entitled'}"
    if live.replicas > 1:
        yield Finding(
            _RULE,
            f"Deployment {live.meta.path}",
            "spec.replicas",
            f"one, or a licence that includes high availability: without it {_ALONE}",
            f"{live.replicas}, and {said}",
            f"{coder_word.LICENCE}; until then, {_one(world)}",
        )
    owner = world.deployment
    if owner.spec.control_plane.high_availability_licensed:
        yield Finding(
            _RULE,
            f"CoderDeployment {owner.reference}",
            "spec.controlPlane.highAvailabilityLicensed",
            "what the licence says: false",
            f"true, and {said}",
            f"{coder_word.LICENCE}; until then, {remedies.resource(world, _unlicensed(world))}",
        )


def _one(world: World) -> str:
    return remedies.coderd(world, {"coder": {"replicaCount": 1}}, _unlicensed(world))


def _unlicensed(world: World) -> dict[str, Any]:
    """The spec without the licence; with replicas of its own it would be refused as it is."""
    said: dict[str, Any] = {"highAvailabilityLicensed": False}
    if world.deployment.spec.control_plane.replicas is not None:
        said["replicas"] = 1
    return {"controlPlane": said}


def strangers(world: World, live: Deployment) -> Iterator[Finding]:
    """Replicas that the others cannot reach, as coderd itself found."""
    known = coder_word.seen(world).replicas
    if isinstance(known, Unseen):
        return
    for one in known:
        if one.error:
            yield Finding(
                _RULE,
                f"Deployment {live.meta.path}",
                f"replica {one.hostname}",
                "reached by the other replicas, by its relay address",
                one.error[:200],
                f"kubectl -n {live.meta.namespace} get pod {quote(one.hostname)} -o wide; CODER_DERP_SERVER_RELAY_URL and "
                "CODER_CLUSTER_HOST name each Pod's own address, and no NetworkPolicy may stand between replicas "
                "(TCP 8080 and 6222)",
            )
