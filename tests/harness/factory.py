"""Which kind of cluster to use, as the environment says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from harness import environment
from harness.errors import HarnessError
from harness.existing import ExistingCluster
from harness.kind import KindCluster
from harness.native import NativeCluster
from harness.versions import NEWEST

if TYPE_CHECKING:
    from harness.provider import Provider


def cluster(world: str = NEWEST) -> Provider:
    """A cluster for the length of this process; not started yet.

    `CVA_CLUSTER` chooses: `native` (the default), `kind`, or `existing`.
    """
    kind = environment.variable(environment.CLUSTER) or "native"
    if kind == "native":
        return NativeCluster(world)
    if kind == "kind":
        return KindCluster(world)
    if kind == "existing":
        return ExistingCluster()
    raise HarnessError(f"{environment.CLUSTER}={kind} is unknown: use native, kind or existing")
