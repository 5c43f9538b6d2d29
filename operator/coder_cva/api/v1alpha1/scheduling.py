"""The node pools of the architecture: which nodes, and how firmly Pods are bound to them."""

from typing import Annotated, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.words import LABEL_KEYS, Flag, LabelValue
from coder_cva.api.validation import ATOMIC, Validation

PlacementMode = Literal["Auto", "Required", "Preferred"]


class Toleration(Part):
    """A taint that Pods put up with, as in the Kubernetes API."""

    validations = (
        Validation(
            cel="(has(self.key) && self.key != '') || (has(self.operator) && self.operator == 'Exists')",
            message="a toleration without key needs operator Exists: add one of the two",
            holds=lambda self: bool(self.key) or self.operator == "Exists",
        ),
        Validation(
            cel="!has(self.operator) || self.operator != 'Exists' || !has(self.value) || self.value == ''",
            message="a toleration with operator Exists has no value: remove value",
            holds=lambda self: self.operator != "Exists" or not self.value,
        ),
        Validation(
            cel="!has(self.tolerationSeconds) || (has(self.effect) && self.effect == 'NoExecute')",
            message="tolerationSeconds goes with effect NoExecute: set the effect, or remove it",
            holds=lambda self: self.toleration_seconds is None or self.effect == "NoExecute",
        ),
    )

    key: Annotated[str, Field(max_length=317)] | None = None
    """The taint's key; absent with operator Exists means every taint."""
    operator: Literal["Exists", "Equal"] | None = None
    """How the taint is compared; absent means Equal."""
    value: LabelValue | None = None
    """The taint's value, for Equal."""
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = None
    """The taint's effect; absent means every effect."""
    toleration_seconds: Annotated[int, Field(strict=True, ge=0, le=2_147_483_647)] | None = None
    """For how many seconds a NoExecute taint is put up with; absent means for ever."""


class NodePool(Part):
    """A pool of nodes, by the labels that its nodes have (CVA-NODE-001)."""

    selector: Annotated[
        dict[str, LabelValue],
        Field(min_length=1, max_length=8, json_schema_extra=dict(ATOMIC)),
        LABEL_KEYS,
    ]
    """The labels of the pool's nodes, all of them; at least one. The two pools may not be the same."""
    tolerations: Annotated[tuple[Toleration, ...], Field(max_length=16)] = ()
    """The taints of the pool's nodes that its Pods put up with."""
    placement: PlacementMode = "Auto"
    """How firmly Pods are bound to the pool. Auto requires it while the pool can take the Pod and
    prefers it otherwise, so that a pool that vanishes never keeps a Pod from starting. Required and
    Preferred are your own decision. Source: CVA-NODE-003, CVA-NODE-005."""


class StaticNodePool(NodePool):
    """The control plane's pool, from which no autoscaler is to take nodes away (CVA-NODE-002)."""

    protect_nodes: Flag = False
    """Whether the operator annotates the pool's nodes so that cluster-autoscaler and Karpenter leave them:
    cluster-autoscaler.kubernetes.io/scale-down-disabled or karpenter.sh/do-not-disrupt. What
    others have set stands. Whoever runs the operator has to allow it: deploy/optional/protect-nodes.yaml."""
