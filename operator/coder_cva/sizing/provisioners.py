"""A spec in, the external provisioners that it asks for out, with the rule that was applied in words (CVA-PROV-001).

Coder's pages contradict each other: the tables have one CPU for each concurrent build, the page on scale
testing one for every two. ``spec.provisioners.sizing`` says which of them is applied. How many there are does not
depend on it: each runs one build at a time.
"""

from dataclasses import dataclass

from coder_cva.api.v1alpha1.spec import ProvisionersSizing, Spec
from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import Architectures, NodeGroup, Tier
from coder_cva.sizing.reference import reference
from coder_cva.values.quantity import byte_count, byte_text, cpu_millicores, cpu_text


@dataclass(frozen=True, slots=True)
class OneProvisioner:
    """CPU and memory of each, request and limit alike."""

    cpu_millicores: int
    memory_bytes: int

    @property
    def text(self) -> str:
        """Both in words."""
        return f"{cpu_text(self.cpu_millicores)} CPU and {byte_text(self.memory_bytes)}"


@dataclass(frozen=True, slots=True)
class ProvisionersSize:
    """How many, and how large each is, None where the rule says nothing; ``rule`` says which one it is."""

    policy: ProvisionersSizing
    replicas: int
    each: OneProvisioner | None
    rule: str
    nodes: NodeGroup | None = None
    """The nodes that edition 2024 has for them instead."""


def provisioners_size(spec: Spec, policy: ProvisionersSizing | None = None) -> ProvisionersSize:
    """By the spec's own rule, or by ``policy``."""
    tables, tier = architectures(spec.edition), reference(spec)
    replicas = spec.architecture.concurrent_builds or tier.limits.builds
    match policy or spec.provisioners.sizing:
        case "Tier":
            return _by_tier(tier, replicas)
        case "TwoBuildsPerCPU":
            return _by_formula(tables, replicas)


def _by_tier(tier: Tier, replicas: int) -> ProvisionersSize:
    table = tier.provisioners
    each = (
        OneProvisioner(cpu_millicores(table.cpu), byte_count(table.memory))
        if table.cpu is not None and table.memory is not None
        else None
    )
    rule = f"the table of tier {tier.name} (spec.provisioners.sizing: Tier)"
    nodes = tier.nodes.provisioners if tier.nodes is not None else None
    return ProvisionersSize("Tier", replicas, each, rule, nodes)


def _by_formula(tables: Architectures, replicas: int) -> ProvisionersSize:
    formula = tables.provisioner_formula
    each = OneProvisioner(
        formula.cpu_millicores // formula.builds, formula.memory_bytes // formula.builds
    )
    rule = (
        f"the formula of {formula.cpu} CPU and {formula.memory} for every {formula.builds} builds "
        "(spec.provisioners.sizing: TwoBuildsPerCPU)"
    )
    return ProvisionersSize("TwoBuildsPerCPU", replicas, each, rule)
