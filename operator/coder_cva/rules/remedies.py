"""The exact change to make, where it belongs: Helm values, the CoderDeployment, Terraform, kubectl."""

import json
from collections.abc import Mapping
from datetime import timedelta
from shlex import quote
from typing import Any, Final

import yaml

from coder_cva.rules.subjects import workload
from coder_cva.snapshot import environment, marks
from coder_cva.snapshot.discovered import Workspace
from coder_cva.snapshot.records import Labels
from coder_cva.snapshot.world import World

SHARED_LABELS: Final = (
    (marks.NAME, marks.WORKSPACE_NAME),
    ("com.coder.resource", "true"),
    ("app", marks.WORKSPACE_NAME),
)
"""Labels that all workspaces of a template have in common, the usual one first."""


_WHERE: Final = {
    "Argo CD": "in the values.yaml of Coder's chart that Argo CD applies",
    "Flux": "in the values of the HelmRelease of Coder's chart that Flux applies",
}
"""By who manages coderd, where its Helm values are kept."""
_YEAR: Final = timedelta(days=365)
_CODER_K8S: Final = "coder-k8s"
_OF_CODER_K8S: Final = {"env": "extraEnv", "replicaCount": "replicas"}
"""Values of the chart that the CoderControlPlane of coder-k8s calls otherwise; all others are called alike."""


def coderd(world: World, values: Mapping[str, Any], spec: Mapping[str, Any] | None = None) -> str:
    """How to change coderd: in what whoever manages it keeps, ready to paste.

    Args:
        world: who manages coderd stands in it.
        values: the values of Coder's Helm chart, under their one key ``coder``.
        spec: the part of the CoderDeployment's spec that says the same; None where the operator's
            own template always says it, so that somebody must have taken it away.
    """
    if not is_ours(world):
        kept = _of_coder_k8s(values) if _manager(world) == _CODER_K8S else values
        return f"{_where(world)}{_beside(values)}:\n{as_yaml(kept)}"
    return resource(world, spec) if spec is not None else _put_back(world)


def settings(world: World, values: Mapping[str, str], spec: Mapping[str, Any] | None = None) -> str:
    """How to set variables of coderd, by name; where an argument says one of them, only that helps.

    ``spec`` is the part of the CoderDeployment's spec that says the same, as in ``coderd``.
    """
    flags = {name: found for name in values if (found := _flag(world, name))}
    if flags:
        return _by_arguments(world, {flags[name]: values[name] for name in flags})
    env = [{"name": name, "value": value} for name, value in values.items()]
    return coderd(world, {"coder": {"env": env}}, spec)


def setting_field(world: World, name: str) -> str:
    """The field of coderd's Deployment that says a setting, or would."""
    part = "args" if _flag(world, name) else f"env[{name}]"
    return f"spec.template.spec.containers[coder].{part}"


def _flag(world: World, name: str) -> str:
    return environment.flag(world.coderd.deployment, name) if world.coderd is not None else ""


def _by_arguments(world: World, values: Mapping[str, str]) -> str:
    """An argument wins over any variable, so the change belongs there."""
    said = " ".join(as_yaml([f"{flag}={value}"])[2:] for flag, value in values.items())
    if is_ours(world):
        return f"{', '.join(values)} stands in its arguments, which the operator does not write: {_put_back(world)}"
    key = "extraArgs" if _manager(world) == _CODER_K8S else "coder.commandArgs"
    return f"{_where(world)}, among the arguments ({key}), which win over variables: {said}"


def without(world: World, what: str, where: str) -> str:
    """How to take something out of coderd; ``where`` names the chart's values in which it stands."""
    if not is_ours(world):
        return f"{_where(world)}: take {what} out of {where}"
    return _put_back(world)


def _manager(world: World) -> str:
    return world.coderd.manager if world.coderd is not None else ""


def _where(world: World) -> str:
    if world.coderd is not None and _manager(world) == _CODER_K8S:
        meta = world.coderd.deployment.meta
        name = meta.owner.name if meta.owner is not None else meta.name
        return f"in CoderControlPlane {meta.namespace}/{name} of coder-k8s"
    return _WHERE.get(_manager(world), "in the values.yaml of Coder's Helm chart")


