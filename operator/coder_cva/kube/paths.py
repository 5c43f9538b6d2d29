"""Which URL an object has: a closed table of the kinds that the operator reads and writes."""

from dataclasses import replace
from typing import Final
from urllib.parse import quote

from coder_cva.snapshot.needs import SOURCES, Source
from coder_cva.values.manifest import Ref

ADMISSION: Final = "admissionregistration.k8s.io"
CODER_DEPLOYMENTS: Final = Source(
    "cva.coder.com", "v1alpha1", "coderdeployments", "CoderDeployment"
)
CODER_PLACEMENTS: Final = Source("cva.coder.com", "v1alpha1", "coderplacements", "CoderPlacement")
SECRETS: Final = Source("", "v1", "secrets", "Secret")
SERVICE_ACCOUNTS: Final = Source("", "v1", "serviceaccounts", "ServiceAccount")
LEASES: Final = Source("coordination.k8s.io", "v1", "leases", "Lease")
EVENTS: Final = Source("events.k8s.io", "v1", "events", "Event")
MUTATING_POLICIES: Final = Source(
    ADMISSION, "v1", "mutatingadmissionpolicies", "MutatingAdmissionPolicy", namespaced=False
)
MUTATING_BINDINGS: Final = Source(
    ADMISSION,
    "v1",
    "mutatingadmissionpolicybindings",
    "MutatingAdmissionPolicyBinding",
    namespaced=False,
)
VALIDATING_POLICIES: Final = Source(
    ADMISSION, "v1", "validatingadmissionpolicies", "ValidatingAdmissionPolicy", namespaced=False
)
VALIDATING_BINDINGS: Final = Source(
    ADMISSION,
    "v1",
    "validatingadmissionpolicybindings",
    "ValidatingAdmissionPolicyBinding",
    namespaced=False,
)
MUTATING_WEBHOOKS: Final = Source(
    ADMISSION,
    "v1",
    "mutatingwebhookconfigurations",
    "MutatingWebhookConfiguration",
    namespaced=False,
)
VALIDATING_WEBHOOKS: Final = Source(
    ADMISSION,
    "v1",
    "validatingwebhookconfigurations",
    "ValidatingWebhookConfiguration",
    namespaced=False,
)

_TABLE: Final = {
    (source.group, source.kind): source
    for source in (
        *SOURCES.values(),
        CODER_DEPLOYMENTS,
        CODER_PLACEMENTS,
        SECRETS,
        SERVICE_ACCOUNTS,
        LEASES,
        EVENTS,
        MUTATING_POLICIES,
        MUTATING_BINDINGS,
        VALIDATING_POLICIES,
        VALIDATING_BINDINGS,
        MUTATING_WEBHOOKS,
        VALIDATING_WEBHOOKS,
    )
}


class UnknownKind(LookupError):
    """A kind that stands in no table: it was forgotten here, or it should not be touched."""


def source_of(ref: Ref) -> Source:
    """The source of an object, in the version that the reference names. Raises UnknownKind."""
    found = _TABLE.get((ref.group, ref.kind))
    if found is None:
        raise UnknownKind(f"{ref.kind} of {ref.api_version} is not in the table of kube/paths.py")
    return versioned(found, ref.api_version.rpartition("/")[2])


def versioned(source: Source, version: str) -> Source:
    """The same kind in another version of its group."""
    return replace(source, version=version)


def collection(source: Source, namespace: str = "") -> str:
    """The path of all objects of a kind, or of those of a namespace."""
    root = f"/apis/{source.group}/{source.version}" if source.group else f"/api/{source.version}"
    inside = f"/namespaces/{quote(namespace, safe='')}" if namespace else ""
    return f"{root}{inside}/{source.plural}"


def item(ref: Ref) -> str:
    """The path of one object.

    Raises:
        UnknownKind: the kind is not in the table.
        ValueError: a namespace where the kind has none, or none where it needs one.
    """
    source = source_of(ref)
    if source.namespaced != bool(ref.namespace):
        wanted = "needs a" if source.namespaced else "has no"
        raise ValueError(f"{ref}: a {ref.kind} {wanted} namespace")
    return f"{collection(source, ref.namespace)}/{quote(ref.name, safe='')}"
