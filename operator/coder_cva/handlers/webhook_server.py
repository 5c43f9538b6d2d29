"""kopf's own webhook server, with certificates that change while it serves, and paths that say for whom."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Final

import kopf

from coder_cva.runtime.tls import Tls

DEPLOYMENT: Final = "coderdeployment"
NAMESPACE: Final = "namespace"
"""Beside the headers of the request: which CoderDeployment it is about, and where the object is to be."""
_NEVER: Final = 1e9
_WAIT: Final = 0.2


class WebhookServer(kopf.WebhookServer):
    """Serves from the TLS context that it is given, as soon as there is something in it to show."""

    def __init__(self, port: int, tls: Tls) -> None:
        certificate, key = tls.files
        super().__init__(
            port=port,
            context=tls.context,
            certfile=certificate,
            pkeyfile=key,
            # kopf would end the server for a moment; our context has the new certificate already.
            file_check_interval=_NEVER,
        )
        self._tls = tls

    async def __call__(self, fn: kopf.WebhookFn) -> AsyncIterator[kopf.WebhookClientConfig]:
        """Serves; the path is ``policy/namespace/name``, of which kopf knows the first as a handler's id."""

        async def routed(
            request: Any, *, webhook: Any = None, headers: Any = None, sslpeer: Any = None
        ) -> Any:
            policy, _, deployment = str(webhook or "").partition("/")
            said: dict[str, str] = {
                **(headers or {}),
                DEPLOYMENT: deployment,
                NAMESPACE: str(request["request"].get("namespace", "")),
            }
            return await fn(request, webhook=policy, headers=said, sslpeer=sslpeer)

        while not self._tls.is_ready:  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(_WAIT)
        async for one in super().__call__(routed):
            yield one
