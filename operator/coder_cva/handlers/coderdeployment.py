"""A CoderDeployment was added, changed or deleted: it is due.

`kopf.on.event` leaves no trace on the object. Change handlers would write annotations on it, timers
and daemons a finalizer, and a namespace could not go while the operator is down.
"""

from collections.abc import Callable
from typing import Any

import kopf

from coder_cva.runtime.queue import Key


def register(registry: kopf.OperatorRegistry, wake: Callable[[Key], None]) -> None:
    """Registers the one watch that is kopf's; ``wake`` is called in kopf's thread."""

    @kopf.on.event("cva.coder.com", "v1alpha1", "coderdeployments", registry=registry)
    async def seen(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            wake((namespace, name))
