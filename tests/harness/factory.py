"""Which kind of cluster to use, as the environment says."""

from __future__ import annotations

import os

from harness.errors import HarnessError
from harness.provider import Provider
from harness.versions import NEWEST

VARIABLE = "CVA_CLUSTER"


def cluster(world: str = NEWEST, *, audit: bool = False) -> Provider:
    """A cluster that lives no longer than this process; not started yet.

    `CVA_CLUSTER` chooses: `native` (the default), `kind`, or `existing`.
    """
    kind = os.environ.get(VARIABLE, "native")
    if kind == "native":
        from harness.native import NativeCluster  # noqa: PLC0415 - only the chosen one is loaded

        return NativeCluster(world, audit=audit)
    raise HarnessError(f"{VARIABLE}={kind} is unknown: use native, kind or existing")
