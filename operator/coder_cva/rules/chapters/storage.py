"""Storage: homes that survive, a CSI driver that provisions them, nothing of the node (CVA-STO-*)."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from coder_cva.desired.enforcement import Mode
from coder_cva.rules import admission, claims, home, host_volumes, remedies
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, unknown, verdict
from coder_cva.rules.subjects import WORKSPACES, are, named, no_workspaces, workload
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PersistentVolumeClaim, StorageClass
from coder_cva.snapshot.world import World

_LASTING: Final = frozenset(
    {
        "awsElasticBlockStore",
        "azureDisk",
        "azureFile",
        "cephfs",
        "cinder",
        "fc",
        "flexVolume",
        "gcePersistentDisk",
        "glusterfs",
        "iscsi",
        "nfs",
        "persistentVolumeClaim",
        "portworxVolume",
        "quobyte",
        "rbd",
        "scaleIO",
        "storageos",
        "vsphereVolume",
    }
)
"""Volume types that outlive a Pod and its node. An inline CSI volume ends with its Pod by definition."""
_SEVERAL: Final = 2
_ZONE: Final = "topology.kubernetes.io/zone"
_WRITABLE: Final = frozenset({"ReadWriteOnce", "ReadWriteMany", "ReadWriteOncePod"})


def workspaces_have_persistent_storage(world: World) -> Judgement:
    """CVA-STO-001: each workspace has a volume that survives a restart."""
    found = world.found.workspaces
    if not found:
        return no_workspaces()
    findings = [
        _unmounted(one) if _LASTING & set(one.pod.shape.volume_types) else _homeless(world, one)
        for one in world.memo.flat(_forgetful, found)
    ]
    told = f"{len(found) - len(findings)} of {len(found)} workspaces have a volume that survives a restart"
    return verdict(findings, held=told, broken=told)


def _forgetful(workspaces: tuple[Workspace, ...]) -> tuple[Workspace, ...]:
    """Those that write to nothing that lasts."""
    return tuple(one for one in workspaces if not _LASTING & set(one.pod.shape.written_types))


def _homeless(world: World, workspace: Workspace) -> Finding:
    block = home.whole(world.deployment.spec.workspaces.storage, workspace.pod.meta.namespace)
    return Finding(
        "CVA-STO-001",
        workload(workspace),
        "spec.volumes",
        "a persistentVolumeClaim for the home folder",
        f"only {', '.join(workspace.pod.shape.volume_types) or 'no volume at all'}",
        remedies.template(workspace, block, where=""),
    )


def _unmounted(workspace: Workspace) -> Finding:
    """What nobody mounts keeps nothing, nor does what may only be read."""
    lasting = sorted(_LASTING & set(workspace.pod.shape.volume_types))
    return Finding(
        "CVA-STO-001",
        workload(workspace),
        "spec.containers[].volumeMounts",
        "a volume that survives a restart, mounted to be written to",
        f"{', '.join(lasting)}, which no container mounts to write to",
        remedies.template(workspace, home.MOUNT, where=", in its container"),
    )


def storage_is_provisioned_by_csi(world: World) -> Judgement:
    """CVA-STO-002: the classes of workspaces are there, and CSI drivers of this cluster provision them.

    Judged are the classes that claims of workspaces name and the one that the spec names; without
    any, the cluster's default, which new claims would get.
    """
    by_owner = claims.by_owner(world)
    owned = world.memo.flat(claims.owned, by_owner)
    known = claims.classes(world)
    wanted = world.deployment.spec.workspaces.storage.storage_class_name
    used = {*world.memo.flat(_classes, owned)}
    used |= {wanted} if wanted else set()
    used |= {name for name, one in known.items() if one.default} if not used else set()
    classless = world.memo.flat(_classless, owned)
    if not used and not classless:
        return not_applicable(
            "no claim of a workspace names a StorageClass, the spec names none, and the cluster has no default"
        )
    findings = [
        *(one for name in sorted(used) for one in _of_class(name, known.get(name), world)),
        *(one for name in sorted(used) for one in _in_zones(known.get(name), owned, world)),
        *(one for name in sorted(used) for one in _fixed(known.get(name), world)),
        *(_without_class(world, one) for one in classless),
        *world.memo.flat(_of_homes, by_owner),
    ]
    told = (
        f"StorageClass {named(sorted(used)) or 'none'} for {are(len(owned), 'claim')} of workspaces"
    )
    held = f"{told}: CSI drivers of this cluster provision them, read and write"
    return verdict(findings, held=held, broken=f"{told}: {are(len(findings), 'finding')}")


def _classes(owned: claims.Claims) -> tuple[str, ...]:
    return tuple({one.storage_class for one in owned if one.storage_class})


def _classless(owned: claims.Claims) -> claims.Claims:
    """Those that wait for a class."""
    return tuple(one for one in owned if one.storage_class is None and one.phase == "Pending")


def _of_homes(by_owner: tuple[claims.Owned, ...]) -> tuple[Finding, ...]:
    return tuple(one for owner, found in by_owner for one in _of_home(owner, found))


def _of_class(name: str, found: StorageClass | None, world: World) -> Iterator[Finding]:
    subject = f"StorageClass {name}"
    if found is None:
        there = named(sorted(claims.classes(world))) or "none"
        yield Finding(
            "CVA-STO-002",
            subject,
            "metadata.name",
            "a StorageClass of this name",
            f"there is {there}",
            "create it, or name one that is there in the templates and in "
            "spec.workspaces.storage.storageClassName",
        )
        return
    drivers = _drivers(world)
    if claims.driver(found) not in drivers:
        yield Finding(
            "CVA-STO-002",
            subject,
            "provisioner",
            "a CSI driver of this cluster, with dynamic provisioning",
            f"{found.provisioner}; CSI drivers here: {named(sorted(drivers)) or 'none'}",
            "install the CSI driver of your cloud or storage, and use its StorageClass for new "
            "workspaces: the class of a claim that is there never changes",
        )


def _drivers(world: World) -> set[str]:
    return {one.meta.name for one in world.snapshot.items(Need.CSI_DRIVERS)}


def _in_zones(found: StorageClass | None, owned: claims.Claims, world: World) -> Iterator[Finding]:
    """Volumes that are made before it is known where the workspace runs, where that can be wrong."""
    zones = _zones(world)
    if found is None or found.binding_mode == claims.LAZY or len(zones) < _SEVERAL:
        return
    name = found.meta.name
    if not claims.is_shared(name, owned):
        yield Finding(
            "CVA-STO-002",
            f"StorageClass {name}",
            "volumeBindingMode",
            f"{claims.LAZY}: the volume is made in the zone of its workspace ({', '.join(zones)})",
            found.binding_mode,
            "make a class of another name that differs in this field, which cannot be changed: kubectl "
            f"get storageclass {name} -o yaml",
        )


def _fixed(found: StorageClass | None, world: World) -> Iterator[Finding]:
    """Volumes that stay as small as they were made, although their driver could make them larger.

    Without that a full home is moved by hand. The field is one of the few of a class that may change.
    """
    if found is None or found.expandable or not claims.could_grow(found):
        return
    if claims.driver(found) not in _drivers(world):
        return
    name = found.meta.name
    yield Finding(
        "CVA-STO-002",
        f"StorageClass {name}",
        "allowVolumeExpansion",
        f"true: {claims.driver(found)} can make a volume larger when a home is full",
        "false",
        f"kubectl patch storageclass {name} -p '{{\"allowVolumeExpansion\":true}}', and where it is kept "
        "if somebody applies it; it holds for volumes that are there as well",
    )


def _zones(world: World) -> list[str]:
    """The zones of the workspaces' pool: a volume that is made too early may be in the wrong one."""
    selector = world.deployment.spec.workspaces.node_pool.selector
    nodes = world.pool(selector)
    return sorted({one.meta.labels[_ZONE] for one in nodes if _ZONE in one.meta.labels})


