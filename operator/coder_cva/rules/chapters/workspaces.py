"""Workspaces: recognised as what they are (CVA-WS-*)."""

from typing import Final

from coder_cva.rules import remedies
from coder_cva.rules.model import Finding, Judgement, Rule, verdict
from coder_cva.rules.subjects import no_workspaces
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.world import World


def workspaces_can_be_recognised(world: World) -> Judgement:
    """CVA-WS-001: a workspace has a controller, and a label by which policies and people can select it."""
    found = world.found.workspaces
    if not found:
        return no_workspaces()
    findings = [
        Finding(
            "CVA-WS-001",
            f"Pod {one.pod.meta.path}",
            "metadata.ownerReferences",
            "a Pod of a Deployment, so that a lost node does not end the workspace",
            f"a bare Pod, recognised by its {one.proof}",
            f"in the template of {remedies.workspace_name(one.pod)}: kubernetes_deployment instead of kubernetes_pod",
        )
        for one in found
        if not one.controller
    ]
    findings += [
        Finding(
            "CVA-WS-001",
            f"Pod {one.pod.meta.path}",
            "metadata.labels",
            "com.coder.resource: true, by which NetworkPolicies can select it",
            "no label at all",
            f"in the template of {remedies.workspace_name(one.pod)}: "
            'labels = { "com.coder.resource" = "true" }',
        )
        for one in found
        if not one.pod.meta.labels
    ]
    told = f"{len(found)} workspaces are recognised, {len(findings)} things about them are not as they should be"
    return verdict(
        findings, held=f"{len(found)} workspaces, each with a controller and a label", broken=told
    )


RULES: Final = (
    Rule(
        "CVA-WS-001",
        workspaces_can_be_recognised,
        frozenset(
            {Need.PODS, Need.DEPLOYMENTS, Need.REPLICA_SETS, Need.NAMESPACES, Need.ROLE_BINDINGS}
        ),
    ),
)
