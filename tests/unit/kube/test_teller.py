"""Status and Events."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from coder_cva import ports
from coder_cva.kube.teller import REPEAT, Teller
from coder_cva.values.manifest import Ref
from support.api_server import answer, refuse, watched

if TYPE_CHECKING:
    from coder_cva.kube.connection import Connection
    from support.api_server import FakeApi, Handler

REF = Ref("cva.coder.com/v1alpha1", "CoderDeployment", "coder", "main")
EVENT = ports.Event(REF, "u-1", "Warning", "PoolEmpty", "no node is ready")


async def test_the_status_is_replaced_for_one_uid(api: FakeApi, connection: Connection) -> None:
    """One patch on the subresource that first tests the UID, under a manager of its own."""
    api.others = [answer({})]

    await Teller(connection).write_status(REF, "u-1", {"tier": "1k"})

    _, path, query, headers, body = api.requests[0]
    assert path.endswith("/namespaces/coder/coderdeployments/main/status")
    assert query["fieldManager"] == "coder-cva-operator-status"
    assert headers["Content-Type"] == "application/json-patch+json"
    assert body == [
        {"op": "test", "path": "/metadata/uid", "value": "u-1"},
        {"op": "add", "path": "/status", "value": {"tier": "1k"}},
    ]


CAUSE = {"causes": [{"reason": "FieldValueInvalid", "field": "status.tier"}]}


@pytest.mark.parametrize(
    ("refused", "error"),
    [
        (refuse(404), ports.Stale),
        (refuse(409), ports.Stale),
        (refuse(422, details={}), ports.Stale),
        (refuse(422, details=CAUSE), ports.Invalid),
        (refuse(403), ports.Forbidden),
        (refuse(500), ports.Unreachable),
        (watched(drop=True), ports.Unreachable),
    ],
)
async def test_a_status_that_cannot_be_written(
    api: FakeApi, connection: Connection, refused: Handler, error: type[ports.WriteError]
) -> None:
    """A CoderDeployment that is gone, or another of that name, is Stale; the rest as ever."""
    api.others = [refused]

    with pytest.raises(error):
        await Teller(connection).write_status(REF, "u-1", {})


async def test_an_event_is_complete(api: FakeApi, connection: Connection) -> None:
    """All that events.k8s.io/v1 asks for, within its limits, in the deployment's namespace."""
    api.others = [answer({}, 201)]
    long = ports.Event(REF, "u-1", "Normal", "Placed", "é" * 2000)

    await Teller(connection, instance="pod-1").emit(long)

    _, path, _, _, body = api.requests[0]
    assert path == "/apis/events.k8s.io/v1/namespaces/coder/events"
    assert body["reportingController"] == "cva.coder.com/operator"
    assert body["reportingInstance"] == "pod-1"
    assert body["action"] == "Reconcile"
    assert body["regarding"]["uid"] == "u-1"
    assert len(body["note"].encode()) == 1024
    assert body["eventTime"].endswith("Z")


async def test_an_equal_event_is_posted_once_in_ten_minutes(
    api: FakeApi, connection: Connection
) -> None:
    """Repeated ones are dropped, other ones are not, and after a while it is news again."""
    api.others = [answer({}, 201)]
    now = [0.0]
    teller = Teller(connection, clock=lambda: now[0])

    await teller.emit(EVENT)
    await teller.emit(EVENT)
    assert len(api.requests) == 1

    await teller.emit(ports.Event(REF, "u-2", "Warning", "PoolEmpty", "no node is ready"))
    assert len(api.requests) == 2

    now[0] += REPEAT
    await teller.emit(EVENT)
    assert len(api.requests) == 3
    assert len({one[4]["metadata"]["name"] for one in api.requests}) == 3


async def test_an_event_that_cannot_be_posted_is_logged(
    api: FakeApi, connection: Connection, caplog: pytest.LogCaptureFixture
) -> None:
    """It raises nothing, says so, and the next occasion tries again."""
    caplog.set_level(logging.WARNING)
    api.others = [refuse(403, "not yours"), answer({}, 201)]
    teller = Teller(connection)

    await teller.emit(EVENT)
    assert "PoolEmpty of CoderDeployment coder/main: not yours" in caplog.text

    await teller.emit(EVENT)
    assert len(api.requests) == 2
