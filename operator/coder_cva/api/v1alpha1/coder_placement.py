"""The CoderPlacement: what the admission policies read as their parameter. The operator alone writes it."""

from typing import Annotated, Final, Literal

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.placement import ControlPlanePlacement, WorkspacePlacement
from coder_cva.api.v1alpha1.resource import API_VERSION, Metadata
from coder_cva.api.validation import ATOMIC

KIND: Final = "CoderPlacement"
PLURAL: Final = "coderplacements"
PARAMETER: Final = {"apiVersion": API_VERSION, "kind": KIND}
"""What the admission policies name as the kind of their parameter."""


class PlacementWords(Part):
    """What is done to Pods and claims when they are created."""

    control_plane: ControlPlanePlacement | None = None
    """For coderd's Pods; absent where nothing is to be done."""
    workspaces: WorkspacePlacement | None = None
    """For workspaces; absent where nothing is to be done."""


class CoderPlacement(Part):
    """What is done at admission for the CoderDeployment of the same name.

    The operator writes it, and writes it again where somebody changes it: edit the CoderDeployment instead.
    """

    api_version: Literal["cva.coder.com/v1alpha1"] = "cva.coder.com/v1alpha1"
    kind: Literal["CoderPlacement"] = "CoderPlacement"
    metadata: Metadata
    # Atomic: the API server decodes it with every Pod, and an entry for each field would double it.
    spec: Annotated[PlacementWords, Field(json_schema_extra=dict(ATOMIC))]
    """What the admission policies go by, and the webhook where it stands in for them."""
