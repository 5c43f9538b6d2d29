"""Volume types of workspaces: those that Coder has validated (CVA-STO-003)."""

from typing import Final

from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, verdict
from coder_cva.rules.subjects import WORKSPACES, are, named, no_workspaces, workload
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.world import World

VALIDATED: Final = frozenset({"persistentVolumeClaim", "ephemeral", "nfs", "cephfs"})
"""PVC, NFS, CephFS, which Kubernetes itself mounted before 1.31, and subPath, which is a way to mount them."""
_NO_STORAGE: Final = frozenset(
    {"configMap", "csi", "downwardAPI", "emptyDir", "image", "projected", "secret"}
)
"""What a Pod is given to read or to scratch on: no storage in the sense of the clause."""
_OF_THE_NODE: Final = "hostPath"
"""Has a clause of its own, CVA-STO-004."""


def volume_types_are_validated_ones(world: World) -> Judgement:
    """CVA-STO-003: workspaces keep their data on claims or NFS, and on nothing that nobody has tried."""
    workspaces = world.found.workspaces
    if not workspaces:
        return no_workspaces()
    findings = world.memo.flat(_findings, workspaces)
    used = VALIDATED.intersection(world.memo.flat(_types, workspaces))
    told = (
        f"{are(len(workspaces), 'workspace')} with volumes of type {named(sorted(used)) or 'none'}"
    )
    return verdict(findings, held=told, broken=f"{told}; {len(findings)} use other types")


def _types(workspaces: tuple[Workspace, ...]) -> tuple[str, ...]:
    return tuple({kind for one in workspaces for kind in one.pod.shape.volume_types})


def _findings(workspaces: tuple[Workspace, ...]) -> tuple[Finding, ...]:
    told = (
        (one, set(one.pod.shape.volume_types) - VALIDATED - _NO_STORAGE - {_OF_THE_NODE})
        for one in workspaces
    )
    return tuple(_finding(one, sorted(odd)) for one, odd in told if odd)


def _finding(workspace: Workspace, odd: list[str]) -> Finding:
    return Finding(
        "CVA-STO-003",
        workload(workspace),
        "spec.volumes",
        "persistentVolumeClaim, nfs or cephfs; others through the claim of their CSI driver",
        named(odd),
        f"in the template of {remedies.workspace_name(workspace)}: a persistent_volume_claim of a StorageClass whose "
        f"CSI driver serves what {named(odd)} served; copy the data before the old volume goes",
    )


RULES: Final = (Rule("CVA-STO-003", volume_types_are_validated_ones, WORKSPACES),)
