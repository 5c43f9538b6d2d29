"""Whether the API server gets through to the operator's webhook, tried by a dry run that writes nothing."""

from typing import Final

from coder_cva.desired.webhook_probe import ANSWER, NAME
from coder_cva.desired.webhook_reach import unasked
from coder_cva.kube import paths
from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.kube.writer import MERGE
from coder_cva.snapshot.webhook_calls import Call, Came
from coder_cva.values.manifest import Ref, dig

_REVIEWS: Final = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
_REVIEW: Final = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
_NO_WORD: Final = frozenset({401, 404, 408, 409, 410, 429})
"""Statuses that say nothing about the webhook: credentials, what is gone, contention, haste."""
_NOT_YET: Final = "not yet ready to handle request"
"""How an API server refuses that has not read its webhooks since its own start."""
_TIMEOUT: Final = 10.0
"""Seconds: the webhook's two, and an API server that has much to do."""


async def caller(connection: Connection) -> str | None:
    """The operator's own name at the API server; "" where that is not told, None where no answer came."""
    try:
        answer = await connection.request("POST", _REVIEWS, body=_REVIEW)
    except NoAnswer:
        return None
    if answer.ok:
        return str(dig(answer.body, "status", "userInfo", "username", default=""))
    return None if answer.status in {401, 408, 429} or answer.status >= 500 else ""


async def call(connection: Connection, namespace: str, name: str) -> Call:
    """Has the API server ask the webhook about a change of nothing in the status of this CoderDeployment."""
    source = paths.CODER_DEPLOYMENTS
    path = paths.item(Ref(source.api_version, source.kind, namespace, name))
    try:
        answer = await connection.request(
            "PATCH",
            f"{path}/status",
            params={"dryRun": "All", "fieldManager": "coder-cva-operator-probe"},
            body={},
            content_type=MERGE,
            timeout=_TIMEOUT,
        )
    except NoAnswer as error:
        return Call(Came.UNKNOWN, str(error))
    return told(answer)


def told(answer: Answer) -> Call:
    """What an answer of the API server says about the webhook."""
    if answer.ok:
        is_asked = any(ANSWER in one for one in answer.warnings)
        return Call(Came.ANSWERED) if is_asked else Call(Came.UNASKED, unasked(""))
    if NAME in answer.message:
        return Call(Came.FAILED, answer.message)
    if answer.status in _NO_WORD or answer.status >= 500 or _NOT_YET in answer.message:
        return Call(Came.UNKNOWN, answer.message)
    return Call(Came.UNASKED, unasked(f": {answer.message}"))
