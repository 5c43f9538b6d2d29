"""/healthz, /readyz and /metrics of the process."""

from collections.abc import Awaitable, Callable

from aiohttp import web

from coder_cva.telemetry import metrics


async def serve(
    port: int, is_alive: Callable[[], bool], is_ready: Callable[[], bool]
) -> web.AppRunner:
    """Starts the endpoints on all addresses of both families; ``cleanup()`` of the runner ends them.

    ``/healthz`` fails where the worker is dead, ``/readyz`` while the cluster is not read yet: a
    restart helps the first and not the second.
    """
    app = web.Application()
    app.router.add_get("/healthz", _probe(is_alive, "the worker has stopped"))
    app.router.add_get("/readyz", _probe(is_ready, "the cluster has not been read yet"))
    app.router.add_get("/metrics", _metrics)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    # No host means all of them: a Pod's probes come from outside, and some clusters have IPv6 alone.
    await web.TCPSite(runner, None, port).start()
    return runner


def _probe(
    check: Callable[[], bool], otherwise: str
) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(_: web.Request) -> web.Response:
        return (
            web.Response(text="ok\n")
            if check()
            else web.Response(status=503, text=f"{otherwise}\n")
        )

    return answer


async def _metrics(_: web.Request) -> web.Response:
    body, content_type = metrics.exposition()
    return web.Response(body=body, headers={"Content-Type": content_type})
