"""The claims of workspaces, and the classes by which new ones are provisioned."""

from typing import Final

from coder_cva.snapshot import marks
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PersistentVolumeClaim, StorageClass
from coder_cva.snapshot.world import World

_CLAIM_NAME: Final = "coder-pvc"
"""The name label of claims in Coder's template."""

MIGRATED: Final = {
    "kubernetes.io/aws-ebs": "ebs.csi.aws.com",
    "kubernetes.io/azure-disk": "disk.csi.azure.com",
    "kubernetes.io/azure-file": "file.csi.azure.com",
    "kubernetes.io/cinder": "cinder.csi.openstack.org",
    "kubernetes.io/gce-pd": "pd.csi.storage.gke.io",
    "kubernetes.io/portworx-volume": "pxd.portworx.com",
    "kubernetes.io/vsphere-volume": "csi.vsphere.vmware.com",
}
"""Provisioners of old that a CSI driver serves today (Kubernetes, "Volumes", CSI migration)."""

_ON_THE_NODE: Final = frozenset(
    {
        "docker.io/hostpath",
        "hostpath.csi.k8s.io",
        "k8s.io/minikube-hostpath",
        "microk8s.io/hostpath",
        "openebs.io/local",
        "rancher.io/local-path",
    }
)
"""Provisioners that make volumes of type hostPath or local, each by its own documentation."""
_NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
LAZY: Final = "WaitForFirstConsumer"


def of_workspaces(world: World) -> tuple[PersistentVolumeClaim, ...]:
    """The claims that workspaces mount, and those of stopped ones, as far as labels tell them apart."""
    mounted = {
        (one.pod.meta.namespace, claim)
        for one in world.found.workspaces
        for claim in one.pod.shape.claims
    }
    spaces = {one.name for one in world.found.namespaces}
    return tuple(
        one
        for one in world.snapshot.items(Need.PERSISTENT_VOLUME_CLAIMS)
        if (one.meta.namespace, one.meta.name) in mounted
        or (one.meta.namespace in spaces and _is_labelled(one))
    )


def _is_labelled(claim: PersistentVolumeClaim) -> bool:
    labels = claim.meta.labels
    by_coder = any(one in labels for one in marks.WORKSPACE_LABELS)
    return by_coder or labels.get(marks.NAME) == _CLAIM_NAME


def classes(world: World) -> dict[str, StorageClass]:
    """All StorageClasses by name."""
    return {one.meta.name: one for one in world.snapshot.items(Need.STORAGE_CLASSES)}


def driver(found: StorageClass) -> str:
    """The CSI driver that serves a class, if it is installed."""
    return MIGRATED.get(found.provisioner, found.provisioner)


def is_on_the_node(found: StorageClass) -> bool:
    """Whether the volumes of a class are a disk or a folder of one node.

    A class without a provisioner that waits for the first consumer is how local volumes are declared.
    """
    declared = found.provisioner == _NO_PROVISIONER and found.binding_mode == LAZY
    return declared or found.provisioner in _ON_THE_NODE
