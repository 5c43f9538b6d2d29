"""General: the reference architecture for the number of users (CVA-GEN-*)."""

from typing import Final

from coder_cva.api.v1alpha1.spec import Architecture
from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import Limits
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.rules.subjects import WORKSPACES
from coder_cva.sizing.size import size
from coder_cva.snapshot.records import Meta
from coder_cva.snapshot.world import World


def the_reference_architecture_fits(world: World) -> Judgement:
    """CVA-GEN-003: neither the figures of the spec nor the workspaces that run exceed the tier's limits.

    A tier that is named says which architecture is meant, and not for how many users. The cluster does
    not show users, so without their number, or the load that they bring, nobody knows whether it fits.
    """
    spec, owner = world.deployment.spec, world.deployment
    sizing = size(spec)
    limits = architectures(spec.edition).tier(sizing.tier).limits
    running = len({_identity(one.pod.meta) for one in world.found.workspaces})
    exceeded = [("spec.architecture", one) for one in sizing.exceeded]
    if running > limits.workspaces:
        seen = f"{running:,} running workspaces are more than its {limits.workspaces:,}"
        exceeded.append(("status.workspaces.count", seen))
    findings = [
        Finding(
            "CVA-GEN-003",
            f"CoderDeployment {owner.namespace}/{owner.name}",
            field,
            f"within the limits of tier {sizing.tier}",
            one,
            _remedy(world, running),
        )
        for field, one in exceeded
    ]
    told = f"tier {sizing.tier} of edition {spec.edition}: {running:,} of {limits.workspaces:,} workspaces run"
    if not findings and not _is_load_known(spec.architecture):
        return unknown(
            "UsersNotStated",
            f"{told}; for how many users it is, is not stated and not seen: set spec.architecture.users, or "
            "concurrentWorkspaces and concurrentBuilds",
        )
    return verdict(
        findings,
        held=f"{told}; {_stated(spec.architecture, limits)}",
        broken=f"tier {sizing.tier} is exceeded: {'; '.join(one for _, one in exceeded)}",
    )


def _is_load_known(said: Architecture) -> bool:
    """Users, or both of what users cause: those who have an account and are away cost nothing."""
    load = (said.concurrent_workspaces, said.concurrent_builds)
    return said.users is not None or None not in load


def _stated(said: Architecture, limits: Limits) -> str:
    """What was compared beside what runs: each figure with its limit, or that it is not stated."""
    figures = (
        ("users", said.users, limits.users),
        ("workspaces at once", said.concurrent_workspaces, limits.workspaces),
        ("builds at once", said.concurrent_builds, limits.builds),
    )
    told = [f"{count:,} of {most:,} {what}" for what, count, most in figures if count is not None]
    unsaid = [what for what, count, _ in figures if count is None]
    without = f"; not stated: {', '.join(unsaid)}" if unsaid else ""
    return f"stated: {', '.join(told)}{without}"


def _identity(meta: Meta) -> str:
    """A workspace may have several Pods: Coder's id tells which belong together, where it is on them."""
    return meta.labels.get("com.coder.workspace.id") or meta.path


def _remedy(world: World, running: int) -> str:
    """The smallest tier that holds everything that was said and seen."""
    said = world.deployment.spec.architecture
    workspaces = max(running, said.concurrent_workspaces or 0)
    for tier in architectures(world.deployment.spec.edition).tiers:
        if (
            (said.users or 0) <= tier.limits.users
            and workspaces <= tier.limits.workspaces
            and (said.concurrent_builds or 0) <= tier.limits.builds
        ):
            return "exceeding any one limit means the next tier; " + remedies.resource(
                world, {"architecture": {"tier": tier.name}}
            )
    return (
        "no tier is larger: split the users over several deployments, or ask Coder, and say so in "
        "spec.waivers"
    )


RULES: Final = (Rule("CVA-GEN-003", the_reference_architecture_fits, WORKSPACES),)
