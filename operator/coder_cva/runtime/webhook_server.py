"""The server behind kopf's admission handlers, by kopf's own protocol for servers.

kopf's own one takes no request above a megabyte, and a Pod may have three; and for a new certificate it
stops listening for a moment, where a TLS context can take one while it serves.
"""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Final

import orjson
from aiohttp import web

from coder_cva.runtime.tls import Tls

log = logging.getLogger(__name__)

DEPLOYMENT: Final = "coderdeployment"
NAMESPACE: Final = "namespace"
"""Beside the headers of a request: which CoderDeployment it is about, and where the object is to be."""
LARGEST: Final = 8 * 2**20
"""Bytes. etcd takes objects of 1.5 MiB and an API server requests of 3; a review holds two objects at most."""
_WAIT: Final = 0.2


class WebhookServer:
    """Serves from the TLS context that it is given, as soon as there is something in it to show."""

    def __init__(self, port: int, tls: Tls) -> None:
        self._port = port
        self._tls = tls

    async def __call__(self, ask: Callable[..., Awaitable[Any]]) -> AsyncIterator[dict[str, Any]]:
        """Serves until it is closed. ``ask`` is kopf's: a review in, a review with the answer out.

        The path is ``policy/namespace/name``, of which the first is the id of kopf's handler.
        """
        while not self._tls.is_ready:  # noqa: ASYNC110 - it is set in another thread
            await asyncio.sleep(_WAIT)
        app = web.Application(client_max_size=LARGEST)
        app.router.add_post("/{policy}/{namespace}/{name}", _answering(ask))
        runner = web.AppRunner(app, access_log=None, handle_signals=False)
        await runner.setup()
        try:
            await web.TCPSite(runner, None, self._port, ssl_context=self._tls.context).start()
            log.info("the admission webhook listens on port %s", self._port)
            # kopf would write what is yielded into configurations of its own, which are off.
            yield {}
            await asyncio.Event().wait()
        finally:
            await runner.cleanup()


def _answering(
    ask: Callable[..., Awaitable[Any]],
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        about = request.match_info
        try:
            review = orjson.loads(await request.read())
            headers = {
                **request.headers,
                DEPLOYMENT: f"{about['namespace']}/{about['name']}",
                NAMESPACE: str(review["request"].get("namespace", "")),
            }
            answered = await ask(review, webhook=about["policy"], headers=headers, sslpeer={})
        except web.HTTPException:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the API server goes on without us
            log.warning("a review was not answered: %s", type(error).__name__)
            return web.Response(status=400, text=f"{type(error).__name__}\n")
        return web.Response(body=orjson.dumps(answered), content_type="application/json")

    return answer
