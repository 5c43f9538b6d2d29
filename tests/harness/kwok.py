"""kwok: the process that plays the kubelets of nodes which the harness makes, and their provisioner.

It runs on this machine, whatever runs the control plane, and touches no node that carries another
label than the one below: a real kubelet beside it is left alone.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import yaml

from harness.folders import MANIFESTS

if TYPE_CHECKING:
    from pathlib import Path

    from harness.kube import Kube

NAME = "kwok"
KUBELET = "harness.test/kubelet"
"""A node's label: `running` while kwok plays its kubelet, `silent` while that one has failed."""

CONTROLLER_MANAGER = {
    # A failed node is noticed at once. That kwok sends no heartbeat for a while (it may be stopped
    # on purpose) does not fail a node: `fail_node` says when one fails.
    "node-monitor-period": "1s",
    "node-monitor-grace-period": "30m",
    "node-startup-grace-period": "30m",
    "node-eviction-rate": "10",
}
"""What kube-controller-manager has to be told where kwok plays kubelets: flags and their values."""


def command(program: Path, kubeconfig: Path) -> list[str]:
    """The command line that plays nodes, Pods and volumes of one cluster."""
    return [
        str(program),
        f"--kubeconfig={kubeconfig}",
        f"--manage-nodes-with-label-selector={KUBELET}=running",
        # With node leases, a kwok that starts again waits for those of the one before it.
        "--node-lease-duration-seconds=0",
        "--cidr=10.244.0.0/16",
        *(f"--config={path}" for path in sorted((MANIFESTS / "stages").glob("*.yaml"))),
    ]


def provide_storage(kube: Kube) -> None:
    """Create the StorageClasses whose claims kwok binds, in the place of any of the same name."""
    for manifest in yaml.safe_load_all((MANIFESTS / "storage.yaml").read_text()):
        # A class cannot be changed into another one's: its provisioner is immutable.
        kube.delete(manifest)
        kube.create(manifest)
