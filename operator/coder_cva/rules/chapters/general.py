"""General: the reference architecture for the number of users (CVA-GEN-*)."""

from collections.abc import Iterator
from typing import Final

from coder_cva.api.v1alpha1.spec import Architecture
from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import Limits
from coder_cva.rules import coder_word, load, remedies
from coder_cva.rules.model import Finding, Judgement, Rule, unknown, verdict
from coder_cva.sizing.load import Fit, Fitting
from coder_cva.sizing.size import size
from coder_cva.snapshot.world import World


def the_reference_architecture_fits(world: World) -> Judgement:
    """CVA-GEN-003: neither the figures of the spec nor the workspaces that run exceed the tier's limits.

    A tier that is named says which architecture is meant, and not for how many users. The cluster does
    not show users, so without their number, or the load that they bring, nobody knows whether it fits.
    A tier that is nearly outgrown, or larger than needed, is as the architecture says; it is told.
    """
    spec = world.deployment.spec
    sizing = size(spec)
    limits = architectures(spec.edition).tier(sizing.tier).limits
    running, whole = load.running(world), load.load(world)
    exceeded = [("spec.architecture", one) for one in sizing.exceeded]
    exceeded += _seen_beyond(world, limits)
    fit = load.fit(world)
    findings = [_finding(world, sizing.tier, field, one, fit.better) for field, one in exceeded]
    told = f"tier {sizing.tier} of edition {spec.edition}: {running:,} of {limits.workspaces:,} workspaces run"
    if not findings and not whole.is_whole:
        return unknown(
            "UsersNotStated",
            f"{told}; for how many users it is, is not stated and not seen: set spec.architecture.users, or "
            f"concurrentWorkspaces and concurrentBuilds{_advice(fit)}",
        )
    return verdict(
        findings,
        held=f"{told}; {_counted(world)}{_stated(spec.architecture, limits)}{_advice(fit)}",
        broken=f"tier {sizing.tier} is exceeded: {'; '.join(one for _, one in exceeded)}",
    )


def _seen_beyond(world: World, limits: Limits) -> Iterator[tuple[str, str]]:
    """What is there and more than the tier holds, whatever the spec says."""
    running = load.running(world)
    if running > limits.workspaces:
        told = f"{running:,} running workspaces are more than its {limits.workspaces:,}"
        yield "status.workspaces.count", told
    users = coder_word.value(coder_word.seen(world).users)
    if users is not None and users > limits.users:
        told = f"{users:,} active users, as Coder counts them, are more than its {limits.users:,}"
        yield "spec.architecture.users", told


def _finding(world: World, tier: str, field: str, observed: str, better: str) -> Finding:
    owner = world.deployment
    return Finding(
        "CVA-GEN-003",
        f"CoderDeployment {owner.namespace}/{owner.name}",
        field,
        f"within the limits of tier {tier}",
        observed,
        _remedy(world, better),
    )


def _remedy(world: World, better: str) -> str:
    """The smallest tier that holds everything that was said and seen, where there is one."""
    if better:
        return "exceeding any one limit means the next tier; " + remedies.resource(
            world, {"architecture": {"tier": better}}
        )
    return (
        "no tier is larger: split the users over several deployments, or ask Coder, and say so in "
        "spec.waivers"
    )


def _advice(fit: Fitting) -> str:
    """What is no failure and yet worth knowing, in time."""
    if fit.fit is Fit.NEARLY_OUTGROWN:
        then = (
            f"plan tier {fit.better}"
            if fit.better
            else "no tier is larger: plan a further deployment"
        )
        return f"; about to be outgrown: {', '.join(fit.reasons)}; {then}"
    if fit.fit is Fit.OVERSIZED:
        return f"; larger than needed: tier {fit.better} would hold {', '.join(fit.reasons)}"
    return ""


def _counted(world: World) -> str:
    users = coder_word.value(coder_word.seen(world).users)
    return "" if users is None else f"{users:,} active users, as Coder counts them; "


def _stated(said: Architecture, limits: Limits) -> str:
    """What was compared beside what runs: each figure with its limit, or that it is not stated."""
    figures = (
        ("users", said.users, limits.users),
        ("workspaces at once", said.concurrent_workspaces, limits.workspaces),
        ("builds at once", said.concurrent_builds, limits.builds),
    )
    told = [f"{count:,} of {most:,} {what}" for what, count, most in figures if count is not None]
    unsaid = [what for what, count, _ in figures if count is None]
    parts = [f"stated: {', '.join(told)}"] if told else []
    return "; ".join([*parts, f"not stated: {', '.join(unsaid)}"] if unsaid else parts)


RULES: Final = (Rule("CVA-GEN-003", the_reference_architecture_fits, load.NEEDS),)
