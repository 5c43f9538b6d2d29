"""kopf's own settings, and as whom it speaks to the API server."""

from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import chain, repeat
from typing import Any

import kopf


class Patience:
    """Seconds between tries, without end; every request begins anew."""

    def __iter__(self) -> Iterator[float]:
        """The waits of one request: longer and longer, up to thirty seconds."""
        return chain((1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 13.0, 21.0), repeat(30.0))


def register(
    registry: kopf.OperatorRegistry, credentials: Callable[[], Awaitable[Mapping[str, Any]]]
) -> None:
    """Registers start-up and login; ``credentials`` gives the arguments of kopf's ConnectionInfo."""

    @kopf.on.startup(registry=registry)
    async def settle(settings: kopf.OperatorSettings, **_: Any) -> None:
        # Our Events are transitions only; kopf would post one for each of its log lines.
        settings.posting.enabled = False
        # Leadership is a Lease: kopf's peering is neither needed nor installed.
        settings.peering.standalone = True
        # By itself kopf ends the process when the API server has been gone for a minute.
        settings.networking.error_backoffs = Patience()

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(**await credentials())
