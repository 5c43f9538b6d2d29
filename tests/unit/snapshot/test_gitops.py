"""Which application of a GitOps tool applies an object, by what the tool itself writes on it."""

from __future__ import annotations

import pytest

from coder_cva.snapshot.gitops import application_of

ID, LABEL = "argocd.argoproj.io/tracking-id", "argocd.argoproj.io/instance"
HELM, KUSTOMIZE = "helm.toolkit.fluxcd.io", "kustomize.toolkit.fluxcd.io"


@pytest.mark.parametrize(
    ("labels", "annotations", "application"),
    [
        ({}, {}, ""),
        ({"app.kubernetes.io/instance": "coder"}, {}, ""),
        ({"app.kubernetes.io/managed-by": "Helm"}, {"meta.helm.sh/release-name": "coder"}, ""),
        ({}, {ID: "apps:apps/Deployment:coder/coder"}, "Argo CD's application apps"),
        ({}, {ID: "argocd_apps:apps/Deployment:coder/coder"}, "Argo CD's application argocd_apps"),
        ({}, {ID: "apps:apps/Deployment:coder/other"}, ""),
        ({}, {ID: "apps:apps/ReplicaSet:coder/coder"}, ""),
        ({}, {ID: ":apps/Deployment:coder/coder"}, ""),
        ({}, {ID: "apps"}, ""),
        ({LABEL: "apps"}, {}, "Argo CD's application apps"),
        ({LABEL: ""}, {}, ""),
        ({f"{HELM}/name": "coder"}, {}, "Flux's HelmRelease coder"),
        (
            {f"{HELM}/name": "coder", f"{HELM}/namespace": "flux"},
            {},
            "Flux's HelmRelease flux/coder",
        ),
        ({f"{KUSTOMIZE}/name": "coder"}, {}, "Flux's Kustomization coder"),
        ({f"{KUSTOMIZE}/namespace": "flux"}, {}, ""),
        (
            {f"{KUSTOMIZE}/name": "all", f"{HELM}/name": "coder"},
            {},
            "Flux's HelmRelease coder",
        ),
    ],
)
def test_only_what_a_gitops_tool_writes_counts(
    labels: dict[str, str], annotations: dict[str, str], application: str
) -> None:
    """A copied tracking id names another object, and Helm's own marks prove nothing."""
    assert application_of(labels, annotations, "apps/Deployment", "coder/coder") == application
