"""A CoderDeployment was added, changed or deleted: it is due.

`kopf.on.event` leaves no trace on the object. Change handlers would write annotations on it, timers
and daemons a finalizer, and a namespace could not go while the operator is down.
"""

from typing import Any

import kopf

from coder_cva.runtime.operator import Operator


def register(registry: kopf.OperatorRegistry, operator: Operator) -> None:
    """Registers the one watch that is kopf's."""

    @kopf.on.event("cva.coder.com", "v1alpha1", "coderdeployments", registry=registry)
    async def seen(namespace: str | None, name: str | None, **_: Any) -> None:
        if namespace and name:
            operator.wake((namespace, name))
