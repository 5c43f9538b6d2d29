"""Storage: homes that survive, a CSI driver that provisions them, nothing of the node (CVA-STO-*)."""

from collections.abc import Iterator
from typing import Final

from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, not_applicable, verdict
from coder_cva.rules.subjects import no_workspaces
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import PersistentVolumeClaim, StorageClass
from coder_cva.snapshot.world import World

_NO_PROVISIONER: Final = "kubernetes.io/no-provisioner"
_LOCAL: Final = ("rancher.io/local-path", _NO_PROVISIONER)
"""Provisioners whose volumes are a disk of one node."""


def workspaces_have_persistent_storage(world: World) -> Judgement:
    """CVA-STO-001: each workspace mounts a claim, so that a restart keeps the home."""
    found = [one.pod for one in world.found.workspaces]
    if not found:
        return no_workspaces()
    without = [pod for pod in found if not pod.shape.claims]
    findings = [
        Finding(
            "CVA-STO-001",
            f"Pod {pod.meta.path}",
            "spec.volumes",
            "a persistentVolumeClaim",
            "no volume that survives a restart",
            remedies.template(
                remedies.workspace_name(pod),
                "a kubernetes_persistent_volume_claim, mounted at the home folder",
            ),
        )
        for pod in without
    ]
    told = f"{len(found) - len(without)} of {len(found)} workspaces have a volume that survives a restart"
    return verdict(findings, held=told, broken=told)


def storage_is_provisioned_by_csi(world: World) -> Judgement:
    """CVA-STO-002: the classes that workspaces use exist, and a CSI driver of the cluster provisions them."""
    claims = _workspace_claims(world)
    wanted = world.deployment.spec.workspaces.storage.storage_class_name
    if not claims and wanted is None:
        return not_applicable("no workspace has a claim, and the spec names no StorageClass")
    classes = {one.meta.name: one for one in world.snapshot.items(Need.STORAGE_CLASSES)}
    used = {one.storage_class for one in claims if one.storage_class}
    findings = [
        finding
        for name in sorted(used | ({wanted} if wanted else set()))
        for finding in _class_findings(name, classes.get(name), world)
    ]
    findings += [
        _pending(one) for one in claims if one.storage_class is None and one.phase == "Pending"
    ]
    names = ", ".join(sorted(used | ({wanted} if wanted else set()))) or "none"
    return verdict(
        findings,
        held=f"{len(claims)} claims of workspaces use StorageClass {names}, provisioned by CSI",
        broken=f"{len(findings)} things about the StorageClasses of workspaces ({names}) are not as they should be",
    )


def _class_findings(name: str, found: StorageClass | None, world: World) -> Iterator[Finding]:
    drivers = {one.meta.name for one in world.snapshot.items(Need.CSI_DRIVERS)}
    subject = f"StorageClass {name}"
    if found is None:
        yield Finding(
            "CVA-STO-002", subject, "metadata.name", "a StorageClass of this name", "none",
            "create it, or name one that exists (kubectl get storageclass) in the templates and in "
            "spec.workspaces.storage.storageClassName",
        )  # fmt: skip
        return
    if found.provisioner not in drivers:
        yield Finding(
            "CVA-STO-002", subject, "provisioner", "a CSI driver of this cluster with dynamic provisioning",
            found.provisioner, "install the CSI driver of your cloud or storage, and use its StorageClass",
        )  # fmt: skip
    if found.binding_mode != "WaitForFirstConsumer":
        yield Finding(
            "CVA-STO-002", subject, "volumeBindingMode", "WaitForFirstConsumer, so that a volume is made in the "
            "zone of its workspace", found.binding_mode,
            f"kubectl get storageclass {name} -o yaml, then create one of another name with "
            "volumeBindingMode: WaitForFirstConsumer (the field cannot be changed)",
        )  # fmt: skip


def _pending(claim: PersistentVolumeClaim) -> Finding:
    return Finding(
        "CVA-STO-002",
        f"PersistentVolumeClaim {claim.meta.path}",
        "spec.storageClassName",
        "a class, from the template or as the cluster's default",
        "none, and the claim is pending",
        "set spec.workspaces.storage.storageClassName for claims that name none, and recreate this one",
    )


def workspaces_mount_nothing_of_their_node(world: World) -> Judgement:
    """CVA-STO-004: no hostPath, and no class behind which a disk of one node hides."""
    found = [one.pod for one in world.found.workspaces]
    if not found:
        return no_workspaces()
    findings = [
        Finding(
            "CVA-STO-004",
            f"Pod {pod.meta.path}",
            "spec.volumes[].hostPath",
            "no volume of the node",
            path,
            remedies.template(remedies.workspace_name(pod), "a claim instead of host_path")
            + ". Coder's envbox template needs these: waive the finding with a reason in spec.waivers",
        )
        for pod in found
        for path in sorted(set(pod.shape.host_paths))
    ]
    local = {
        one.meta.name
        for one in world.snapshot.items(Need.STORAGE_CLASSES)
        if one.provisioner in _LOCAL
    }
    findings += [
        Finding(
            "CVA-STO-004",
            f"PersistentVolumeClaim {claim.meta.path}",
            "spec.storageClassName",
            "a class whose volumes outlive a node",
            f"{claim.storage_class}, whose volumes are a disk of one node",
            "use the StorageClass of a CSI driver for new workspaces",
        )
        for claim in _workspace_claims(world)
        if claim.storage_class in local
    ]
    told = f"{len(found)} workspaces, {len(findings)} volumes of their nodes"
    return verdict(findings, held=told, broken=told)


def _workspace_claims(world: World) -> list[PersistentVolumeClaim]:
    """The claims that running workspaces mount."""
    mounted = {
        (one.pod.meta.namespace, claim)
        for one in world.found.workspaces
        for claim in one.pod.shape.claims
    }
    return [
        one
        for one in world.snapshot.items(Need.PERSISTENT_VOLUME_CLAIMS)
        if (one.meta.namespace, one.meta.name) in mounted
    ]


_FOUND: Final = frozenset(
    {Need.PODS, Need.DEPLOYMENTS, Need.REPLICA_SETS, Need.NAMESPACES, Need.ROLE_BINDINGS}
)
_CLAIMS: Final = _FOUND | {Need.PERSISTENT_VOLUME_CLAIMS, Need.STORAGE_CLASSES}
RULES: Final = (
    Rule("CVA-STO-001", workspaces_have_persistent_storage, _FOUND),
    Rule("CVA-STO-002", storage_is_provisioned_by_csi, _CLAIMS | {Need.CSI_DRIVERS}),
    Rule("CVA-STO-004", workspaces_mount_nothing_of_their_node, _CLAIMS),
)
