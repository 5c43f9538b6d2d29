"""The claims of workspaces, and the classes by which new ones are provisioned."""

from collections.abc import Mapping
from typing import Final, TypeAlias

from coder_cva.rules.subjects import workload
from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PersistentVolume, PersistentVolumeClaim, StorageClass
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
        "directpv-min-io",
        "docker.io/hostpath",
        "hostpath.csi.k8s.io",
        "k8s.io/minikube-hostpath",
        "kubevirt.io.hostpath-provisioner",
        "kubevirt.io/hostpath-provisioner",
        "local.csi.openebs.io",
        "microk8s.io/hostpath",
        "openebs.io/local",
        "rancher.io/local-path",
        "topolvm.cybozu.com",
        "topolvm.io",
        "zfs.csi.openebs.io",
    }
)
"""Provisioners that make volumes of a folder or a disk of one node, each by its own documentation."""
_SOURCES_ON_THE_NODE: Final = frozenset({"hostPath", "local"})
_NODE_NAMES: Final = frozenset(
    {
        "directpv.min.io/node",
        "kubernetes.io/hostname",
        "metadata.name",
        "openebs.io/nodename",
        "topology.hostpath.csi/node",
        "topology.topolvm.cybozu.com/node",
        "topology.topolvm.io/node",
    }
)
"""Labels of nodes, and the field, that name one: Kubernetes' own, and those of drivers of local disks."""
_LET_GO: Final = frozenset({"Released", "Failed"})
"""Phases of a volume whose claim is gone."""
_NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
LAZY: Final = "WaitForFirstConsumer"
_GROWING: Final = frozenset(
    {
        "blockvolume.csi.oraclecloud.com",
        "cephfs.csi.ceph.com",
        "cinder.csi.openstack.org",
        "csi.hetzner.cloud",
        "csi.trident.netapp.io",
        "csi.vsphere.vmware.com",
        "disk.csi.azure.com",
        "dobs.csi.digitalocean.com",
        "driver.longhorn.io",
        "ebs.csi.aws.com",
        "file.csi.azure.com",
        "linstor.csi.linbit.com",
        "pd.csi.storage.gke.io",
        "pxd.portworx.com",
        "rbd.csi.ceph.com",
    }
)
"""CSI drivers that make a volume larger when its claim asks for more, each by its own documentation."""


Key: TypeAlias = tuple[str, str]
"""Namespace and name."""
Claims: TypeAlias = tuple[PersistentVolumeClaim, ...]
Owned: TypeAlias = tuple[str, Claims]
"""Who has claims, and these."""
Volumes: TypeAlias = Mapping[Key, PersistentVolume]


def by_owner(world: World) -> tuple[Owned, ...]:
    """The claims of each workspace that mounts some, then those of stopped ones, each by itself.

    Of stopped workspaces only labels tell. A claim that several share is told of the first of them.
    """
    memo, claims = world.memo, world.snapshot.items(Need.PERSISTENT_VOLUME_CLAIMS)
    mounted = memo.flat(_mounted, world.found.workspaces, memo.once(_by_name, claims))
    taken = memo.once(_taken, mounted)
    if sum(memo.parts(_count, mounted)) > len(taken):
        mounted = memo.once(_shared_once, mounted)
    spaces = frozenset(one.name for one in world.found.namespaces)
    return memo.once(_joined, mounted, memo.flat(_unmounted, claims, spaces, taken))


def owned(by_owner: tuple[Owned, ...]) -> Claims:
    """The claims alone."""
    return tuple(one for _, found in by_owner for one in found)


def _by_name(claims: Claims) -> dict[Key, PersistentVolumeClaim]:
    return {_key(one): one for one in claims}


def _key(claim: PersistentVolumeClaim) -> Key:
    return claim.meta.namespace, claim.meta.name


def _mounted(
    workspaces: tuple[Workspace, ...], known: Mapping[Key, PersistentVolumeClaim]
) -> tuple[Owned, ...]:
    """The claims of each of these workspaces that mounts some."""
    found = []
    for one in workspaces:
        keys = dict.fromkeys((one.pod.meta.namespace, name) for name in one.pod.shape.claims)
        claims = tuple(known[key] for key in keys if key in known)
        if claims:
            found.append((workload(one), claims))
    return tuple(found)


def _count(by_owner: tuple[Owned, ...]) -> int:
    return sum(len(found) for _, found in by_owner)


