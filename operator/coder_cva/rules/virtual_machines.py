"""Workspaces that are virtual machines of KubeVirt: what to write into their templates.

Source: KubeVirt's user guide (node assignment). The Pod in which one runs is KubeVirt's own; a template says
on which nodes in the VirtualMachine, which Terraform has as a manifest.
"""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot import marks
from coder_cva.snapshot.discovered import Workspace

WHERE: Final = ", in spec.template.spec of its VirtualMachine"
_DOMAIN: Final = "kubevirt.io"


def is_one(workspace: Workspace) -> bool:
    """Whether KubeVirt runs this workspace."""
    return workspace.controller.partition(" ")[0] == marks.VIRTUAL_MACHINE


def is_kubevirts(label: str) -> bool:
    """Whether KubeVirt itself chooses nodes by this label: what they can run, and with which CPU."""
    domain = label.partition("/")[0]
    return domain == _DOMAIN or domain.endswith(f".{_DOMAIN}")


def selector_block(selector: Mapping[str, str], tolerations: list[dict[str, Any]]) -> str:
    """A node selector and tolerations as Terraform, inside the manifest of a VirtualMachine."""
    made = [f"nodeSelector = {_map(dict(sorted(selector.items())))}"]
    if tolerations:
        inner = ", ".join(_map(one) for one in tolerations)
        made.append(f"tolerations = [{inner}]")
    return "\n".join(made)


def _map(entries: Mapping[str, Any]) -> str:
    inner = ", ".join(f'"{key}" = {_value(one)}' for key, one in entries.items())
    return f"{{ {inner} }}"


def _value(value: Any) -> str:
    return str(value) if isinstance(value, int) else f'"{value}"'
