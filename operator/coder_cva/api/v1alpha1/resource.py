"""The CoderDeployment as a whole: a manifest or a live object in, a frozen model out."""

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

from pydantic import Field, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

from coder_cva.api import errors
from coder_cva.api.part import Part
from coder_cva.api.v1alpha1.spec import Spec
from coder_cva.api.v1alpha1.status import Status
from coder_cva.api.validation import Validation
from coder_cva.values.manifest import pruned

GROUP: Final = "cva.coder.com"
VERSION: Final = "v1alpha1"
API_VERSION: Final = f"{GROUP}/{VERSION}"
KIND: Final = "CoderDeployment"
PLURAL: Final = "coderdeployments"
NAME_LIMIT: Final = 40
"""Characters of a name: what is derived from it, with the namespace's part, has to stay a label."""

NAME_RULES: Final = (
    Validation(
        cel=f"self.metadata.name.size() <= {NAME_LIMIT}",
        message=f"metadata.name has more than {NAME_LIMIT} characters: choose a shorter one, "
        "for names of other objects are made from it",
        holds=lambda self: len(self.metadata.name) <= NAME_LIMIT,
        field_path=".metadata.name",
    ),
    Validation(
        cel="self.metadata.name.matches(r'^[a-z]([-a-z0-9]*[a-z0-9])?$')",
        message="metadata.name becomes the name of a Service: begin with a letter and write "
        "lower-case letters, digits and dashes",
        holds=lambda self: _is_service_name(self.metadata.name),
        field_path=".metadata.name",
    ),
)


def _is_service_name(name: str) -> bool:
    return (
        name[:1].isalpha()
        and name.isascii()
        and name == name.lower()
        and name.replace("-", "").isalnum()
        and not name.endswith("-")
    )


class Metadata(Part):
    """The metadata that somebody here uses. Texts are empty where a manifest was never applied."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    creation_timestamp: str = ""
    deletion_timestamp: str | None = None
    labels: dict[str, str] = Field(default_factory=dict)
    annotations: dict[str, str] = Field(default_factory=dict)


def _or_empty(value: Any, handler: ValidatorFunctionWrapHandler) -> Status:
    """The status, or an empty one: what an older or newer operator wrote must never stop this one."""
    try:
        status: Status = handler(value)
    except ValidationError:
        return Status()
    return status


class CoderDeployment(Part):
    """Coder on this cluster, kept on the Coder Validated Architecture."""

    validations = NAME_RULES

    api_version: Literal["cva.coder.com/v1alpha1"] = "cva.coder.com/v1alpha1"
    kind: Literal["CoderDeployment"] = "CoderDeployment"
    metadata: Metadata
    spec: Spec
    """What the cluster is to be."""
    status: Annotated[Status, WrapValidator(_or_empty)] = Status()
    """What the operator saw and did."""

    @property
    def name(self) -> str:
        """Its name."""
        return self.metadata.name

    @property
    def namespace(self) -> str:
        """Its namespace, "" for a manifest that says none."""
        return self.metadata.namespace

    @property
    def reference(self) -> str:
        """``namespace/name``, by which objects of ours and consenting namespaces name it."""
        return f"{self.namespace}/{self.name}"

    @property
    def uid(self) -> str:
        """Its identity, "" before it was applied. Applied again after a deletion it is another one."""
        return self.metadata.uid

    @property
    def generation(self) -> int:
        """Counts the changes of spec, from 1; 0 before it was applied."""
        return self.metadata.generation

    @property
    def created(self) -> str:
        """The API server's RFC 3339 text in UTC, so that texts sort by time; "" before it was applied."""
        return self.metadata.creation_timestamp

    @property
    def age(self) -> tuple[bool, str, str]:
        """Sorts the older one first; the UID decides where the clock cannot. Never applied is the youngest."""
        return not self.created, self.created, self.uid

    @property
    def deleting(self) -> bool:
        """Whether it is on its way out."""
        return self.metadata.deletion_timestamp is not None


def parse(resource: Mapping[str, Any]) -> CoderDeployment:
    """The model of a manifest or a live object, defaults filled in as the API server would.

    Entries that are null count as absent, as they do on the API server.

    Raises:
        InvalidSpec: the resource cannot be understood; it names every field and its remedy.
    """
    try:
        return CoderDeployment.model_validate(pruned(resource))
    except ValidationError as error:
        raise errors.explain(error) from error
