"""While ``spec.suspend`` is true: nothing of ours restricts anybody, and nothing is brought back.

What refuses, changes or isolates goes at once, whatever else could not be read: it is the way out when
something is wrong. What carries coderd, and the budget that protects it, stays as it is and is not
looked after. docs/decisions/0018 says why.
"""

from typing import Final

from coder_cva.api.v1alpha1 import coder_placement
from coder_cva.desired import disruption, enforcement
from coder_cva.desired.enforcement import Mode
from coder_cva.snapshot.world import World

RESTRICTING: Final = frozenset(
    {
        "CiliumNetworkPolicy",
        coder_placement.KIND,
        "MutatingAdmissionPolicy",
        "MutatingAdmissionPolicyBinding",
        "MutatingWebhookConfiguration",
        "NetworkPolicy",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
    }
)
"""Kinds of which nothing of a suspended CoderDeployment is left."""


def kept_kinds(world: World, kinds: frozenset[str]) -> frozenset[str]:
    """Of the kinds that this operator writes those that stay. A budget stays while its rule is enforced."""
    is_protected = enforcement.mode(world.deployment, disruption.RULE) is Mode.ENFORCE
    going = RESTRICTING if is_protected else RESTRICTING | {"PodDisruptionBudget"}
    return kinds - going
