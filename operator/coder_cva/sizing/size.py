"""A spec in, the size of coderd out, with the arithmetic in words (CVA-GEN-003, CVA-CTL-001..003)."""

from coder_cva.api.v1alpha1.control_plane import ControlPlane
from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import Architectures, Tier
from coder_cva.sizing.model import Replica, Sizing
from coder_cva.sizing.reference import node_rule, reference
from coder_cva.sizing.tiers import choose
from coder_cva.values import quantity
from coder_cva.values.quantity import byte_text, cpu_text


def size(spec: Spec) -> Sizing:
    """The size that follows from a spec. The user's own replicas and resources win over the tier's."""
    tables = architectures(spec.edition)
    choice = choose(spec.architecture, tables)
    plane, tier = spec.control_plane, reference(spec)
    cpu, cpu_steps = _cpu(plane, tier, tables)
    memory, memory_step = _memory(plane, tier)
    replicas, replicas_step = _replicas(plane, tier)
    return Sizing(
        edition=tables.edition,
        tier=tier.name,
        coderd=Replica(replicas, cpu, memory),
        tier_replicas=tier.coderd.replicas,
        exceeded=choice.exceeded,
        steps=(choice.step, *cpu_steps, memory_step, replicas_step, *_nodes(spec, tier, cpu)),
    )


def _nodes(spec: Spec, tier: Tier, cpu: int) -> tuple[str, ...]:
    """Edition 2024 gives nodes: from them follow the replicas and what is left for each."""
    if tier.nodes is None:
        return ()
    group = tier.nodes.coderd
    count = f"{group.least} to {group.count}" if group.least else str(group.count)
    rule = node_rule(spec)
    step = (
        f"Nodes: {count} of {group.cpu} CPU and {group.memory} with {group.pods_each} coderd on each"
        f"{f' by {rule}' if rule else ''} (CVA-NODE-007); three quarters of the CPU and five eighths of "
        "the memory are coderd's, the rest is the node's own"
    )
    if cpu < group.cpu_millicores:
        return (step,)
    return (
        step,
        f"Nodes: {cpu_text(cpu)} CPU a replica fit no node of {group.cpu}: use larger ones",
    )


def _cpu(plane: ControlPlane, tier: Tier, tables: Architectures) -> tuple[int, tuple[str, ...]]:
    own = plane.resources.cpu if plane.resources else None
    if own is not None:
        chosen = quantity.cpu_millicores(own)
        step = f"CPU: {cpu_text(chosen)} a replica, as spec.controlPlane.resources.cpu says"
        bare = "; nothing is added to it for encryption" if plane.encryption else ""
        return chosen, (step + bare,)
    base = tier.coderd.cpu_millicores
    step = f"CPU: {cpu_text(base)} a replica in tier {tier.name} (CVA-CTL-002)"
    if plane.encryption is None:
        return base, (step,)
    more = quantity.cpu_millicores(tables.encryption_cpu)
    added = (
        f"Encryption: {cpu_text(base)} + {cpu_text(more)} = {cpu_text(base + more)} CPU for every "
        f"replica (CVA-CTL-003, {tables.encryption_source})"
    )
    return base + more, (step, added)


def _memory(plane: ControlPlane, tier: Tier) -> tuple[int, str]:
    own = plane.resources.memory if plane.resources else None
    if own is not None:
        chosen = quantity.byte_count(own)
        return (
            chosen,
            f"Memory: {byte_text(chosen)} a replica, as spec.controlPlane.resources.memory says",
        )
    base = tier.coderd.memory_bytes
    return base, f"Memory: {byte_text(base)} a replica in tier {tier.name} (CVA-CTL-002)"


def _replicas(plane: ControlPlane, tier: Tier) -> tuple[int, str]:
    """More than one replica only with a licence: without it replicas do not know each other."""
    wanted, asked = tier.coderd.replicas, plane.replicas
    if not plane.high_availability_licensed:
        return 1, (
            f"Replicas: 1 instead of {wanted} in tier {tier.name} (CVA-CTL-001): "
            "spec.controlPlane.highAvailabilityLicensed is false, and replicas without that licence "
            "do not know each other, so that connections to workspaces break"
        )
    if asked is not None:
        return (
            asked,
            f"Replicas: {asked}, as spec.controlPlane.replicas says; tier {tier.name} has {wanted}",
        )
    return wanted, f"Replicas: {wanted} in tier {tier.name} (CVA-CTL-001)"