def _without_class(world: World, claim: PersistentVolumeClaim) -> Finding:
    return Finding(
        "CVA-STO-002",
        f"PersistentVolumeClaim {claim.meta.path}",
        "spec.storageClassName",
        "a class, from the template or as the cluster's default",
        "none, and the claim is pending",
        f"{_give_a_class(world)}, and make the workspace anew",
    )


def _give_a_class(world: World) -> str:
    """By admission where it acts; giving a class restricts nothing, so only the user's own word stops it."""
    said = world.deployment.spec.enforcement.rules.get("CVA-STO-002", Mode.ENFORCE)
    if said == Mode.ENFORCE and admission.is_at_work(world):
        return "set spec.workspaces.storage.storageClassName, which new claims without a class get"
    return (
        "name a StorageClass in the template (storage_class_name), or make one the cluster's default: kubectl "
        "annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true"
    )


def _of_home(owner: str, found: tuple[PersistentVolumeClaim, ...]) -> Iterator[Finding]:
    """One claim must be a home, made when it is asked for and writable; data may stand beside it.

    What goes with the Pod is no home; that there is none at all is another clause's matter.
    """
    kept = [one for one in found if not claims.goes_with_its_pod(one)]
    made = [one for one in kept if claims.is_dynamic(one)]
    if kept and not made:
        yield Finding(
            "CVA-STO-002",
            owner,
            "spec.volumes",
            "a home with dynamic provisioning, made when the workspace is",
            "no claim of it has a StorageClass: its volumes were made by hand",
            "name a StorageClass in the template (storage_class_name), for new workspaces",
        )
    elif made and not any(_WRITABLE & set(one.access_modes) for one in made):
        yield from map(_read_only, made)


