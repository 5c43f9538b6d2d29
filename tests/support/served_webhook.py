"""The operator's own webhook in a thread of the tests: kopf, certificates and parameters, and no reconcile."""

from __future__ import annotations

import asyncio
import socket
import threading
from typing import TYPE_CHECKING, Any

from coder_cva.handlers import beside
from coder_cva.kube.connection import Connection
from coder_cva.runtime.admission import Admission
from coder_cva.runtime.settings import Settings
from harness import ports
from harness.waiting import wait_for
from support.installation import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Mapping

    from coder_cva.snapshot.webhook import Webhook
    from harness.provider import Provider


class ServedWebhook:
    """Serves between ``start`` and ``stop``; what is shipped must be installed on the cluster."""

    def __init__(self, cluster: Provider, *, preferred: bool = False) -> None:
        self._cluster = cluster
        port = ports.free(1)[0]
        self._settings = Settings(
            namespace=NAMESPACE,
            webhook_port=port,
            webhook_url=f"https://127.0.0.1:{port}",
            admission_engine="Webhook" if preferred else "Auto",
        )
        self._known = threading.Event()
        self._end: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True)
        self.admission: Admission | None = None

    @property
    def url(self) -> str:
        """Where it is called."""
        return self._settings.webhook_url

    @property
    def webhook(self) -> Webhook:
        """What the operator would write into its configurations."""
        assert self.admission is not None
        return self.admission.webhook()

    def start(self) -> ServedWebhook:
        """Returns once it answers."""
        self._thread.start()
        assert self._known.wait(60), "the webhook's certificates did not come"
        wait_for(self._listens, timeout=60, what="the webhook to listen")
        assert self.webhook.is_there, self.webhook.problem
        return self

    def stop(self) -> None:
        """Ends it."""
        if self._end is not None:
            loop, end = self._end
            loop.call_soon_threadsafe(end.set)
        self._thread.join(30)

    def _listens(self) -> bool:
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self._settings.webhook_port)) == 0

    async def _serve(self) -> None:
        loop, end = asyncio.get_running_loop(), asyncio.Event()
        self._end = loop, end
        async with await Connection.open(str(self._cluster.kubeconfig)) as connection:
            admission = Admission(
                self._settings, connection, on_change=lambda: None, leads=lambda: True
            )
            self.admission = admission

            async def credentials() -> Mapping[str, Any]:
                asked = asyncio.run_coroutine_threadsafe(connection.kopf_info(), loop)
                return await asyncio.wrap_future(asked)

            kopf = beside.watching(lambda _: None, credentials, admission)
            async with kopf.running(), admission.running():
                await admission.known()
                self._known.set()
                await end.wait()
