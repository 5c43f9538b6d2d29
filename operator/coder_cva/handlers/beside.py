"""kopf in a thread and an event loop of its own, started again whenever it ends by itself.

kopf takes the loop that it is in for its own: when it ends, it waits for and then cancels every task
that was started beside it. And it ends with its first real trouble, for instance when the CRD is
deleted. Neither may touch the work that is under way.
"""

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from typing import Any, Final

import kopf

from coder_cva.handlers import admission, coderdeployment, lifecycle
from coder_cva.runtime.admission import Admission
from coder_cva.runtime.queue import Key

log = logging.getLogger(__name__)

JOIN_SECONDS: Final = 10.0


def watching(
    wake: Callable[[Key], None],
    credentials: Callable[[], Awaitable[Mapping[str, Any]]],
    answering: Admission,
) -> "Beside":
    """kopf with all handlers of ours. All three are called in kopf's thread."""
    registry = kopf.OperatorRegistry()
    lifecycle.register(registry, credentials)
    coderdeployment.register(registry, wake)
    admission.register(registry, answering)
    return Beside(registry, lifecycle.Patience())


class Beside:
    """Runs kopf with one registry. ``waits`` are the seconds before each new start."""

    def __init__(self, registry: kopf.OperatorRegistry, waits: Iterable[float]) -> None:
        self._registry = registry
        self._waits = waits
        self._ending = threading.Event()
        self._running: tuple[asyncio.AbstractEventLoop, asyncio.Event] | None = None

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """kopf runs while the context is open; leaving it waits for its end."""
        # A thread that does not end in time must not keep the process.
        thread = threading.Thread(target=self._keep, name="kopf", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ending.set()
            if self._running is not None:
                loop, stop = self._running
                with contextlib.suppress(RuntimeError):
                    loop.call_soon_threadsafe(stop.set)
            await asyncio.to_thread(thread.join, JOIN_SECONDS)

    def _keep(self) -> None:
        for wait in self._waits:
            try:
                asyncio.run(self._once())
            except Exception as error:  # noqa: BLE001 - kopf ends with whatever it met
                log.warning("kopf ended and is started again: %s: %s", type(error).__name__, error)
            if self._ending.wait(wait):
                return

    async def _once(self) -> None:
        stop = asyncio.Event()
        self._running = (asyncio.get_running_loop(), stop)
        if not self._ending.is_set():
            await kopf.operator(
                registry=self._registry, clusterwide=True, standalone=True, stop_flag=stop
            )