def _taken(by_owner: tuple[Owned, ...]) -> frozenset[Key]:
    return frozenset(_key(one) for _, found in by_owner for one in found)


def _shared_once(by_owner: tuple[Owned, ...]) -> tuple[Owned, ...]:
    """The same, with each claim at the first of those who share it."""
    told, left = set[Key](), list[Owned]()
    for owner, found in by_owner:
        own = tuple(one for one in found if _key(one) not in told)
        told.update(map(_key, own))
        if own:
            left.append((owner, own))
    return tuple(left)


def _unmounted(claims: Claims, spaces: frozenset[str], taken: frozenset[Key]) -> tuple[Owned, ...]:
    """The claims of workspaces, each by itself, that no workspace mounts now."""
    return tuple(
        (f"PersistentVolumeClaim {one.meta.path}", (one,))
        for one in claims
        if one.meta.namespace in spaces and _key(one) not in taken and _is_labelled(one)
    )


def _joined(one: tuple[Owned, ...], other: tuple[Owned, ...]) -> tuple[Owned, ...]:
    return one + other


def _is_labelled(claim: PersistentVolumeClaim) -> bool:
    labels = claim.meta.labels
    by_coder = any(one in labels for one in marks.WORKSPACE_LABELS)
    return by_coder or labels.get(marks.NAME) == _CLAIM_NAME


def goes_with_its_pod(claim: PersistentVolumeClaim) -> bool:
    """Whether a claim was made for a generic ephemeral volume: then its Pod owns it, and its data end with it."""
    return claim.meta.owner is not None and claim.meta.owner.kind == "Pod"


def is_dynamic(claim: PersistentVolumeClaim) -> bool:
    """Whether somebody makes the volume when the claim asks: it has a class, or waits for one."""
    return bool(claim.storage_class) or (claim.storage_class is None and claim.phase == "Pending")


def is_shared(name: str, owned: Claims) -> bool:
    """Whether a class gives workspaces nothing but volumes that every node may mount: those are in no zone."""
    modes = [one.access_modes for one in owned if one.storage_class == name]
    return bool(modes) and all("ReadWriteMany" in one for one in modes)


def volumes(world: World) -> Volumes:
    """The volumes that claims hold, by namespace and name of the claim."""
    return world.memo.once(_volumes, world.snapshot.items(Need.PERSISTENT_VOLUMES))


def _volumes(every: tuple[PersistentVolume, ...]) -> Volumes:
    return {one.claim: one for one in every if one.claim[1] and one.phase not in _LET_GO}


def lies_on(
    claim: PersistentVolumeClaim,
    volume: PersistentVolume | None,
    known: Mapping[str, StorageClass],
) -> bool | None:
    """Whether a claim's data lie on one node: by its volume, else by its class; None where neither tells."""
    if volume is not None:
        return volume.source in _SOURCES_ON_THE_NODE or _is_held_by_a_node(volume)
    found = known.get(claim.storage_class or "")
    if found is not None and is_on_the_node(found):
        return True
    is_made = claim.phase != "Pending" and (found is None or found.provisioner == _NO_PROVISIONER)
    return None if is_made else False


def _is_held_by_a_node(volume: PersistentVolume) -> bool:
    """Whether each alternative names a node, as drivers of local disks write it."""
    terms = volume.node_terms or ()
    return bool(terms) and all(any(one.key in _NODE_NAMES for one in term) for term in terms)


def classes(world: World) -> dict[str, StorageClass]:
    """All StorageClasses by name."""
    return {one.meta.name: one for one in world.snapshot.items(Need.STORAGE_CLASSES)}


def driver(found: StorageClass) -> str:
    """The CSI driver that serves a class, if it is installed."""
    return MIGRATED.get(found.provisioner, found.provisioner)


def could_grow(found: StorageClass) -> bool:
    """Whether the driver of a class makes volumes larger; Rook puts its namespace before a driver's name."""
    name = driver(found)
    return name in _GROWING or any(name.endswith(f".{one}") for one in _GROWING)


def is_on_the_node(found: StorageClass) -> bool:
    """Whether the volumes of a class are a disk or a folder of one node.

    A class without a provisioner that waits for the first consumer is how local volumes are declared.
    """
    declared = found.provisioner == _NO_PROVISIONER and found.binding_mode == LAZY
    return declared or found.provisioner in _ON_THE_NODE
