"""Workspaces: Pods or Deployments, recognised as what they are (CVA-WS-*)."""

from typing import Final

from coder_cva.desired.connections import KINDS
from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, verdict
from coder_cva.rules.subjects import WORKSPACES, are, no_workspaces, workload
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.workspaces import BY_NAME
from coder_cva.snapshot.world import World

_KINDS: Final = frozenset({"Deployment", "ReplicaSet", ""})
"""What may control a workspace; a ReplicaSet is a Deployment's, "" is a Pod by itself."""


def workspaces_can_be_recognised(world: World) -> Judgement:
    """CVA-WS-001: Pods or Deployments, with a proof that they are workspaces and a label to select them by."""
    found = world.found.workspaces
    if not found:
        return no_workspaces()
    findings = world.memo.flat(_findings, found)
    bare = sum(world.memo.parts(_bare, found))
    told = f"{are(len(found), 'workspace')}, {bare} of them Pods by themselves, {len(found) - bare} controlled"
    return verdict(findings, held=told, broken=f"{told}; {are(len(findings), 'finding')}")


def _findings(workspaces: tuple[Workspace, ...]) -> tuple[Finding, ...]:
    return tuple(
        finding
        for one in workspaces
        for finding in (_of_another_kind(one), _without_proof(one), _without_label(one))
        if finding is not None
    )


def _bare(workspaces: tuple[Workspace, ...]) -> int:
    return sum(not one.controller for one in workspaces)


def _of_another_kind(workspace: Workspace) -> Finding | None:
    kind = workspace.controller.partition(" ")[0]
    if kind in _KINDS:
        return None
    return Finding(
        "CVA-WS-001",
        workload(workspace),
        "kind",
        "Pod or Deployment",
        kind,
        f"in the template of {remedies.workspace_name(workspace)}: kubernetes_deployment",
    )


def _without_proof(workspace: Workspace) -> Finding | None:
    """A name alone anybody may give; a token that comes through envFrom is not seen."""
    if workspace.proof != BY_NAME:
        return None
    return Finding(
        "CVA-WS-001",
        workload(workspace),
        "metadata.labels",
        "CODER_AGENT_TOKEN among the variables, or the label com.coder.resource: true",
        "only a name label says that it is a workspace",
        f"in the template of {remedies.workspace_name(workspace)}, in the metadata of its Pod:\n"
        + remedies.labels_block({"com.coder.resource": "true"}),
    )


def _without_label(workspace: Workspace) -> Finding | None:
    """Coder's envbox template has none: nothing can select such a Pod, no policy and no Service."""
    labels = workspace.pod.meta.labels
    if any(kind.is_on(labels) for kind in KINDS):
        return None
    said = ", ".join(f"{key}={value}" for key, value in sorted(labels.items()))
    return Finding(
        "CVA-WS-001",
        workload(workspace),
        "metadata.labels",
        "a label by which NetworkPolicies can select workspaces",
        f"only {said}" if said else "no label at all",
        f"in the template of {remedies.workspace_name(workspace)}, in the metadata of its Pod:\n"
        + remedies.labels_block({"com.coder.resource": "true"}),
    )


RULES: Final = (Rule("CVA-WS-001", workspaces_can_be_recognised, WORKSPACES),)
