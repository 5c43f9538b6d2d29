"""The NetworkPolicies of one CoderDeployment (CVA-NET-001 to CVA-NET-005).

NetworkPolicies are a union, and the first one that selects a Pod isolates it. So ours say nothing of egress
unless the spec restricts it; they never select every Pod of a namespace; and where others isolate, ours stay away.
"""

from coder_cva.desired import egress, network_coderd, network_workspaces
from coder_cva.desired.plan import Part
from coder_cva.snapshot.world import World


def build_network_policies(world: World) -> Part:
    """The policies for coderd and for workspaces, what is held back, and what they leave open."""
    parts = (network_coderd.build(world), network_workspaces.build(world), *egress.build(world))
    return Part(
        objects=tuple(manifest for part in parts for manifest in part.objects),
        withheld=tuple(reason for part in parts for reason in part.withheld),
        keep=frozenset(ref for part in parts for ref in part.keep),
        previews=tuple(preview for part in parts for preview in part.previews),
        requires={ref: needed for part in parts for ref, needed in part.requires.items()},
        restrictions=tuple(one for part in parts for one in part.restrictions),
    )
