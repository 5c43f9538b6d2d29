"""Why Coder's API gave no answer, in words that say what helps.

Coder's own words are quoted as far as they are its ``message``; a page of somebody else's is not.
"""

import errno
import ssl
from typing import Any, Final

import aiohttp
import orjson

from coder_cva.snapshot.coder_seen import Unseen

_SHOWN: Final = 200
ROLES: Final = (
    "give its account the roles Auditor and Template Admin; coderd's health, its replicas and the queue of "
    "builds are shown to an Owner alone"
)
_URL: Final = "set spec.coderAPI.url to where the operator reaches Coder"


class LocalError(OSError):
    """A connection that is not made: the address is the operator's own machine's, or a cloud's metadata."""

    def __init__(self) -> None:
        super().__init__(errno.EACCES, "an address of the operator's own Pod or node")


def slow(what: str) -> Unseen:
    """No answer in time."""
    return Unseen("Slow", f"Coder did not answer within the time for {what}")


def no_answer(url: str, error: Exception) -> Unseen:
    """No connection, or one that broke. The error's own words are kept only where they are about the connection."""
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return Unseen(
            "TLS",
            f"the certificate of {url} is not trusted by the operator's image, or is for another name: "
            "name a URL with one that is, or coderd's Service in the cluster",
        )
    if isinstance(error, aiohttp.ClientPayloadError):
        return Unseen("Truncated", f"an answer of {url} broke off before its end")
    if isinstance(error, aiohttp.ServerDisconnectedError):
        return Unseen("Unreachable", f"{url} closed the connection without an answer")
    if isinstance(error, aiohttp.ClientConnectorError | ValueError):
        told = getattr(error, "os_error", None)
        if isinstance(told, LocalError):
            return Unseen(
                "LocalAddress",
                f"{url} leads to the operator's own Pod or node, or to a cloud's metadata, and is not asked: {_URL}",
            )
        why = f" ({told.strerror})" if isinstance(told, OSError) and told.strerror else ""
        return Unseen("Unreachable", f"{url} cannot be reached{why}: {_URL}")
    return Unseen("Unreachable", f"{url} gave no answer: {type(error).__name__}")


def too_large(path: str, limit: int, together: int) -> Unseen:
    """More than is read."""
    return Unseen(
        "TooLarge",
        f"/api/v2/{path} answered more than {limit // 1024**2} MiB, or all of a look more than "
        f"{together // 1024**2} MiB",
    )


def no_json(path: str, why: str) -> Unseen:
    """Something that is no answer of Coder's API."""
    return Unseen(
        "NotUnderstood",
        f"/api/v2/{path} did not answer with JSON ({why}), as a login page or another program would: {_URL}",
    )


def no_shape(path: str) -> Unseen:
    """JSON that is not what Coder's API reference shows."""
    return Unseen("NotUnderstood", f"/api/v2/{path} answered in a shape that is not Coder's")


def refusal(path: str, status: int, raw: bytes, location: str) -> Unseen:
    """A status other than 200."""
    if 300 <= status < 400:
        target = location.partition("?")[0][:_SHOWN]
        return Unseen(
            "Redirected", f"/api/v2/{path} leads to {target}, where the token is not sent: {_URL}"
        )
    said = _said(raw)
    if status == 401:
        return Unseen(
            "Unauthorized",
            f"Coder takes the token for none of its own, or for one that has expired{said}: put a new one into "
            "the Secret (coder tokens create)",
        )
    if status == 403:
        return forbidden(f"/api/v2/{path}", said)
    if status == 404:
        return Unseen(
            "NotServed",
            f"/api/v2/{path} is not there{said}: this version or build of Coder lacks it, or the token's account may "
            f"not see it. If it is the latter, {ROLES}",
        )
    if status == 429:
        return Unseen(
            "TooManyRequests", "Coder's limit of requests (CODER_API_RATE_LIMIT) is used up"
        )
    return Unseen("ServerError", f"/api/v2/{path} answered HTTP status {status}{said}")


def forbidden(what: str, said: str = "") -> Unseen:
    """What the token's account may not see; Coder leaves it out of lists without a word."""
    return Unseen("Forbidden", f"the token's account may not see {what}{said}: {ROLES}")


def _said(raw: bytes) -> str:
    try:
        body: Any = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return ""
    message = body.get("message") if isinstance(body, dict) else None
    return f" ({message[:_SHOWN]})" if isinstance(message, str) and message else ""
