"""Requests to one API server as one user, in plain JSON."""

from __future__ import annotations

import json
import ssl
import tempfile
from typing import TYPE_CHECKING, Any

import urllib3

from harness import kubeconfigs
from harness.errors import HarnessError

if TYPE_CHECKING:
    from pathlib import Path

    from harness.kubeconfigs import Access

Object = dict[str, Any]
Query = dict[str, str]


class ApiError(HarnessError):
    """The API server answered with a failure."""

    def __init__(self, status: int, reason: str, message: str, body: Object) -> None:
        super().__init__(f"{status} {reason}: {message}")
        self.status = status
        self.reason = reason
        self.message = message
        self.body = body


class Unreachable(HarnessError):
    """The API server gave no answer at all."""


class Api:
    """One user's connection to one API server; may be shared by threads."""

    warnings: tuple[str, ...] = ()
    """What the API server warned of in its last answer, as the header says it."""

    def __init__(self, access: Access, *, timeout: float, headers: Query | None = None) -> None:
        self.access = access
        self.timeout = timeout
        self._headers = {"Accept": "application/json", **(headers or {})}
        self._pool = urllib3.PoolManager(maxsize=16, retries=False, ssl_context=_tls(access))

    @classmethod
    def of(cls, kubeconfig: Path, *, timeout: float = 30) -> Api:
        """The user of a kubeconfig's current context."""
        return cls(kubeconfigs.read(kubeconfig), timeout=timeout)

    def acting_as(self, user: str, groups: tuple[str, ...]) -> Api:
        """The same connection, impersonating somebody."""
        headers = urllib3.HTTPHeaderDict(self._headers)
        headers["Impersonate-User"] = user
        for group in groups:
            headers.add("Impersonate-Group", group)
        return self._with(headers)

    def _with(self, headers: Any) -> Api:
        other = Api.__new__(Api)
        other.access, other.timeout, other._pool = self.access, self.timeout, self._pool
        other._headers = headers
        return other

    def request(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        query: Query | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        timeout: float | None = None,
    ) -> Any:
        """Send one request; the answer is parsed if it is JSON, and text otherwise."""
        headers = urllib3.HTTPHeaderDict(self._headers)
        headers["Accept"] = accept
        if body is not None:
            headers["Content-Type"] = content_type
        answer = self._send(method, path, body, query, headers, timeout)
        if answer.status == 401 and self.access.plugin:
            self.access.plugin.forget()
            answer = self._send(method, path, body, query, headers, timeout)
        self.warnings = tuple(answer.headers.getlist("Warning"))
        return _parsed(answer)

    def _send(
        self,
        method: str,
        path: str,
        body: Any,
        query: Query | None,
        headers: urllib3.HTTPHeaderDict,
        timeout: float | None,
    ) -> urllib3.BaseHTTPResponse:
        token = self.access.credential().token
        if token:
            headers["Authorization"] = f"Bearer {token}"
        try:
            return self._pool.request(
                method,
                self.access.server.rstrip("/") + path,
                # As UTF-8: an apply patch is read as YAML, which knows no pairs of escapes.
                body=None if body is None else json.dumps(body, ensure_ascii=False).encode(),
                fields=query if body is None else None,
                headers=headers,
                timeout=timeout or self.timeout,
            )
        except urllib3.exceptions.HTTPError as error:
            raise Unreachable(f"{method} {path}: {error}") from error


def _parsed(answer: urllib3.BaseHTTPResponse) -> Any:
    text = answer.data.decode()
    is_json = "json" in answer.headers.get("Content-Type", "")
    parsed = json.loads(text) if is_json and text else text
    if answer.status >= 400:
        status = parsed if isinstance(parsed, dict) else {"message": text.strip()}
        reason = status.get("reason") or answer.reason or ""
        raise ApiError(answer.status, reason, status.get("message", ""), status)
    return parsed


def _tls(access: Access) -> ssl.SSLContext:
    authority = access.authority.decode() if access.authority else None
    context = ssl.create_default_context(cadata=authority)
    if access.insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    credential = access.credential()
    if credential.certificate and credential.key:
        # The ssl module reads client certificates from files only.
        with tempfile.NamedTemporaryFile() as file:
            file.write(credential.certificate + b"\n" + credential.key)
            file.flush()
            context.load_cert_chain(file.name)
    return context
