"""The policies on volumes of workspaces: class and size of new claims, volumes of the host.

Clauses: CVA-STO-002, CVA-STO-004. All act on CREATE only: a claim that exists, and the data in it, are
never touched, and a running workspace is never stopped.
"""

from inspect import cleandoc
from typing import Any, Final

from coder_cva.desired.admission_cel import (
    HAS_PLACEMENT,
    IS_NO_MIRROR,
    LABELS,
    NAME,
    OWNER,
    PARAM_KIND,
    is_workspace,
    named,
    on_create,
    patch,
)
from coder_cva.snapshot import marks

# Without a "?", so that the API server can check the types: a condition sees to it that it is there.
_WORKSPACES: Final = "params.spec.workspaces"

# Claims of workspaces say so by their labels; a claim without any, as of the envbox template, is
# nobody's as far as admission can tell, and is left alone.
_IS_WORKSPACES_CLAIM: Final = f"""\
{LABELS}[?'app.kubernetes.io/name'].orValue('') == 'coder-pvc'
|| {LABELS}[?'com.coder.resource'].orValue('') == 'true'
|| {LABELS}[?'com.coder.workspace.id'].orValue('') != ''"""
# The claim chooses nothing itself: no class ("" is a choice), no volume, no source to copy from.
_CHOOSES_NOTHING: Final = """\
!has(object.spec.storageClassName)
&& !('volume.beta.kubernetes.io/storage-class' in object.metadata.?annotations.orValue({}))
&& object.spec.?volumeName.orValue('') == ''
&& !has(object.spec.dataSource)
&& !has(object.spec.dataSourceRef)"""

# ``dyn`` spares what the API server's check of types cannot know: amounts, and one of two kinds.
_ASKED: Final = "dyn(object).spec.resources.requests.storage"
_POD: Final = "(request.kind.kind == 'Pod' ? dyn(object) : dyn(object).spec.template)"
_POD_SPEC: Final = f"{_POD}.spec"
_POD_LABELS: Final = f"{_POD}.metadata.?labels.orValue({{}})"

# Who may mount volumes of the node (host_exemptions.py says the same of Pods that run).
_EXEMPT: Final = f"{_WORKSPACES}.?hostVolumeExemptions"
_IS_EXEMPT: Final = f"""\
request.namespace in {_EXEMPT}.?namespaces.orValue([])
|| {_POD_LABELS}[?'{marks.TEMPLATE}'].orValue('') in {_EXEMPT}.?templates.orValue([])
|| (variables.images.size() > 0
  && variables.images.all(image, image in {_EXEMPT}.?images.orValue([])))"""
_HOST_VOLUMES: Final = f"{_POD_SPEC}.?volumes.orValue([]).filter(v, has(v.hostPath))"
# The repositories of the containers that mount them, whichever part of the Pod they are: a tag and a digest
# follow the last step of the path, for what follows the first one is a port.
_HOST_IMAGES: Final = f"""\
({_POD_SPEC}.containers + {_POD_SPEC}.?initContainers.orValue([]))
.filter(c, c.?volumeMounts.orValue([]).exists(m, m.name in variables.names))
.map(c, c.?image.orValue(''))
.map(i, i.substring(0, i.lastIndexOf('/') + 1)
  + i.substring(i.lastIndexOf('/') + 1).split('@')[0].split(':')[0])"""


def claims_spec() -> dict[str, Any]:
    """Spec of the mutating policy that gives a class to claims of workspaces that name none."""
    return {
        "paramKind": dict(PARAM_KIND),
        "matchConstraints": on_create(("", "persistentvolumeclaims")),
        "matchConditions": named(
            ("placement-known", f"{HAS_PLACEMENT} && has({_WORKSPACES})"),
            ("class-known", f"{_WORKSPACES}.?storageClassName.orValue('') != ''"),
            ("claim-of-a-workspace", _IS_WORKSPACES_CLAIM),
            ("chooses-nothing-itself", _CHOOSES_NOTHING),
        ),
        "mutations": [
            {
                "patchType": "JSONPatch",
                "jsonPatch": {
                    "expression": "["
                    + patch("'/spec/storageClassName'", f"{_WORKSPACES}.storageClassName")
                    + "]"
                },
            }
        ],
        "failurePolicy": "Ignore",
        "reinvocationPolicy": "IfNeeded",
    }


