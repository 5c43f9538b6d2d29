"""Coder's own API: whether it is asked, where it is, and with which token."""

from typing import Annotated

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.words import DataKey, ObjectName
from coder_cva.api.validation import matching

ServerUrl = Annotated[
    str,
    Field(max_length=2048),
    matching(
        r"https?://([A-Za-z0-9]([-A-Za-z0-9.]*[A-Za-z0-9])?|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?/?",
        "is no URL of a server alone, without user, path and query: "
        "write for example https://coder.example.com",
    ),
]
"""The URL of a server: scheme and host, and a port where it is none of the usual ones."""


class TokenSecretRef(Part):
    """A key of a Secret in the CoderDeployment's namespace."""

    name: ObjectName
    """The Secret's name."""
    key: DataKey = "token"
    """The key inside it, whose value is a token as coder tokens create prints it."""


class CoderAPI(Part):
    """Coder's own API. It is only read; the rules that use it are unknown, or as the spec says, without it."""

    token_secret_ref: TokenSecretRef
    """The Secret that holds the token. An Owner's shows everything; one of an account with the roles Auditor
    and Template Admin shows all but coderd's health, its replicas and the queue of builds. The operator needs get
    on this one Secret: deploy/optional/coder-token-reader.yaml."""
    url: ServerUrl | None = None
    """Where the operator reaches Coder, for example https://coder.example.com. Absent means coderd's Service
    in this namespace, by http: the one that the operator makes, or coder, as Coder's chart names it."""
