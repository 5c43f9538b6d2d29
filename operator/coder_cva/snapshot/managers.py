"""An object's metadata in, who manages it out. What somebody else manages is never written to."""

from typing import Final

from coder_cva.snapshot import marks
from coder_cva.snapshot.records import Meta

OPERATOR: Final = "operator"
_CODER_K8S_KINDS: Final = frozenset(
    {"CoderControlPlane", "CoderProvisioner", "CoderWorkspaceProxy"}
)
_FLUX: Final = ("kustomize.toolkit.fluxcd.io/name", "helm.toolkit.fluxcd.io/name")
_ARGO: Final = "argocd.argoproj.io/tracking-id"
_ARGO_LABEL: Final = "argocd.argoproj.io/instance"
_HELM: Final = "meta.helm.sh/release-name"


def manager_of(meta: Meta) -> str:
    """``operator``, ``coder-k8s``, ``Argo CD``, ``Flux``, ``Helm``, or "" where nothing says it.

    GitOps tools come before Helm: Argo CD renders charts itself and leaves Helm's label on them,
    and what Flux installs through Helm is changed in Flux's repository.
    """
    labels, notes = meta.labels, meta.annotations
    managed_by = labels.get(marks.MANAGED_BY, "")
    is_owned = meta.owner is not None and meta.owner.uid == labels.get(marks.OWNER_UID)
    if managed_by == marks.OURS or is_owned:
        return OPERATOR
    if managed_by == "coder-k8s" or (meta.owner and meta.owner.kind in _CODER_K8S_KINDS):
        return "coder-k8s"
    if _ARGO in notes or _ARGO_LABEL in labels:
        return "Argo CD"
    if any(key in labels for key in _FLUX):
        return "Flux"
    if managed_by == "Helm" or _HELM in notes or labels.get("heritage") == "Helm":
        return "Helm"
    return ""


def is_by_us(meta: Meta, uid: str, reference: str) -> bool:
    """Whether it was made for this CoderDeployment or left to it, and nobody else has taken it since."""
    made = is_made_for(meta, uid) or is_left_for(meta, reference)
    return made and manager_of(meta) in ("", OPERATOR)


def is_made_for(meta: Meta, uid: str) -> bool:
    """Whether an object was made by this operator for the CoderDeployment of this UID."""
    owned = meta.owner is not None and meta.owner.uid == uid
    return bool(uid) and (meta.labels.get(marks.OWNER_UID) == uid or owned)


def is_left_for(meta: Meta, reference: str) -> bool:
    """Whether it outlived, on purpose, an earlier CoderDeployment of this ``namespace/name``.

    Either it says so (``deletionPolicy: Orphan``), or its ownerReference was taken off (``kubectl
    delete --cascade=orphan``), or it was released.
    """
    free = meta.owner is None and meta.labels.get(marks.MANAGED_BY) == marks.OURS
    survives = marks.SURVIVES in meta.labels or free
    of_name = meta.annotations.get(marks.CONSENT) == reference
    return (survives and of_name) or is_released(meta, reference)


def is_released(meta: Meta, reference: str) -> bool:
    """Whether this operator made it for this ``namespace/name``, has let it go, and nobody took it since.

    It still says for whom it was made, and by nobody that it is managed: it may be taken up again.
    """
    was_ours = marks.OWNER_UID in meta.labels and meta.annotations.get(marks.CONSENT) == reference
    return was_ours and meta.owner is None and not manager_of(meta)


def is_of_name(meta: Meta, uid: str, reference: str) -> bool:
    """Whether this operator made it for the CoderDeployment of this UID, or an earlier of its name.

    The earlier one's objects are no stranger's: they are about to go, or to be taken up again.
    """
    by_us = meta.labels.get(marks.MANAGED_BY) == marks.OURS
    return is_made_for(meta, uid) or (by_us and meta.annotations.get(marks.CONSENT) == reference)
