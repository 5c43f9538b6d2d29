"""One value of one Secret, for whoever must present it elsewhere; it is kept no longer than that."""

import base64
import binascii
from dataclasses import dataclass, field

from coder_cva.kube import paths
from coder_cva.kube.connection import Answer, Connection, NoAnswer
from coder_cva.values.manifest import Ref, dig


@dataclass(frozen=True, slots=True)
class SecretValue:
    """The value; or, where it cannot be had, why, in words that name the Secret and the remedy."""

    value: str = field(default="", repr=False)
    problem: str = ""


async def value(connection: Connection, namespace: str, name: str, key: str) -> SecretValue:
    """What stands in the Secret under the key."""
    where = f"the Secret {namespace}/{name}"
    try:
        answer = await connection.request("GET", paths.item(Ref("v1", "Secret", namespace, name)))
    except NoAnswer as error:
        return SecretValue(problem=f"{where} could not be read: {error}")
    if not answer.ok:
        return SecretValue(problem=f"{where} {_refusal(answer)}")
    encoded = dig(answer.body, "data", key)
    if not isinstance(encoded, str):
        return SecretValue(problem=f"{where} has no key {key}: add it, or name another key")
    try:
        return SecretValue(base64.b64decode(encoded, validate=True).decode())
    except (binascii.Error, UnicodeDecodeError):
        return SecretValue(problem=f"{where} holds no text under {key}")


def _refusal(answer: Answer) -> str:
    if answer.status in {401, 403}:
        return (
            "may not be read: grant the operator get on this one name, as "
            "deploy/optional/database-secret-reader.yaml does"
        )
    if answer.status == 404:
        return "is not there: create it"
    return f"could not be read: {answer.message}"
