"""Label selectors, as the Kubernetes API has them."""

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.words import LABEL_KEYS, LabelValue
from coder_cva.api.validation import ATOMIC, Validation


class LabelExpression(Part):
    """One requirement on a label: the key, how it is compared, and with which values."""

    validations = (
        Validation(
            cel="self.operator in ['In', 'NotIn'] == (has(self.values) && self.values.size() > 0)",
            message="values go with operator In or NotIn and with no other: add or remove them",
            holds=lambda self: (self.operator in {"In", "NotIn"}) == bool(self.values),
        ),
    )

    key: Annotated[str, Field(min_length=1, max_length=317)]
    """The label's key."""
    operator: Literal["In", "NotIn", "Exists", "DoesNotExist"]
    """How the label is compared."""
    values: Annotated[tuple[LabelValue, ...], Field(max_length=32)] = ()
    """What the label's value is compared with, for In and NotIn."""


class LabelSelector(Part):
    """Which objects, by their labels. All requirements must hold; an empty selector means every object."""

    model_config = ConfigDict(json_schema_extra=dict(ATOMIC))

    match_labels: Annotated[dict[str, LabelValue], Field(max_length=32), LABEL_KEYS] = Field(
        default_factory=dict
    )
    """Labels that must be there with exactly these values."""
    match_expressions: Annotated[tuple[LabelExpression, ...], Field(max_length=16)] = ()
    """Further requirements."""
