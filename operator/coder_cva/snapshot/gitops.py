"""The metadata of an object in, the application of a GitOps tool that applies it out.

Sources: Argo CD's resource tracking (annotation ``argocd.argoproj.io/tracking-id``, or the label of the same
group), the labels that Flux's helm-controller and kustomize-controller write. ``app.kubernetes.io/instance``
proves nothing: Helm writes it as well.
"""

from collections.abc import Mapping
from typing import Final

_ARGO_ID: Final = "argocd.argoproj.io/tracking-id"
_ARGO_LABEL: Final = "argocd.argoproj.io/instance"
_FLUX: Final = {
    "HelmRelease": "helm.toolkit.fluxcd.io",
    "Kustomization": "kustomize.toolkit.fluxcd.io",
}


def application_of(
    labels: Mapping[str, str], annotations: Mapping[str, str], kind: str, path: str
) -> str:
    """The application in words, ``Argo CD's application coder``; "" where no tool tracks the object.

    Args:
        labels: the object's.
        annotations: the object's.
        kind: its kind with its group, ``apps/Deployment``.
        path: its ``namespace/name``.
    """
    return _by_argo(labels, annotations, f"{kind}:{path}") or _by_flux(labels)


def _by_argo(labels: Mapping[str, str], annotations: Mapping[str, str], identity: str) -> str:
    """An id that names another object came along with a copy; Argo CD ignores it, too."""
    application, _, tracked = annotations.get(_ARGO_ID, "").partition(":")
    if application and tracked == identity:
        return f"Argo CD's application {application}"
    name = labels.get(_ARGO_LABEL, "")
    return f"Argo CD's application {name}" if name else ""


def _by_flux(labels: Mapping[str, str]) -> str:
    for kind, group in _FLUX.items():
        name = labels.get(f"{group}/name", "")
        if name:
            namespace = labels.get(f"{group}/namespace", "")
            return f"Flux's {kind} {namespace}/{name}" if namespace else f"Flux's {kind} {name}"
    return ""
