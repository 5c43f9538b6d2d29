"""URLs of objects."""

import pytest

from coder_cva.kube import paths
from coder_cva.kube.owned import KINDS
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.values.manifest import Ref


@pytest.mark.parametrize(
    ("ref", "path"),
    [
        (Ref("v1", "Service", "coder", "coder"), "/api/v1/namespaces/coder/services/coder"),
        (Ref("apps/v1", "Deployment", "a", "b"), "/apis/apps/v1/namespaces/a/deployments/b"),
        (Ref("v1", "Node", "", "n"), "/api/v1/nodes/n"),
        (
            Ref("rbac.authorization.k8s.io/v1", "RoleBinding", "a", "x:y/z"),
            "/apis/rbac.authorization.k8s.io/v1/namespaces/a/rolebindings/x%3Ay%2Fz",
        ),
        (
            Ref("admissionregistration.k8s.io/v1beta1", "MutatingAdmissionPolicy", "", "p"),
            "/apis/admissionregistration.k8s.io/v1beta1/mutatingadmissionpolicies/p",
        ),
    ],
)
def test_the_path_of_an_object(ref: Ref, path: str) -> None:
    """Core and named groups, namespaced and not, the version of the reference, odd names."""
    assert paths.item(ref) == path


def test_every_kind_that_is_written_has_a_path() -> None:
    """What the operator owns, and the CoderDeployment, stand in the table."""
    for source in (*KINDS, paths.CODER_DEPLOYMENTS, *SOURCES.values()):
        ref = Ref(source.api_version, source.kind, "ns" if source.namespaced else "", "x")

        assert paths.item(ref).endswith(f"/{source.plural}/x")


@pytest.mark.parametrize(
    ("ref", "error"),
    [
        (Ref("batch/v1", "Job", "a", "b"), paths.UnknownKind),
        (Ref("v1", "Deployment", "a", "b"), paths.UnknownKind),
        (Ref("v1", "Node", "a", "b"), ValueError),
        (Ref("v1", "Service", "", "b"), ValueError),
    ],
)
def test_a_wrong_reference_is_a_clear_error(ref: Ref, error: type[Exception]) -> None:
    """A kind outside the table, or a namespace where there is none, never becomes a URL."""
    with pytest.raises(error, match=ref.kind):
        paths.item(ref)


def test_a_collection_of_one_namespace() -> None:
    """A namespace in the path, or the whole cluster."""
    pods = SOURCES[Need.PODS]

    assert paths.collection(pods) == "/api/v1/pods"
    assert paths.collection(pods, "a") == "/api/v1/namespaces/a/pods"
