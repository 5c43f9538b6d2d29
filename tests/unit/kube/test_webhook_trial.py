"""What an answer of the API server says about the webhook behind it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from coder_cva.desired.webhook_probe import ANSWER
from coder_cva.kube import webhook_trial
from coder_cva.snapshot.webhook_calls import Came
from support.api_server import answer, refuse, watched

if TYPE_CHECKING:
    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi, Handler

OPERATOR = "system:serviceaccount:coder-cva-system:coder-cva-operator"
REVIEWED = {"status": {"userInfo": {"username": OPERATOR}}}
TIMED_OUT = (
    'Internal error occurred: failed calling webhook "coder-cva-probe.cva.coder.com": failed to call webhook: '
    'Post "https://w.ns.svc:443/coder-cva-probe/coder/main?timeout=2s": context deadline exceeded'
)
DENIED = 'admission webhook "validate.kyverno.svc-fail" does not support dry run'
NOT_YET = "coderdeployments is forbidden: not yet ready to handle request"


def warned(*texts: str) -> Handler:
    """An answer with these warnings, as an API server writes them."""

    async def handle(_request: web.Request) -> web.StreamResponse:
        response = web.json_response({})
        for one in texts:
            response.headers.add("Warning", f'299 - "{one}"')
        return response

    return handle


async def test_it_is_a_dry_run_of_a_change_of_nothing(api: FakeApi, connection: Connection) -> None:
    """On the status of one CoderDeployment, for which the operator has the right."""
    api.others = [warned("spec.old: deprecated", ANSWER)]

    call = await webhook_trial.call(connection, "coder", "main")

    assert call.is_answered
    method, path, query, headers, body = api.requests[0]
    assert (method, body) == ("PATCH", {})
    assert path.endswith("/v1alpha1/namespaces/coder/coderdeployments/main/status")
    assert query["dryRun"] == "All"
    assert headers["Content-Type"] == "application/merge-patch+json"


@pytest.mark.parametrize(
    ("handler", "came", "why"),
    [
        (warned(), Came.UNASKED, "without asking the webhook"),
        (warned("unknown field"), Came.UNASKED, "without asking the webhook"),
        (refuse(500, TIMED_OUT), Came.FAILED, "context deadline exceeded"),
        (refuse(400, DENIED), Came.UNASKED, "does not support dry run"),
        (refuse(422, "spec.tier: Invalid value"), Came.UNASKED, "Invalid value"),
        (refuse(403, NOT_YET), Came.UNKNOWN, "not yet ready"),
        (refuse(500, "etcdserver: request timed out"), Came.UNKNOWN, "etcdserver"),
        (refuse(503, "apiserver is shutting down"), Came.UNKNOWN, "shutting down"),
        (refuse(429, "too many requests"), Came.UNKNOWN, "too many"),
        (refuse(404, "not found"), Came.UNKNOWN, "not found"),
        (refuse(409, "the object has been modified"), Came.UNKNOWN, "modified"),
        (refuse(401, "Unauthorized"), Came.UNKNOWN, "Unauthorized"),
        (watched(drop=True), Came.UNKNOWN, ""),
    ],
)
async def test_what_is_said_about_the_webhook_and_what_is_not(
    api: FakeApi, connection: Connection, handler: Handler, came: Came, why: str
) -> None:
    """Only the API server's own word on a call of this webhook is a failure of it."""
    api.others = [handler]

    call = await webhook_trial.call(connection, "coder", "main")

    assert call.came is came
    assert why in call.why


@pytest.mark.parametrize(
    ("handler", "told"),
    [
        (answer(REVIEWED, 201), OPERATOR),
        (answer({}, 201), ""),
        (refuse(403), ""),
        (refuse(404), ""),
        (refuse(503), None),
        (refuse(429), None),
        (watched(drop=True), None),
    ],
)
async def test_the_operators_own_name_is_asked_for(
    api: FakeApi, connection: Connection, handler: Handler, told: str | None
) -> None:
    """Where it is not told, that is known too; where no answer came, it is asked again."""
    api.others = [handler]

    assert await webhook_trial.caller(connection) == told
