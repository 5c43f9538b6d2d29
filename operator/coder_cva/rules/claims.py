"""The claims of workspaces, and the classes by which new ones are provisioned."""

from collections.abc import Iterator, Mapping
from typing import Final, TypeAlias

from coder_cva.rules.subjects import workload
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


Claims: TypeAlias = tuple[PersistentVolumeClaim, ...]


def by_owner(world: World) -> tuple[tuple[str, Claims], ...]:
    """The claims of each workspace that mounts some, then those of stopped ones, each by itself.

    Of stopped workspaces only labels tell. A claim that several share is told of the first of them.
    """
    return tuple(_by_owner(world))


def _by_owner(world: World) -> Iterator[tuple[str, Claims]]:
    known = {
        (one.meta.namespace, one.meta.name): one
        for one in world.snapshot.items(Need.PERSISTENT_VOLUME_CLAIMS)
    }
    for one in world.found.workspaces:
        keys = [(one.pod.meta.namespace, name) for name in one.pod.shape.claims]
        found = tuple(known.pop(key) for key in keys if key in known)
        if found:
            yield workload(one), found
    spaces = {one.name for one in world.found.namespaces}
    for claim in known.values():
        if claim.meta.namespace in spaces and _is_labelled(claim):
            yield f"PersistentVolumeClaim {claim.meta.path}", (claim,)


def _is_labelled(claim: PersistentVolumeClaim) -> bool:
    labels = claim.meta.labels
    by_coder = any(one in labels for one in marks.WORKSPACE_LABELS)
    return by_coder or labels.get(marks.NAME) == _CLAIM_NAME


def is_dynamic(claim: PersistentVolumeClaim) -> bool:
    """Whether somebody makes the volume when the claim asks: it has a class, or waits for one."""
    return bool(claim.storage_class) or (claim.storage_class is None and claim.phase == "Pending")


def is_shared(name: str, owned: Claims) -> bool:
    """Whether a class gives workspaces nothing but volumes that every node may mount: those are in no zone."""
    modes = [one.access_modes for one in owned if one.storage_class == name]
    return bool(modes) and all("ReadWriteMany" in one for one in modes)


def not_seen_through(owned: Claims, known: Mapping[str, StorageClass]) -> list[str]:
    """Claims of whose volumes nothing is known: made by hand, or of a class that is gone."""
    return [
        one.meta.path
        for one in owned
        if one.phase != "Pending" and _is_made_by_hand(known.get(one.storage_class or ""))
    ]


def _is_made_by_hand(found: StorageClass | None) -> bool:
    return found is None or found.provisioner == _NO_PROVISIONER


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
