"""The one Secret that the operator keeps: the webhook's certificates, in its own namespace."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from coder_cva.kube import paths, refusals
from coder_cva.kube.connection import Connection, NoAnswer
from coder_cva.kube.writer import MERGE
from coder_cva.values.manifest import Ref, dig


@dataclass(frozen=True, slots=True)
class WebhookSecret:
    """What it holds, and in which version."""

    version: str
    data: Mapping[str, str] = field(repr=False)


def secret(raw: Mapping[str, Any]) -> WebhookSecret:
    """The record of a Secret; what is no text in it is left out."""
    version = str(dig(raw, "metadata", "resourceVersion", default=""))
    encoded: Mapping[str, Any] = dig(raw, "data", default={})
    decoded = {str(key): _text(value) for key, value in encoded.items()}
    return WebhookSecret(version, {key: text for key, text in decoded.items() if text})


async def write(connection: Connection, ref: Ref, data: Mapping[str, str], *, version: str) -> None:
    """Writes these entries into the Secret of that resourceVersion. Raises WriteError."""
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}
    try:
        answer = await connection.request(
            "PATCH",
            paths.item(ref),
            params={"fieldManager": "coder-cva-operator"},
            body={"metadata": {"resourceVersion": version}, "data": encoded},
            content_type=MERGE,
        )
    except NoAnswer as error:
        raise refusals.unreachable(ref, error) from error
    if not answer.ok:
        raise refusals.refusal(ref, answer)


def _text(value: Any) -> str:
    try:
        return base64.b64decode(str(value), validate=True).decode()
    except ValueError:
        return ""
