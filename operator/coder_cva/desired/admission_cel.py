"""What the admission policies have in common, as CEL: who is coderd, who is a workspace, what they are told.

CEL is the API server's expression language. Every expression stands beside a comment that says what it
means; ``object`` is the Pod or claim, ``params`` the CoderDeployment, whose ``status.placement`` the
operator works out. A policy acts only where that is there, so a resource without a status changes
nothing, and deleting the resource disarms them all.
"""

from typing import Final

from coder_cva.snapshot import marks

MIRROR: Final = "kubernetes.io/config.mirror"
"""Annotation on the API server's image of a static Pod, which only its kubelet may shape."""

# Controllers whose Pods are bound to one node each: a pool for them would leave Pods Pending for ever.
_NODE_BOUND: Final = "['DaemonSet', 'Node']"

HAS_PLACEMENT: Final = "has(params.status) && has(params.status.placement)"
"""Whether the operator has worked out a placement yet."""

IS_NO_MIRROR: Final = f"!('{MIRROR}' in object.metadata.?annotations.orValue({{}}))"

LABELS: Final = "object.metadata.?labels.orValue({})"

WORKSPACES: Final = "params.status.placement.?workspaces.orValue({})"
CONTROL_PLANE: Final = "params.status.placement.?controlPlane.orValue({})"

_CONTROLLERS: Final = (
    "object.metadata.?ownerReferences.orValue([]).exists(o, o.?controller.orValue(false){})"
)
HAS_CONTROLLER: Final = _CONTROLLERS.format(f" && !(o.kind in {_NODE_BOUND})")
"""Whether a workload makes this Pod, so that the next one can be placed as well."""
IS_BARE: Final = "!" + _CONTROLLERS.format("")
"""Whether the Pod stands for itself, as in Coder's envbox template."""

IS_CODERD: Final = " && ".join(
    (
        "request.namespace == params.metadata.namespace",
        f"{CONTROL_PLANE}.?podLabels.orValue({{}}).size() > 0",
        f"{CONTROL_PLANE}.podLabels.all(k, {LABELS}[?k] == optional.of({CONTROL_PLANE}.podLabels[k]))",
    )
)
"""Whether this is a Pod of coderd: in the deployment's own namespace, by the Deployment's own selector."""


def is_workspace(labels: str = LABELS, spec: str = "object.spec") -> str:
    """Whether a Pod with these labels and this spec is a workspace (CVA-WS-001).

    The proofs and their order are those of discovery: a container is told an agent's token, then
    Coder's own labels, then the name that Coder's templates give. Never a prefix of a name.
    """
    containers = f"({spec}.containers + {spec}.?initContainers.orValue([]))"
    agent = f"{containers}.exists(c, c.?env.orValue([]).exists(e, e.name == '{marks.AGENT_TOKEN}'))"
    labelled = (
        f"{labels}[?'com.coder.resource'].orValue('') == 'true'"
        f" || {labels}[?'com.coder.workspace.id'].orValue('') != ''"
    )
    named = " || ".join(
        f"{labels}[?'{key}'] == optional.of('{marks.WORKSPACE_NAME}')"
        for key in (marks.NAME, "app")
    )
    coders = ", ".join(f"'{name}'" for name in sorted(marks.CODER_NAMES))
    no_coder = f"!({labels}[?'{marks.NAME}'].orValue('') in [{coders}])"
    return f"{no_coder} && ({agent} || {labelled} || {named})"


def both(*conditions: str) -> str:
    """All of these conditions, each in its own brackets."""
    return " && ".join(f"({one})" for one in conditions)


def either(*conditions: str) -> str:
    """At least one of these conditions, each in its own brackets."""
    return " || ".join(f"({one})" for one in conditions)


def patch(path: str, value: str) -> str:
    """A JSON patch that adds a value at a path; both are CEL."""
    return f"JSONPatch{{op: 'add', path: {path}, value: {value}}}"
