"""A spec in, the reference architecture that it leads to out, where the page contradicts itself by the spec's choice.

Edition 2024 gives the control plane of tier 3k nodes of 8 CPU and 32 GB and names machines of 4 and 16 beside
them. ``spec.controlPlane.nodeSizing`` says which of the two counts (CVA-NODE-007, CVA-CTL-002).
"""

from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.catalogue.architectures import architectures
from coder_cva.catalogue.model import ByTypes, Tier
from coder_cva.sizing.tiers import choose


def reference(spec: Spec) -> Tier:
    """The tier that the spec leads to, with the control plane's nodes and coderd by the spec's choice."""
    return _by_choice(spec, choose(spec.architecture, architectures(spec.edition)).tier)


def node_rule(spec: Spec) -> str:
    """Which of two figures of the page was taken for the control plane's nodes; "" where it has only one."""
    tier = choose(spec.architecture, architectures(spec.edition)).tier
    if tier.by_types is None:
        return ""
    choice = spec.control_plane.node_sizing
    what = "the machines named in" if choice == "InstanceTypes" else "the capacity in"
    return f"{what} the table of tier {tier.name} (spec.controlPlane.nodeSizing: {choice})"


def smaller_figure(spec: Spec) -> ByTypes | None:
    """The smaller of the page's two figures, where the spec did not choose it; None where there is but one."""
    tier = choose(spec.architecture, architectures(spec.edition)).tier
    return tier.by_types if spec.control_plane.node_sizing == "Capacity" else None


def _by_choice(spec: Spec, tier: Tier) -> Tier:
    machines = tier.by_types
    if machines is None or tier.nodes is None or spec.control_plane.node_sizing == "Capacity":
        return tier
    group = tier.nodes.coderd.model_copy(update=machines.node.model_dump())
    nodes = tier.nodes.model_copy(update={"coderd": group})
    return tier.model_copy(update={"coderd": machines.coderd, "nodes": nodes})
