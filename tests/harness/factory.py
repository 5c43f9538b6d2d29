"""Which kind of cluster to use, as the environment says."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from harness import binaries, environment, kwok, native
from harness.errors import HarnessError, Unsupported
from harness.existing import ExistingCluster
from harness.kind import KindCluster
from harness.native import NativeCluster
from harness.versions import NEWEST

if TYPE_CHECKING:
    from collections.abc import Sequence

    from harness.provider import Provider

NATIVE, KIND, EXISTING = KINDS = ("native", "kind", "existing")


def chosen() -> str:
    """The kind that `CVA_CLUSTER` names: `native` (the default), `kind` or `existing`.

    Raises:
        HarnessError: it names another one.
    """
    kind = environment.variable(environment.CLUSTER) or NATIVE
    if kind not in KINDS:
        raise HarnessError(f"{environment.CLUSTER}={kind} is unknown: use native, kind or existing")
    return kind


def cluster(world: str = NEWEST) -> Provider:
    """A cluster for tests that leave it as usable as they found it; not started yet.

    Raises:
        Unsupported: another world than the newest was asked for where there is one cluster only.
    """
    if chosen() != EXISTING:
        return own_cluster(world)
    if world != NEWEST:
        raise Unsupported(
            f"tests of Kubernetes {world} need a cluster of that minor, and an existing one is of "
            f"the minor that it is: use {environment.CLUSTER}=native or kind"
        )
    # One object a process, which knows how many use it; the path alone tells clusters apart.
    return _existing(environment.variable(environment.KUBECONFIG))


def own_cluster(
    world: str = NEWEST, *, audit: bool = False, apiserver: Sequence[str] = ()
) -> Provider:
    """A cluster that its test may break, and change for everybody on it; not started yet.

    Args:
        world: the minor version of Kubernetes.
        audit: whether `logs/audit.log` is written.
        apiserver: further flags of kube-apiserver.

    Raises:
        Unsupported: the chosen kind has no such cluster.
    """
    kind = chosen()
    if kind == NATIVE:
        return NativeCluster(world, audit=audit, apiserver=apiserver)
    if kind == EXISTING:
        raise Unsupported(
            "this test wants a cluster of its own, to break it or to change it for everybody: use "
            f"{environment.CLUSTER}=native or kind"
        )
    if audit or apiserver:
        raise Unsupported(
            "only the native cluster takes flags for its API server, and writes an audit log: use "
            f"{environment.CLUSTER}=native"
        )
    return KindCluster(world)


def build(world: str) -> dict[str, Path]:
    """The programs that the chosen kind of cluster and its tests need; what is missing is built.

    Raises:
        HarnessError: the native cluster cannot run on this machine, so nothing was built for it.
    """
    kind = chosen()
    if kind == NATIVE:
        native.check_platform()
        return binaries.ensure(world)
    only = (kwok.NAME, "kubectl") if kind == KIND else ("kubectl",)
    return binaries.ensure(world, only=only)


@cache
def _existing(kubeconfig: str) -> ExistingCluster:
    return ExistingCluster(Path(kubeconfig).expanduser() if kubeconfig else None)
