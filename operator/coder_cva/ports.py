"""What the story needs from the outside: reading, writing and telling, as protocols.

The core and `reconcile` know these; the `kube` room implements them. Errors are values with a fate:
``reason`` goes into a condition, ``retry_after`` (seconds) says when to try again, None means that
only a change by the user helps.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot.model import ClusterSnapshot
from coder_cva.snapshot.observations import Observations
from coder_cva.values.manifest import Manifest, Ref


class WriteError(Exception):
    """A write that the API server refused or never answered."""

    reason = "WriteFailed"
    retry_after: float | None = 30.0

    def __init__(self, ref: Ref, message: str) -> None:
        super().__init__(f"{ref}: {message}")
        self.ref = ref
        self.message = message


class Forbidden(WriteError):
    """The operator's ServiceAccount may not do this."""

    reason = "Forbidden"
    retry_after = 60.0


class Invalid(WriteError):
    """The API server refuses the object as it is (422, or an admission policy said no)."""

    reason = "Invalid"
    retry_after = 300.0


class NotServed(WriteError):
    """The kind is not served by this cluster, or the namespace is not there (404)."""

    reason = "NotServed"
    retry_after = 60.0


class Unreachable(WriteError):
    """No answer, a broken connection, 429 or a 5xx: nothing is known about what was done."""

    reason = "Unreachable"
    retry_after = 5.0


@dataclass(frozen=True, slots=True)
class FieldOwner:
    """A field that another manager holds, from the causes of a 409: its path and the manager."""

    field: str
    manager: str


class FieldConflict(WriteError):
    """Other managers hold fields that we render."""

    reason = "FieldConflict"
    retry_after = 30.0

    def __init__(self, ref: Ref, message: str, owners: tuple[FieldOwner, ...] = ()) -> None:
        super().__init__(ref, message)
        self.owners = owners


class Stale(WriteError):
    """A precondition (UID or resourceVersion) no longer holds: read again, then decide again."""

    reason = "Stale"
    retry_after = 1.0


class ApplyPort(Protocol):
    """Writing objects, one server-side field manager for all of ours."""

    async def live(self, ref: Ref) -> Mapping[str, Any] | None:
        """The object as it is now on the API server, None where there is none."""
        ...

    async def apply(
        self, manifest: Manifest, *, force: bool = False, dry_run: bool = False
    ) -> Mapping[str, Any]:
        """Server-side apply; the object that results. Raises WriteError (FieldConflict without force)."""
        ...

    async def amend(
        self, ref: Ref, metadata: Mapping[str, Any], *, version: str
    ) -> Mapping[str, Any]:
        """Merges this into the metadata of an object of that resourceVersion; null takes an entry out.

        The object that results. Raises WriteError (Stale where the version is another one).
        """
        ...

    async def delete(self, ref: Ref, *, uid: str) -> None:
        """Deletes the object of that UID (precondition); an absent one is fine. Raises WriteError."""
        ...

    async def evict(self, ref: Ref, *, uid: str) -> None:
        """Asks for the eviction of the Pod of that UID; an absent one is fine. Raises WriteError."""
        ...

    def owned(self) -> tuple[Mapping[str, Any], ...] | None:
        """All objects that carry our managed-by label, from the watches; None while not synced."""
        ...


class ReadPort(Protocol):
    """Reading the cluster."""

    async def deployments(self) -> tuple[Mapping[str, Any], ...]:
        """All CoderDeployments, live. Raises WriteError where they cannot be listed."""
        ...

    async def snapshot(self, secrets: frozenset[tuple[str, str]]) -> ClusterSnapshot:
        """The cluster now: the watched kinds, and the keys of the Secrets asked for by name."""
        ...


class ObservePort(Protocol):
    """Looking at what is not in the cluster's API: a database, a server of Coder's."""

    async def observations(self, deployment: CoderDeployment) -> Observations:
        """What was seen of this one; it does not raise, a look says itself what went wrong."""
        ...


class TellPort(Protocol):
    """Telling users: status and Events."""

    async def write_status(
        self, ref: Ref, uid: str, status: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Replaces the status of the CoderDeployment of that UID; what is stored. Raises WriteError."""
        ...

    async def emit(self, event: "Event") -> None:
        """Posts an Event; one that cannot be posted is logged and dropped."""
        ...


@dataclass(frozen=True, slots=True)
class Event:
    """A Kubernetes Event about a CoderDeployment: ``type`` is Normal or Warning."""

    regarding: Ref
    uid: str
    type: str
    reason: str
    message: str
    action: str = "Reconcile"