def bounds_spec() -> dict[str, Any]:
    """Spec of the validating policy on the size of new claims of workspaces.

    A claim for a volume that exists already is not sized here: it asks for what is there.
    """
    asked = f"quantity({_ASKED})"
    return {
        "paramKind": dict(PARAM_KIND),
        "matchConstraints": on_create(("", "persistentvolumeclaims")),
        "matchConditions": named(
            ("placement-known", f"{HAS_PLACEMENT} && has({_WORKSPACES})"),
            ("claim-of-a-workspace", _IS_WORKSPACES_CLAIM),
            ("asks-for-a-new-volume", "object.spec.?volumeName.orValue('') == ''"),
        ),
        "validations": [
            _bound(asked, "minSize", ">= 0", "less", "least"),
            _bound(asked, "maxSize", "<= 0", "more", "most"),
        ],
        "failurePolicy": "Ignore",
    }


def host_volumes_spec() -> dict[str, Any]:
    """Spec of the validating policy on volumes of the host in workspaces.

    It looks at Pods and at the Deployments that bring them: whoever builds the workspace sees the
    answer to the Deployment; the answer to its Pods is seen only in the ReplicaSet's events.
    """
    return {
        "paramKind": dict(PARAM_KIND),
        "matchConstraints": on_create(("", "pods"), ("apps", "deployments")),
        "matchConditions": named(
            ("has-host-volumes", f"{_POD_SPEC}.?volumes.orValue([]).exists(v, has(v.hostPath))"),
            ("no-static-pod", IS_NO_MIRROR),
            ("placement-known", f"{HAS_PLACEMENT} && has({_WORKSPACES})"),
            ("rule-in-force", f"{_WORKSPACES}.?hostVolumes.orValue('Off') != 'Off'"),
            ("workspace", is_workspace(_POD_LABELS, _POD_SPEC)),
        ),
        "variables": named(
            ("names", f"{_HOST_VOLUMES}.map(v, v.name)"),
            ("images", _HOST_IMAGES),
            ("volumes", f"{_HOST_VOLUMES}.map(v, v.name + ' (' + v.hostPath.path + ')')"),
        ),
        "validations": [
            {
                # The conditions above let through nothing but what this is about.
                "expression": cleandoc(_IS_EXEMPT),
                "message": "CVA-STO-004: a workspace mounts a volume of its node",
                "messageExpression": f"'CVA-STO-004: workspace ' + request.kind.kind + ' ' + {NAME}"
                " + ' mounts volumes of its node: ' + variables.volumes.join(', ')"
                " + '. Keep data in a PersistentVolumeClaim instead. A template that cannot do without, as"
                " that of envbox, is exempted in spec.workspaces.storage.hostVolumeExemptions of"
                f" CoderDeployment ' + {OWNER} + ', by its image, namespace or name; hostVolumes there says"
                " what happens to all others: Off, Warn or Deny'",
                "reason": "Forbidden",
            }
        ],
        "failurePolicy": "Ignore",
    }


def _bound(asked: str, name: str, holds: str, word: str, limit: str) -> dict[str, str]:
    bound = f"{_WORKSPACES}.{name}"
    return {
        "expression": f"!has({_WORKSPACES}.{name}) || {asked}.compareTo(quantity({bound})) {holds}",
        "message": f"CVA-STO-002: the claim asks for {word} than is allowed",
        "messageExpression": f"'CVA-STO-002: claim ' + {NAME} + ' asks for '"
        f" + {_ASKED} + ', {word} than ' + {bound}"
        f" + '. Ask for at {limit} that in the template, or change spec.workspaces.storage.{name} of"
        f" CoderDeployment ' + {OWNER}",
        "reason": "Forbidden",
    }
