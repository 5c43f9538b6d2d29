"""The ground that the scenes stand on: a named cluster with two node pools and a stray node."""

from __future__ import annotations

from typing import TYPE_CHECKING

from demo.operator_process import OperatorProcess
from harness import factory, folders, named
from harness.errors import HarnessError
from harness.native import NativeCluster, check_platform
from harness.versions import NEWEST

if TYPE_CHECKING:
    from collections.abc import Callable

    from harness.kube import Kube

CLUSTER = "demo"
POOL = "coder.com/node-group"
CONTROL_PLANE, WORKSPACES, STRAY = "control-plane", "workspaces", "stray"
DRIVER = "disk.harness.test"
"""The provisioner of the harness' StorageClasses."""


def up() -> NativeCluster:
    """A fresh cluster of the demo's name, without nodes; what ran under that name is ended.

    Raises:
        HarnessError: another kind of cluster than the native one was asked for, or it cannot run
            here; nothing has been built or ended then.
    """
    if factory.chosen() != factory.NATIVE:
        raise HarnessError("the demo plays on the native cluster, on Linux: unset CVA_CLUSTER")
    check_platform()
    down()
    cluster, _ = named.up(CLUSTER, NEWEST)
    assert isinstance(cluster, NativeCluster)
    return cluster


def find() -> NativeCluster:
    """The cluster while it runs; an error that says what to type if it does not."""
    if CLUSTER in named.names():
        found = named.find(CLUSTER)
        if isinstance(found, NativeCluster):
            return found
    raise HarnessError("the demo is not up: start it with `make demo`")


def down(say: Callable[[str], None] = lambda _: None) -> bool:
    """End the operator and the cluster; False if there was nothing."""
    if CLUSTER not in named.names():
        return False
    # The operator first: it would complain of an API server that ends before it. It may live on
    # where the cluster was killed, so its folder is asked and not the cluster.
    if OperatorProcess.of(folders.state() / CLUSTER).stop():
        say("the operator has ended")
    named.down(CLUSTER)
    say("the cluster has ended, and its data are removed")
    return True


OF_A_CLOUD = {
    "node.kubernetes.io/instance-type": "m5.2xlarge",
    "topology.kubernetes.io/region": "eu-west-1",
}
"""What a cloud says of its machines."""


def furnish(cluster: NativeCluster) -> None:
    """Two pools, kept apart by labels and taints, and one node that belongs to neither."""
    for pool, count in ((CONTROL_PLANE, 3), (WORKSPACES, 4)):
        labels = {POOL: pool, **OF_A_CLOUD}
        cluster.nodes(pool, count, labels=labels, taints=[f"{POOL}={pool}:NoSchedule"])
    cluster.nodes(STRAY, 1, capacity={"cpu": "32", "memory": "128Gi"})
    _register_driver(cluster.kube)


def _register_driver(kube: Kube) -> None:
    """What a CSI driver does when it is installed."""
    kube.create(
        {
            "apiVersion": "storage.k8s.io/v1",
            "kind": "CSIDriver",
            "metadata": {"name": DRIVER},
            "spec": {"attachRequired": False},
        }
    )