def _beside(values: Mapping[str, Any]) -> str:
    """A list in the values replaces the one that is there, unless whoever pastes it knows better."""
    lists = sorted(key for key, one in values["coder"].items() if isinstance(one, list))
    return f", beside what is in {' and '.join(lists)} already" if lists else ""


def _of_coder_k8s(values: Mapping[str, Any]) -> dict[str, Any]:
    return {"spec": {_OF_CODER_K8S.get(key, key): one for key, one in values["coder"].items()}}


def _put_back(world: World) -> str:
    owner = world.deployment
    return (
        "the operator puts it back; who changed it says kubectl "
        f"-n {owner.namespace} get deployment {owner.name} -o yaml --show-managed-fields"
    )


def is_ours(world: World) -> bool:
    """Whether coderd is the operator's own: also where it should be, a foreign one may stand there."""
    if world.coderd is not None:
        return world.coderd.ours
    return world.deployment.spec.control_plane.management == "Managed"


def resource(world: World, spec: Mapping[str, Any]) -> str:
    """How to change the CoderDeployment, ready to paste into its manifest."""
    owner = world.deployment
    return f"in CoderDeployment {owner.namespace}/{owner.name}:\n{as_yaml({'spec': spec})}"


def waiver(world: World, rule: str, what: str, reason: str) -> str:
    """How to accept a finding for a year, ready to paste into the CoderDeployment's manifest."""
    accepted = {
        "rule": rule,
        "resources": [what],
        "reason": reason,
        "until": (world.now + _YEAR).date().isoformat(),
    }
    return resource(world, {"waivers": [accepted]})


def merge_patch(world: World, spec: Mapping[str, Any]) -> str:
    """The same as a command, for what is switched rather than kept."""
    owner = world.deployment
    patch = json.dumps({"spec": spec}, sort_keys=True, separators=(",", ":"))
    return f"kubectl -n {owner.namespace} patch cdep {owner.name} --type=merge -p {quote(patch)}"


def as_yaml(values: Any) -> str:
    """Block YAML, without a line break at its end."""
    text: str = yaml.safe_dump(values, sort_keys=False, default_flow_style=False, width=1_000)
    return text.rstrip("\n")


def template(workspace: Workspace, block: str, where: str = ", in the spec of its Pod") -> str:
    """What to write into the workspace's template, in Terraform; ``where`` in it, "" where the block says."""
    return (
        f"in the template of {workspace_name(workspace)}{where}; it holds from the next start of the "
        f"workspace:\n{block}"
    )


def workspace_name(workspace: Workspace) -> str:
    """A workspace as its people know it, where its labels say so: ``workspace anna/dev``."""
    labels = workspace.pod.meta.labels
    user, name = labels.get("com.coder.user.username"), labels.get("com.coder.workspace.name")
    return f"workspace {user}/{name}" if user and name else workload(workspace)


def labels_block(labels: Mapping[str, str]) -> str:
    """Labels as Terraform, inside the metadata of a Pod."""
    return f"labels = {_map(labels)}"


def selector_block(selector: Mapping[str, str], tolerations: list[dict[str, Any]]) -> str:
    """A node selector and tolerations as Terraform, inside the spec of a Pod."""
    made = [f"node_selector = {_map(selector)}"]
    for one in tolerations:
        entries = [f'  {_snake(key)} = "{value}"' for key, value in one.items()]
        made.append("\n".join(["toleration {", *entries, "}"]))
    return "\n".join(made)


def spread_block(labels: Labels) -> str:
    """The example template's soft anti-affinity, by a label that this workspace really has."""
    key, value = next(
        (one for one in SHARED_LABELS if labels.get(one[0]) == one[1]), SHARED_LABELS[0]
    )
    lines = [
        "affinity {",
        "  pod_anti_affinity {",
        "    preferred_during_scheduling_ignored_during_execution {",
        "      weight = 1",
        "      pod_affinity_term {",
        '        topology_key = "kubernetes.io/hostname"',
        "        label_selector {",
        f'          match_labels = {{ "{key}" = "{value}" }}',
        "        }",
        "      }",
        "    }",
        "  }",
        "}",
    ]
    return "\n".join(lines)


def _map(entries: Mapping[str, str]) -> str:
    inner = ", ".join(f'"{key}" = "{value}"' for key, value in sorted(entries.items()))
    return f"{{ {inner} }}"


def _snake(name: str) -> str:
    return "".join(f"_{one.lower()}" if one.isupper() else one for one in name)
