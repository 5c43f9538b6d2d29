"""The exact change to make, where it belongs: Helm values, the CoderDeployment, Terraform."""

import json
from collections.abc import Mapping
from typing import Any

from coder_cva.snapshot import marks
from coder_cva.snapshot.records import Pod
from coder_cva.snapshot.world import World


def coderd(world: World, values: Mapping[str, Any], spec: str) -> str:
    """How to change coderd: values for Coder's chart where it is adopted, else a field of the spec.

    Args:
        world: who manages coderd stands in it.
        values: the values of Coder's Helm chart.
        spec: the field of the CoderDeployment, as it is written.
    """
    if world.deployment.spec.control_plane.management != "Adopted":
        return f"in CoderDeployment {world.deployment.namespace}/{world.deployment.name}: {spec}"
    if world.coderd is not None and world.coderd.manager == "coder-k8s":
        return f"in the CoderControlPlane of coder-k8s, what Helm's values would say: {as_yaml(values)}"
    return f"in the values of Coder's Helm chart: {as_yaml(values)}"


def as_yaml(values: Mapping[str, Any]) -> str:
    """Values as flow YAML on one line, to paste into a values.yaml: JSON is YAML."""
    return json.dumps(values, sort_keys=True)


def template(resource: str, block: str) -> str:
    """How to change a workspace's template: what to write into its Terraform resource."""
    return f"in the template of {resource}, in the Pod's spec: {block}; restart the workspace afterwards"


def workspace_name(pod: Pod) -> str:
    """A workspace as its people know it, where its labels say so: ``workspace anna/dev``."""
    labels = pod.meta.labels
    user, name = labels.get("com.coder.user.username"), labels.get("com.coder.workspace.name")
    return f"workspace {user}/{name}" if user and name else f"Pod {pod.meta.path}"


def selector_block(selector: Mapping[str, str]) -> str:
    """A Terraform node_selector of these labels."""
    entries = ", ".join(f'"{key}" = "{value}"' for key, value in sorted(selector.items()))
    return f"node_selector = {{ {entries} }}"


def spread_block() -> str:
    """The example template's soft anti-affinity, with a label that workspaces really have."""
    return (
        "affinity { pod_anti_affinity { preferred_during_scheduling_ignored_during_execution { weight = 1 "
        'pod_affinity_term { topology_key = "kubernetes.io/hostname" label_selector { match_labels = { '
        f'"{marks.NAME}" = "{marks.WORKSPACE_NAME}" }} }} }} }} }} }}'
    )
