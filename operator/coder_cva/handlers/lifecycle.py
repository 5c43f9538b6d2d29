"""Start-up, kopf's own settings, and the end of the process."""

from typing import Any

import kopf

from coder_cva.runtime.operator import Operator


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Registers start-up and login."""

    @kopf.on.startup(registry=registry)
    async def settle(settings: kopf.OperatorSettings, **_: Any) -> None:
        # Our Events are transitions only; kopf would post one for each of its log lines.
        settings.posting.enabled = False
        # Leadership is a Lease: kopf's peering is neither needed nor installed.
        settings.peering.standalone = True

    @kopf.on.login(registry=registry)
    async def login(**_: Any) -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(**await operator.connection.kopf_info())
