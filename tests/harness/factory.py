"""Which kind of cluster to use, as the environment says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import environment
from harness.errors import HarnessError
from harness.versions import NEWEST

if TYPE_CHECKING:
    from harness.provider import Provider


def cluster(world: str = NEWEST, *, audit: bool = False) -> Provider:
    """A cluster that lives no longer than this process; not started yet.

    `CVA_CLUSTER` chooses: `native` (the default), `kind`, or `existing`.
    """
    kind = environment.variable(environment.CLUSTER) or "native"
    if kind == "native":
        from harness.native import NativeCluster  # noqa: PLC0415 - only the chosen one is loaded

        return NativeCluster(world, audit=audit)
    raise HarnessError(f"{environment.CLUSTER}={kind} is unknown: use native, kind or existing")
