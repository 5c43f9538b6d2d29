"""From statuses to errors with a fate."""

from typing import Any

import pytest

from coder_cva import ports
from coder_cva.kube.connection import Answer, NoAnswer
from coder_cva.kube.refusals import field_owners, refusal, unreachable
from coder_cva.values.manifest import Ref

REF = Ref("apps/v1", "Deployment", "coder", "coder")


def cause(field: str, message: str, reason: str = "FieldManagerConflict") -> dict[str, str]:
    """A cause in the details of a Status."""
    return {"reason": reason, "message": message, "field": field}


CONFLICT = {
    "message": "Apply failed with 2 conflicts",
    "details": {
        "causes": [
            cause(".spec.replicas", 'conflict with "kubectl-edit" using apps/v1'),
            cause(".metadata.labels.x", 'conflict with "helm" with subresource "scale" using v1'),
            cause(".spec", "something else", reason="FieldValueInvalid"),
        ]
    },
}


@pytest.mark.parametrize(
    ("status", "body", "error"),
    [
        (400, {"message": "strict decoding error"}, ports.Invalid),
        (401, {"message": "Unauthorized"}, ports.Forbidden),
        (403, {"message": 'User "x" cannot patch resource'}, ports.Forbidden),
        (403, {"message": 'admission webhook "w" denied the request: no'}, ports.Invalid),
        (403, {"message": "exceeded quota: q"}, ports.Invalid),
        (403, {"details": {"causes": [cause("", "", "NamespaceTerminating")]}}, ports.NotServed),
        (404, {"message": "page not found"}, ports.NotServed),
        (405, {}, ports.NotServed),
        (409, CONFLICT, ports.FieldConflict),
        (409, {"message": "the UID in the precondition"}, ports.Stale),
        (413, {}, ports.Invalid),
        (422, {"message": "spec.x: Required value"}, ports.Invalid),
        (429, {}, ports.Unreachable),
        (500, {"message": "failed calling webhook"}, ports.Unreachable),
        (500, {"message": "failed to create typed patch object (x)"}, ports.Invalid),
        (503, {}, ports.Unreachable),
        (302, {}, ports.Unreachable),
    ],
)
def test_each_refusal_has_its_error(
    status: int, body: dict[str, Any], error: type[ports.WriteError]
) -> None:
    """The status, and where it is ambiguous the API server's words, decide about the error."""
    refused = refusal(REF, Answer(status, body))

    assert type(refused) is error
    assert refused.ref == REF
    assert refused.message == body.get("message", f"HTTP status {status}")


def test_the_owners_of_conflicting_fields() -> None:
    """Field and manager of each conflict, sorted; other causes are none."""
    assert field_owners(Answer(409, CONFLICT)) == (
        ports.FieldOwner(".metadata.labels.x", "helm"),
        ports.FieldOwner(".spec.replicas", "kubectl-edit"),
    )


def test_no_answer_is_unreachable() -> None:
    """What was not answered keeps the words of the connection."""
    error = unreachable(REF, NoAnswer("connection reset"))

    assert str(error) == "Deployment coder/coder: connection reset"


@pytest.mark.parametrize(
    ("group", "message", "is_told"),
    [
        ("cva.coder.com", "the server could not find the requested resource", True),
        ("cva.coder.com", 'namespaces "coder" not found', False),
        ("apps", "the server could not find the requested resource", False),
    ],
)
def test_a_missing_kind_of_our_own_names_what_to_apply(
    group: str, message: str, *, is_told: bool
) -> None:
    """An update of the operator without its CRDs; a namespace that is gone is something else."""
    ref = Ref(f"{group}/v1alpha1", "CoderPlacement", "coder", "coder")
    told = refusal(ref, Answer(404, {"message": message})).message
    assert message in told
    assert ("kubectl apply --server-side -k deploy/base" in told) is is_told
