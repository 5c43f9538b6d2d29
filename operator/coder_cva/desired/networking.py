"""The NetworkPolicies of one CoderDeployment (CVA-NET-001 to CVA-NET-005).

NetworkPolicies are a union, and the first one that selects a Pod isolates it. So ours say only ingress,
never egress; they never select every Pod of a namespace; and where others isolate, ours stay away.
"""

from coder_cva.desired import network_coderd, network_workspaces
from coder_cva.desired.plan import Part
from coder_cva.snapshot.world import World


def build_network_policies(world: World) -> Part:
    """The policies for coderd and for workspaces, what is held back, and what they leave open."""
    coderd, workspaces = network_coderd.build(world), network_workspaces.build(world)
    return Part(
        objects=(*coderd.objects, *workspaces.objects),
        withheld=(*coderd.withheld, *workspaces.withheld),
        previews=(*coderd.previews, *workspaces.previews),
        restrictions=(*coderd.restrictions, *workspaces.restrictions),
    )
