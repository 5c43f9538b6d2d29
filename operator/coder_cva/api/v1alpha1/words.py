"""The scalar words of the resource: names, ids, labels, each with its grammar and its limits.

Lengths are part of the contract: the API server estimates what a validation may cost from them.
"""

from typing import Annotated, Final

from pydantic import Field

from coder_cva.api.validation import Validation, keys_matching, matching

_LABEL_PART: Final = "[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?"
_LABEL_KEY: Final = f"([a-z0-9]([-a-z0-9.]{{0,251}}[a-z0-9])?/)?{_LABEL_PART}"

Flag = Annotated[bool, Field(strict=True)]
"""True or false; a text or a number is refused, as the API server does."""

ObjectName = Annotated[
    str,
    Field(max_length=253),
    matching(
        "[a-z0-9]([-a-z0-9.]*[a-z0-9])?",
        "is no name of a Kubernetes object: write lower-case letters, digits, dashes and dots",
    ),
]
"""The name of a Secret, a ConfigMap or a StorageClass (RFC 1123 subdomain)."""

NamespaceName = Annotated[
    str,
    Field(max_length=63),
    matching(
        "[a-z0-9]([-a-z0-9]*[a-z0-9])?",
        "is no name of a Namespace: write lower-case letters, digits and dashes",
    ),
]
"""The name of a Namespace (RFC 1123 label)."""

DataKey = Annotated[
    str,
    Field(max_length=253),
    matching(
        "[-._a-zA-Z0-9]+",
        "is no key inside a Secret or ConfigMap: write letters, digits, dashes, dots and underscores",
    ),
]
"""A key inside a Secret or a ConfigMap."""

Sentence = Annotated[
    str,
    Field(max_length=1024),
    Validation(
        cel="self.trim().size() > 0",
        message="is empty: write at least one word that a reader can follow up",
        holds=lambda value: bool(value.strip()),
    ),
]
"""Prose by the user that must say something."""

LabelValue = Annotated[
    str,
    Field(max_length=63),
    matching(
        f"({_LABEL_PART})?",
        "is no value of a label: write letters, digits, dashes, dots and underscores, "
        "with a letter or digit at both ends",
    ),
]
"""The value of a label."""

LABEL_KEYS: Final = keys_matching(
    _LABEL_KEY,
    "has a key that is none of a label: write for example coder.com/node-group or pool",
)
"""For mappings whose keys are label or annotation keys."""
