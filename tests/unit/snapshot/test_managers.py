import pytest

from coder_cva.snapshot import marks
from coder_cva.snapshot.managers import (
    is_left_for,
    is_made_for,
    is_of_name,
    is_released,
    manager_of,
)
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
        (
            "operator",
            Meta(
                "a",
                labels={**HELM, marks.OWNER_UID: "u"},
                owner=Owner("CoderDeployment", "coder", "u"),
            ),
        ),
        ("Helm", Meta("a", labels={**HELM, marks.OWNER_UID: "u"})),
        ("", Meta("a", labels={marks.OWNER_UID: "u"})),
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


def test_what_an_earlier_deployment_left_on_purpose_is_known() -> None:
    """By the label and the reference together; either alone is not enough."""
    left = {marks.SURVIVES: "true"}
    reference = {marks.CONSENT: "coder/coder"}

    assert is_left_for(Meta("a", labels=left, annotations=reference), "coder/coder")
    assert not is_left_for(Meta("a", labels=left, annotations=reference), "coder/other")
    assert not is_left_for(Meta("a", annotations=reference), "coder/coder")
    assert not is_left_for(Meta("a", labels=left), "coder/coder")
    freed = {marks.MANAGED_BY: marks.OURS}
    owner = Owner("CoderDeployment", "coder", "u")
    assert is_left_for(Meta("a", labels=freed, annotations=reference), "coder/coder")
    assert not is_left_for(
        Meta("a", labels=freed, annotations=reference, owner=owner), "coder/coder"
    )


def test_what_was_released_is_known_until_somebody_takes_it() -> None:
    """By the UID and the reference together, while nobody owns it nor says that he manages it."""
    left = {marks.OWNER_UID: "u"}
    reference = {marks.CONSENT: "coder/coder"}

    assert is_released(Meta("a", labels=left, annotations=reference), "coder/coder")
    assert is_left_for(Meta("a", labels=left, annotations=reference), "coder/coder")
    for taken in (
        Meta("a", labels=left, annotations={marks.CONSENT: "coder/other"}),
        Meta("a", annotations=reference),
        Meta("a", labels={**left, **HELM}, annotations=reference),
        Meta("a", labels={**left, marks.MANAGED_BY: marks.OURS}, annotations=reference),
        Meta("a", labels=left, annotations=reference, owner=Owner("CoderControlPlane", "a", "v")),
    ):
        assert not is_released(taken, "coder/coder")


def test_an_earlier_deployment_of_the_name_is_no_stranger() -> None:
    """Its objects are ours, owned still or not; another name's are not, whoever wrote the annotation."""
    ours, reference = {marks.MANAGED_BY: marks.OURS}, {marks.CONSENT: "coder/coder"}
    old = Meta(
        "a", labels=ours, annotations=reference, owner=Owner("CoderDeployment", "coder", "u")
    )

    assert is_of_name(old, "v", "coder/coder")
    assert not is_of_name(old, "v", "coder/other")
    assert not is_of_name(Meta("a", annotations=reference), "v", "coder/coder")
