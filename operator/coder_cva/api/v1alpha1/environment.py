"""coderd's environment: what the user may add, and which names the operator keeps for itself."""

from typing import Annotated, Final

from pydantic import Field

from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.words import DataKey, Flag, ObjectName
from coder_cva.api.validation import Validation, matching

_ADDRESSES: Final = "leave it out, the ports and addresses of Coder's chart are kept"
_RELAY: Final = "leave it out, replicas find each other by the address of their Pod"
_TLS: Final = "use spec.controlPlane.tls.secretNames"
_DATABASE: Final = "use spec.database.urlSecretRef"

OWNED: Final = {
    "CODER_ACCESS_URL": "use spec.controlPlane.accessURL",
    "CODER_CLUSTER_HOST": _RELAY,
    "CODER_DERP_SERVER_RELAY_URL": _RELAY,
    "CODER_EXTERNAL_TOKEN_ENCRYPTION_KEYS": "use spec.controlPlane.encryption.keysSecretRef",
    "CODER_HTTP_ADDRESS": _ADDRESSES,
    "CODER_PG_CONNECTION_URL": _DATABASE,
    "CODER_PG_CONNECTION_URL_FILE": _DATABASE,
    "CODER_PPROF_ADDRESS": _ADDRESSES,
    "CODER_PROMETHEUS_ADDRESS": _ADDRESSES,
    "CODER_PROMETHEUS_ENABLE": "leave it out, metrics are always on (CVA-OBS-001)",
    "CODER_PROVISIONER_DAEMONS": "use spec.provisioners.builtInDaemons",
    "CODER_TLS_ADDRESS": _TLS,
    "CODER_TLS_CERT_FILE": _TLS,
    "CODER_TLS_ENABLE": _TLS,
    "CODER_TLS_KEY_FILE": _TLS,
    "CODER_WILDCARD_ACCESS_URL": "use spec.controlPlane.wildcardAccessURL",
    "KUBE_POD_IP": _RELAY,
}
"""Names that the operator sets on coderd, each with what to do instead of writing it under env."""


def _table() -> str:
    """OWNED as a CEL map."""
    return "{" + ", ".join(f'"{name}": "{remedy}"' for name, remedy in OWNED.items()) + "}"


class KeyRef(Part):
    """A key inside a Secret or a ConfigMap of the CoderDeployment's namespace."""

    name: ObjectName
    """The object's name."""
    key: DataKey
    """The key inside it."""
    optional: Flag | None = None
    """Whether coderd may start without it."""


class FieldRef(Part):
    """A field of coderd's own Pod."""

    field_path: Annotated[str, Field(min_length=1, max_length=256)]
    """The path, for example metadata.namespace."""
    api_version: Annotated[str, Field(max_length=16)] | None = None
    """The version in which the path is written; absent means v1."""


class EnvSource(Part):
    """Where the value of a variable comes from: exactly one of the three."""

    validations = (
        Validation(
            cel="[has(self.secretKeyRef), has(self.configMapKeyRef), has(self.fieldRef)]"
            ".filter(one, one).size() == 1",
            message="valueFrom takes exactly one of secretKeyRef, configMapKeyRef and fieldRef: keep one",
            holds=lambda self: (
                [self.secret_key_ref, self.config_map_key_ref, self.field_ref].count(None) == 2
            ),
        ),
    )

    secret_key_ref: KeyRef | None = None
    """A key of a Secret."""
    config_map_key_ref: KeyRef | None = None
    """A key of a ConfigMap."""
    field_ref: FieldRef | None = None
    """A field of the Pod."""


class EnvVar(Part):
    """One environment variable of coderd."""

    validations = (
        Validation(
            cel="!(has(self.value) && has(self.valueFrom))",
            message="a variable has value or valueFrom, never both: remove one of the two",
            holds=lambda self: self.value is None or self.value_from is None,
        ),
        Validation(
            cel=f"!(self.name in {_table()})",
            message="this variable belongs to the operator: use the field of spec that sets it",
            holds=lambda self: self.name not in OWNED,
            field_path=".name",
            message_cel=f'self.name + " belongs to the operator: " + {_table()}[self.name]',
            tell=lambda self: f"{self.name} belongs to the operator: {OWNED[self.name]}",
        ),
    )

    name: Annotated[
        str,
        Field(max_length=128),
        matching(
            "[-._a-zA-Z][-._a-zA-Z0-9]*",
            "is no name of a variable: write letters, digits and underscores, no digit in front",
        ),
    ]
    """The variable's name. Names that the operator sets are refused with the field that sets them."""
    value: Annotated[str, Field(max_length=16384)] | None = None
    """The value as text; $(NAME) refers to a variable further up. Secrets belong into valueFrom."""
    value_from: EnvSource | None = None
    """Where the value comes from instead."""


class ObjectRef(Part):
    """A Secret or a ConfigMap of the CoderDeployment's namespace."""

    name: ObjectName
    """The object's name."""
    optional: Flag | None = None
    """Whether coderd may start without it."""


class EnvFrom(Part):
    """All keys of a Secret or a ConfigMap as variables: exactly one of the two."""

    validations = (
        Validation(
            cel="has(self.secretRef) != has(self.configMapRef)",
            message="envFrom takes exactly one of secretRef and configMapRef: keep one",
            holds=lambda self: (self.secret_ref is None) != (self.config_map_ref is None),
        ),
    )

    secret_ref: ObjectRef | None = None
    """A Secret."""
    config_map_ref: ObjectRef | None = None
    """A ConfigMap."""
    prefix: Annotated[str, Field(max_length=128)] | None = None
    """Text that is put before each key."""