def _read_only(claim: PersistentVolumeClaim) -> Finding:
    return Finding(
        "CVA-STO-002",
        f"PersistentVolumeClaim {claim.meta.path}",
        "spec.accessModes",
        "read and write: ReadWriteOnce, or another mode that writes",
        ", ".join(claim.access_modes) or "none",
        'in the template: access_modes = ["ReadWriteOnce"], for new workspaces',
    )


def workspaces_mount_nothing_of_their_node(world: World) -> Judgement:
    """CVA-STO-004: no hostPath, unless exempt, and no claim behind which a disk or a folder of one node hides."""
    found = world.found.workspaces
    owned = world.memo.flat(claims.owned, claims.by_owner(world))
    if not found and not owned:
        return no_workspaces()
    mounts = host_volumes.findings(world)
    known = claims.classes(world)
    lying = world.memo.flat(_lying, owned, claims.volumes(world), known)
    hidden = list(_hidden([one for one, on_node in lying if on_node], known))
    unseen = [one.meta.path for one, on_node in lying if on_node is None]
    if unseen and not mounts and not hidden:
        return unknown(
            host_volumes.VOLUME_NOT_SEEN,
            f"{named(unseen)}: neither a volume nor a StorageClass says what stands behind the claim, and "
            "it may be a disk or a folder of a node",
        )
    told = (
        f"{are(len(found), 'workspace')} and {are(len(owned), 'claim')} of workspaces: {len(mounts)} mount "
        f"folders of their node{host_volumes.told(world)}, and "
        f"{sum(bool(on_node) for _, on_node in lying)} claims lie on one node"
    )
    return verdict([*mounts, *hidden], held=told, broken=told)


def _lying(
    owned: claims.Claims, volumes: claims.Volumes, known: Mapping[str, StorageClass]
) -> tuple[tuple[PersistentVolumeClaim, bool | None], ...]:
    """The claims that lie on a node, and those of which nobody can tell (None)."""
    told = (
        (one, claims.lies_on(one, volumes.get((one.meta.namespace, one.meta.name)), known))
        for one in owned
    )
    return tuple((one, on_node) for one, on_node in told if on_node is not False)


def _hidden(
    on_node: Iterable[PersistentVolumeClaim], known: Mapping[str, StorageClass]
) -> Iterator[Finding]:
    """One finding for each class and its claims; a claim without a class by itself."""
    users: dict[tuple[str, str], list[str]] = {}
    for claim in on_node:
        name = claim.storage_class or ""
        key = ("StorageClass", name) if name else ("PersistentVolumeClaim", claim.meta.path)
        users.setdefault(key, []).append(claim.meta.path)
    for (kind, name), found in sorted(users.items()):
        by = known.get(name) if kind == "StorageClass" else None
        how = f"{by.provisioner}: " if by is not None else ""
        yield Finding(
            "CVA-STO-004",
            f"{kind} {name}",
            "provisioner" if by is not None else "spec.volumeName",
            "volumes that outlive a node",
            f"{how}a disk or a folder of one node, for {named(found)}",
            "use the StorageClass of a CSI driver for new workspaces; the data of old ones is theirs to move",
        )


_CLAIMS: Final = WORKSPACES | {Need.PERSISTENT_VOLUME_CLAIMS, Need.STORAGE_CLASSES}
RULES: Final = (
    Rule("CVA-STO-001", workspaces_have_persistent_storage, WORKSPACES),
    Rule("CVA-STO-002", storage_is_provisioned_by_csi, _CLAIMS | {Need.CSI_DRIVERS, Need.NODES}),
    Rule(
        "CVA-STO-004",
        workspaces_mount_nothing_of_their_node,
        _CLAIMS | {Need.PERSISTENT_VOLUMES},
    ),
)
