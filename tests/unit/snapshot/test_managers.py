import pytest

from coder_cva.desired import metadata
from coder_cva.snapshot import marks
from coder_cva.snapshot.managers import is_made_for, manager_of
from coder_cva.snapshot.records import Meta, Owner

HELM = {"app.kubernetes.io/managed-by": "Helm"}


@pytest.mark.parametrize(
    ("expected", "meta"),
    [
        ("", Meta("a")),
        ("", Meta("a", labels={"app.kubernetes.io/managed-by": "somebody"})),
        ("Helm", Meta("a", labels=HELM)),
        ("Helm", Meta("a", annotations={"meta.helm.sh/release-name": "a"})),
        ("Argo CD", Meta("a", labels=HELM, annotations={"argocd.argoproj.io/tracking-id": "a"})),
        ("Argo CD", Meta("a", labels={**HELM, "argocd.argoproj.io/instance": "a"})),
        ("Flux", Meta("a", labels={**HELM, "helm.toolkit.fluxcd.io/name": "a"})),
        ("Flux", Meta("a", labels={"kustomize.toolkit.fluxcd.io/name": "a"})),
        ("coder-k8s", Meta("a", owner=Owner("CoderControlPlane", "a", "u"))),
        ("coder-k8s", Meta("a", labels={"app.kubernetes.io/managed-by": "coder-k8s"})),
        ("operator", Meta("a", labels={marks.MANAGED_BY: marks.OURS})),
        ("operator", Meta("a", labels={**HELM, marks.OWNER_UID: "u"})),
    ],
)
def test_who_manages_an_object(expected: str, meta: Meta) -> None:
    """By labels, annotations and the owner; GitOps tools before the Helm that they use."""
    assert manager_of(meta) == expected


def test_ours_is_a_matter_of_the_uid() -> None:
    """By label or ownerReference; a CoderDeployment that was never applied has made nothing."""
    assert is_made_for(Meta("a", labels={marks.OWNER_UID: "u"}), "u")
    assert is_made_for(Meta("a", owner=Owner("CoderDeployment", "coder", "u")), "u")
    assert not is_made_for(Meta("a", labels={marks.OWNER_UID: "v"}), "u")
    assert not is_made_for(Meta("a", owner=Owner("Deployment", "x", "")), "")


def test_what_is_recognised_is_what_is_written() -> None:
    """The marks of discovery are those that the builders put on objects."""
    assert metadata.MANAGER == marks.OURS
    assert metadata.MANAGED_BY == marks.MANAGED_BY
    assert metadata.OWNER_UID == marks.OWNER_UID
    assert metadata.OWNER_NAME == marks.CONSENT
