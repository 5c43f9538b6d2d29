"""Telling users: the status, and Events. Implements ``TellPort``."""

import hashlib
import logging
import socket
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final

import orjson

from coder_cva import ports
from coder_cva.kube import paths, refusals
from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.values.manifest import Ref, dig

logger = logging.getLogger(__name__)

JSON_PATCH: Final = "application/json-patch+json"
STATUS_MANAGER: Final = "coder-cva-operator-status"
CONTROLLER: Final = "cva.coder.com/operator"
"""The reportingController of our Events."""
REPEAT: Final = 600.0
"""Seconds within which an equal Event is not posted again."""
_NOTE_BYTES: Final = 1024
_NAME_LENGTH: Final = 128
"""The limits of events.k8s.io/v1 for note, and for reason, action and reportingInstance."""


class Teller:
    """``TellPort`` over a connection. ``instance`` names this process in Events."""

    def __init__(
        self,
        connection: Connection,
        *,
        instance: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connection = connection
        self._instance = (instance or socket.gethostname())[:_NAME_LENGTH]
        self._clock = clock
        self._posted: dict[ports.Event, float] = {}

    async def write_status(
        self, ref: Ref, uid: str, status: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Replaces the status as a whole: what is no longer in it vanishes. What is stored then.

        A JSON patch that tests the UID first: server-side apply on a status subresource takes
        metadata from the live object and would write over a namesake's status.

        Raises:
            WriteError: Stale where the object of that UID is gone.
        """
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": uid},
            {"op": "add", "path": "/status", "value": status},
        ]
        try:
            answer = await self._connection.request(
                "PATCH",
                f"{paths.item(ref)}/status",
                # A CRD older than this operator drops what it does not know, and warns.
                params={"fieldManager": STATUS_MANAGER, "fieldValidation": "Warn"},
                body=orjson.dumps(patch),
                content_type=JSON_PATCH,
            )
        except NoAnswer as error:
            raise refusals.unreachable(ref, error) from error
        if answer.status == 404 or _is_failed_test(answer):
            raise ports.Stale(ref, f"the one of UID {uid} is gone: {answer.message}")
        if not answer.ok:
            raise refusals.refusal(ref, answer)
        stored: Mapping[str, Any] = dig(answer.body, "status", default={})
        return stored

    async def emit(self, event: ports.Event) -> None:
        """Posts an Event, an equal one once in ten minutes; what cannot be posted is logged."""
        now = self._clock()
        self._posted = {one: at for one, at in self._posted.items() if now - at < REPEAT}
        if event in self._posted:
            return
        self._posted[event] = now
        namespace = event.regarding.namespace or "default"
        moment = datetime.now(UTC)
        try:
            answer = await self._connection.request(
                "POST",
                paths.collection(paths.EVENTS, namespace),
                body=_manifest(event, namespace, moment, self._instance),
            )
            trouble = "" if answer.ok else answer.message
        except NoAnswer as error:
            trouble = str(error)
        if trouble:
            # The next occasion may try again.
            self._posted.pop(event, None)
            logger.warning("An Event was dropped: %s of %s: %s", event.reason, event.regarding, trouble)  # fmt: skip


def _is_failed_test(answer: Answer) -> bool:
    """A test that fails is a 422 without a cause; a status that is refused always names one."""
    return answer.status == 422 and not dig(answer.body, "details", "causes")


def _manifest(
    event: ports.Event, namespace: str, moment: datetime, instance: str
) -> dict[str, Any]:
    regarding = event.regarding
    unique = hashlib.sha256(f"{event}{moment.isoformat()}{instance}".encode()).hexdigest()[:16]
    return {
        "apiVersion": "events.k8s.io/v1",
        "kind": "Event",
        "metadata": {"name": f"{regarding.name[:200]}.{unique}", "namespace": namespace},
        "eventTime": moment.isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "reportingController": CONTROLLER,
        "reportingInstance": instance,
        "type": event.type,
        "reason": event.reason[:_NAME_LENGTH],
        "action": event.action[:_NAME_LENGTH],
        "note": event.message.encode()[:_NOTE_BYTES].decode(errors="ignore"),
        "regarding": {
            "apiVersion": regarding.api_version,
            "kind": regarding.kind,
            "namespace": regarding.namespace,
            "name": regarding.name,
            "uid": event.uid,
        },
    }
