"""General: the reference architecture for the number of users (CVA-GEN-*)."""

from typing import Final

from coder_cva.catalogue.architectures import architectures
from coder_cva.rules.model import Finding, Judgement, Rule, verdict
from coder_cva.sizing.size import size
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World


def the_reference_architecture_fits(world: World) -> Judgement:
    """CVA-GEN-003: neither the figures of the spec nor the workspaces that run exceed the tier's limits."""
    spec, owner = world.deployment.spec, world.deployment
    sizing = size(spec)
    limits = architectures(spec.edition).tier(sizing.tier).limits
    running = len(world.found.workspaces)
    exceeded = list(sizing.exceeded)
    if running > limits.workspaces:
        exceeded.append(f"{running:,} running workspaces are more than its {limits.workspaces:,}")
    findings = [
        Finding(
            "CVA-GEN-003",
            f"CoderDeployment {owner.namespace}/{owner.name}",
            "spec.architecture",
            f"within the limits of tier {sizing.tier}",
            one,
            "exceeding any one limit means the next tier: name it in spec.architecture.tier, or leave the tier "
            "out and state users, concurrentWorkspaces and concurrentBuilds",
        )
        for one in exceeded
    ]
    return verdict(
        findings,
        held=f"tier {sizing.tier} of edition {spec.edition}: {running:,} of {limits.workspaces:,} workspaces run",
        broken=f"tier {sizing.tier} is exceeded: {'; '.join(exceeded)}",
    )


RULES: Final = (
    Rule(
        "CVA-GEN-003",
        the_reference_architecture_fits,
        frozenset(
            {Need.PODS, Need.DEPLOYMENTS, Need.REPLICA_SETS, Need.NAMESPACES, Need.ROLE_BINDINGS}
        ),
    ),
)
