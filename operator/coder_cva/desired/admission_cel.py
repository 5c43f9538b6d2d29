"""What the admission policies have in common, as CEL: who is coderd, who is a workspace, what they are told.

CEL is the API server's expression language. ``object`` is the Pod or the claim, ``params`` the
CoderPlacement, which the operator works out for the CoderDeployment of the same name. A policy acts only
where that is there, and it goes with its CoderDeployment, so deleting that one disarms them all.
"""

from inspect import cleandoc
from typing import Any, Final

from coder_cva.api.v1alpha1.coder_placement import PARAMETER
from coder_cva.snapshot import marks

PARAM_KIND: Final = PARAMETER

MIRROR: Final = "kubernetes.io/config.mirror"
"""Annotation on the API server's image of a static Pod, which only its kubelet may shape."""

LABELS: Final = "object.metadata.?labels.orValue({})"
NAME: Final = "dyn(object).metadata.?name.orValue(dyn(object).metadata.?generateName.orValue(''))"
OWNER: Final = "params.metadata.namespace + '/' + params.metadata.name"
WORKSPACES: Final = "params.spec.?workspaces.orValue({})"
CONTROL_PLANE: Final = "params.spec.?controlPlane.orValue({})"

HAS_PLACEMENT: Final = "has(params.spec)"
IS_NO_MIRROR: Final = f"!('{MIRROR}' in object.metadata.?annotations.orValue({{}}))"

# A DaemonSet binds each of its Pods to one node, as a kubelet does with its own: a pool for them would
# leave them Pending for ever.
HAS_CONTROLLER: Final = """\
object.metadata.?ownerReferences.orValue([]).exists(o,
  o.?controller.orValue(false) && !(o.kind in ['DaemonSet', 'Node']))"""
"""Whether a workload makes this Pod, so that the next one can be placed as well."""
IS_BARE: Final = (
    "!object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false))"
)
"""Whether the Pod stands for itself, as in Coder's envbox template."""

IS_LAUNCHER: Final = f"""\
object.metadata.?ownerReferences.orValue([]).exists(o,
  o.?controller.orValue(false) && o.kind == '{marks.VIRTUAL_MACHINE}')"""
"""Whether KubeVirt runs a virtual machine in this Pod: by its controller, as discovery tells it."""

IS_CODERD: Final = f"""\
request.namespace == params.metadata.namespace
&& {CONTROL_PLANE}.?podLabels.orValue({{}}).size() > 0
&& {CONTROL_PLANE}.podLabels.all(k,
  {LABELS}[?k] == optional.of({CONTROL_PLANE}.podLabels[k]))"""
"""Whether this is a Pod of coderd: in the deployment's own namespace, by the Deployment's own selector."""

IS_WANTED: Final = f"""\
request.namespace != params.metadata.namespace
|| {WORKSPACES}.?ownNamespace.orValue(false)"""
"""Whether workspaces of this namespace are meant: beside coderd they may be none of this deployment's."""


def is_workspace(labels: str = LABELS, spec: str = "object.spec") -> str:
    """Whether a Pod with these labels and this spec is a workspace (CVA-WS-001).

    The proofs are those of discovery: a container is told an agent's token, Coder's own labels, the
    name that Coder's templates give. Never a prefix of a name, which coderd's Pods have too. Labels
    come first: where one of them says it, no variable of a container is read.
    """
    coders = ", ".join(f"'{name}'" for name in sorted(marks.CODER_NAMES))
    return cleandoc(f"""
        !({labels}[?'{marks.NAME}'].orValue('') in [{coders}])
        && ({labels}[?'com.coder.resource'].orValue('') == 'true'
          || {labels}[?'com.coder.workspace.id'].orValue('') != ''
          || {labels}[?'{marks.NAME}'].orValue('') == '{marks.WORKSPACE_NAME}'
          || {labels}[?'app'].orValue('') == '{marks.WORKSPACE_NAME}'
          || ({spec}.containers + {spec}.?initContainers.orValue([])).exists(c,
            c.?env.orValue([]).exists(e, e.name == '{marks.AGENT_TOKEN}')))
    """)


def both(*conditions: str) -> str:
    """All of these conditions, each in its own brackets."""
    return "\n&& ".join(f"({one})" for one in conditions)


def either(*conditions: str) -> str:
    """At least one of these conditions, each in its own brackets."""
    return "\n|| ".join(f"({one})" for one in conditions)


def patch(path: str, value: str) -> str:
    """A JSON patch that adds a value at a path; both are CEL."""
    return f"JSONPatch{{op: 'add', path: {path}, value: {value}}}"


def named(*expressions: tuple[str, str]) -> list[dict[str, str]]:
    """Match conditions or variables, in the form of the API."""
    return [{"name": name, "expression": cleandoc(text)} for name, text in expressions]


def on_create(*resources: tuple[str, str]) -> dict[str, Any]:
    """Match constraints: the creation of these resources, each with its API group."""
    return {
        "resourceRules": [
            {
                "apiGroups": [group],
                "apiVersions": ["v1"],
                "operations": ["CREATE"],
                "resources": [plural],
                "scope": "Namespaced",
            }
            for group, plural in resources
        ]
    }
