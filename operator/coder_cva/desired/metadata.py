"""Names, labels and ownership that every object of ours carries."""

from typing import Any, Final

from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.snapshot import marks
from coder_cva.values.names import derived

MANAGER: Final = marks.OURS
"""Our one server-side field manager, and the value of app.kubernetes.io/managed-by."""
MANAGED_BY: Final = marks.MANAGED_BY
OWNER_UID: Final = marks.OWNER_UID
"""Label: the UID of the CoderDeployment, by which objects without an ownerReference are found."""
OWNER_NAME: Final = marks.CONSENT
"""Annotation: ``namespace/name`` of the CoderDeployment; on a Namespace it is that namespace's consent."""
SHARED: Final = "cva.coder.com/shared"
"""Label of the few cluster-scoped objects that serve every CoderDeployment."""
INSTANCE: Final = "app.kubernetes.io/instance"
"""Label by which Argo CD may know what it made: only on objects that have an ownerReference."""
ORPHANED: Final = marks.SURVIVES
"""Label of what stays when the CoderDeployment goes (``deletionPolicy: Orphan``): never swept."""


def metadata(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    *,
    labels: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """The metadata of an object of ours; ``namespace`` is "" for a cluster-scoped one.

    In the owner's own namespace there is an ownerReference, so that the garbage collector takes
    the object when the CoderDeployment goes, the operator up or down. Elsewhere the label with the
    owner's UID is what the sweep looks for. Labels of Argo CD and Flux are never copied: they
    would prune what they find.
    """
    made: dict[str, Any] = {
        "name": name,
        "labels": {MANAGED_BY: MANAGER, OWNER_UID: owner.uid, **(labels or {})},
        "annotations": {OWNER_NAME: owner.reference, **(annotations or {})},
    }
    if namespace:
        made["namespace"] = namespace
    if namespace == owner.namespace:
        made["ownerReferences"] = [owner_reference(owner)]
    return made


def shared_metadata(name: str) -> dict[str, Any]:
    """The metadata of a cluster-scoped object that serves every CoderDeployment; it names none of them."""
    return {"name": name, "labels": {MANAGED_BY: MANAGER, SHARED: "true"}}


def owner_reference(owner: CoderDeployment) -> dict[str, Any]:
    """The ownerReference to a CoderDeployment; deleting in the foreground does not wait for us."""
    return {
        "apiVersion": "cva.coder.com/v1alpha1",
        "kind": "CoderDeployment",
        "name": owner.name,
        "uid": owner.uid,
        "controller": True,
        "blockOwnerDeletion": False,
    }


def name_in(owner: CoderDeployment, namespace: str, *parts: str) -> str:
    """The name of an object of ours in a namespace, 63 characters at most.

    Elsewhere than at home it tells whose it is: two deployments may act on one namespace.
    """
    prefix = () if namespace == owner.namespace else (owner.namespace,)
    return derived(*prefix, owner.name, *parts)
