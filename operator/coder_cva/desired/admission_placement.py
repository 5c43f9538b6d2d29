"""The policy that places Pods when they are created: the pool's node affinity, tolerations, distance.

Clauses: CVA-NODE-003 (coderd on its pool), CVA-NODE-005 (workspaces on theirs), CVA-NODE-006 (the soft
anti-affinity of Coder's example). Templates and Deployments of others are never touched: only the Pods
that they bring, on CREATE.
"""

from typing import Any, Final

from coder_cva.desired.admission_cel import (
    CONTROL_PLANE,
    HAS_CONTROLLER,
    HAS_PLACEMENT,
    IS_BARE,
    IS_CODERD,
    IS_NO_MIRROR,
    LABELS,
    WORKSPACES,
    both,
    either,
    is_workspace,
    patch,
)
from coder_cva.snapshot import marks

_REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"
_NODE_AFFINITY: Final = "object.spec.?affinity.?nodeAffinity"
_POD_ANTI_AFFINITY: Final = "object.spec.?affinity.?podAntiAffinity"

CONDITIONS: Final[tuple[tuple[str, str], ...]] = (
    ("no-static-pod", IS_NO_MIRROR),
    ("placement-known", HAS_PLACEMENT),
    # Bare Pods have their own switch: nothing but a restart of the workspace ever moves them.
    (
        "coderd-or-workspace",
        either(
            both(IS_CODERD, HAS_CONTROLLER),
            both(
                is_workspace(),
                f"request.namespace != params.metadata.namespace || {WORKSPACES}.?ownNamespace.orValue(false)",
                either(HAS_CONTROLLER, both(f"{WORKSPACES}.?barePods.orValue(false)", IS_BARE)),
            ),
        ),
    ),
)
"""Which Pods the policy looks at; everybody else's are let through here, cheaply."""

# Whether a node affinity's expression e already says what the requirement r asks for, or less.
_SAYS: Final = "e.key == r.key && e.operator == 'In' && e.values.all(v, v in r.values)"

# Whether some node of the pool meets the expression e. A key that is not in nodeLabels is not known,
# so only what its absence would satisfy is met.
_MET: Final = either(
    "variables.requirements.exists(r, r.key == e.key)",
    "e.operator == 'In' && e.values.exists(v, v in variables.nodeLabels[?e.key].orValue([]))",
    "e.operator == 'NotIn' && !(e.key in variables.nodeLabels && "
    "variables.nodeLabels[e.key].all(v, v in e.values))",
    "e.operator == 'Exists' && e.key in variables.nodeLabels",
    "e.operator == 'DoesNotExist' && !(e.key in variables.nodeLabels)",
)

VARIABLES: Final[tuple[tuple[str, str], ...]] = (
    ("labels", LABELS),
    ("isCoderd", IS_CODERD),
    # What the operator worked out for this kind of Pod.
    ("pool", f"variables.isCoderd ? {CONTROL_PLANE} : {WORKSPACES}"),
    # The user's own word, which the guards do not soften.
    (
        "word",
        (
            "variables.isCoderd ? params.spec.?controlPlane.?nodePool.?placement.orValue('Auto')"
            " : params.spec.?workspaces.?nodePool.?placement.orValue('Auto')"
        ),
    ),
    # The pool's labels as requirements of a node affinity, made anew: values of the parameter and new
    # ones cannot stand in one list of a patch.
    (
        "requirements",
        (
            "variables.pool.?requirements.orValue([])"
            ".map(r, {'key': dyn(r.key), 'operator': dyn('In'), 'values': dyn(r.values)})"
        ),
    ),
    # Which values some labels have on the pool's ready nodes.
    ("nodeLabels", "variables.pool.?nodeLabels.orValue({})"),
    ("nodeSelector", "object.spec.?nodeSelector.orValue({})"),
    ("terms", f"{_NODE_AFFINITY}.?{_REQUIRED}.?nodeSelectorTerms.orValue([])"),
    ("preferences", f"{_NODE_AFFINITY}.?{_PREFERRED}.orValue([])"),
    # The template names a node, or another pool in the pool's own words: an explicit choice, which a
    # rule reports and nobody overrules.
    (
        "choseOtherwise",
        either(
            "object.spec.?nodeName.orValue('') != ''",
            "variables.requirements.exists(r, r.key in variables.nodeSelector"
            " && !(variables.nodeSelector[r.key] in r.values))",
            "variables.terms.exists(t, t.?matchExpressions.orValue([]).exists(e,"
            " variables.requirements.exists(r, r.key == e.key)"
            f" && !(e.operator == 'Exists' || variables.requirements.exists(r, {_SAYS}))))",
        ),
    ),
    # The template's other wishes (an architecture, a zone, a device) are met by nodes of the pool, as
    # far as is known. Where they are not, requiring the pool could leave the Pod Pending for ever.
    (
        "poolSuffices",
        both(
            "variables.nodeSelector.all(k, variables.requirements.exists(r, r.key == k)"
            " || variables.nodeSelector[k] in variables.nodeLabels[?k].orValue([]))",
            "variables.terms.size() == 0 || variables.terms.exists(t, !has(t.matchFields)"
            f" && t.?matchExpressions.orValue([]).all(e, {_MET}))",
            "!has(object.spec.resourceClaims)",
            "(object.spec.containers + object.spec.?initContainers.orValue([])).all(c,"
            " c.?resources.?limits.orValue({}).all(k, !k.contains('/')))",
        ),
    ),
    # How firmly this Pod is bound: Required, Preferred or Off.
    (
        "mode",
        (
            "variables.choseOtherwise ? 'Off'"
            " : variables.pool.?mode.orValue('Off') == 'Required' && variables.word != 'Required'"
            " && !variables.poolSuffices ? 'Preferred'"
            " : variables.pool.?mode.orValue('Off')"
        ),
    ),
    # What the Pod's nodeSelector does not say already.
    ("needed", "variables.requirements.filter(r, !(r.key in variables.nodeSelector))"),
    # A label that this Pod shares with other workspaces, so that the anti-affinity selects somebody.
    (
        "sharedLabel",
        (
            f"[['{marks.NAME}', '{marks.WORKSPACE_NAME}'], ['com.coder.resource', 'true'],"
            f" ['app', '{marks.WORKSPACE_NAME}']]"
            ".filter(pair, variables.labels[?pair[0]] == optional.of(pair[1]))"
        ),
    ),
    (
        "distances",
        f"{_POD_ANTI_AFFINITY}.?{_PREFERRED}.orValue([])",
    ),
    # Whether the Pod keeps its distance from such Pods already, by whatever shared label.
    (
        "keepsDistance",
        (
            "variables.distances.exists(d, d.podAffinityTerm.topologyKey == 'kubernetes.io/hostname'"
            " && variables.sharedLabel.exists(pair,"
            " d.podAffinityTerm.?labelSelector.?matchLabels.orValue({}) == {pair[0]: pair[1]}"
            " || (d.podAffinityTerm.?labelSelector.?matchExpressions.orValue([]).size() == 1"
            " && d.podAffinityTerm.labelSelector.matchExpressions.exists(e,"
            " e.key == pair[0] && e.operator == 'In' && pair[1] in e.values))))"
        ),
    ),
)
"""Intermediate results, in the order in which they build on each other; evaluated when needed."""


def _parent(field: str) -> str:
    """Patches for ``/spec/affinity`` and a field in it, where they are missing."""
    affinity = patch("'/spec/affinity'", "{}")
    inner = patch(f"'/spec/affinity/{field}'", "{}")
    return (
        f"(has(object.spec.affinity) ? [] : [{affinity}])"
        f" + (has(object.spec.affinity) && has(object.spec.affinity.{field}) ? [] : [{inner}])"
    )


def _require() -> str:
    """The requirements on every term that is there, for terms are ORed; or the first term of all.

    An empty term selects no node; an expression in it would make it select some, so it is left empty.
    """
    path = f"/spec/affinity/nodeAffinity/{_REQUIRED}"
    first = patch(f"'{path}'", "{'nodeSelectorTerms': [{'matchExpressions': variables.needed}]}")
    term = f"'{path}/nodeSelectorTerms/' + string(i) + '/matchExpressions"
    expressions = patch(f"{term}'", "[]")
    another = patch(f"{term}/-'", "r")
    missing = f"variables.needed.filter(r, !t.?matchExpressions.orValue([]).exists(e, {_SAYS}))"
    more = (
        "variables.terms.transformList(i, t, has(t.matchExpressions) || has(t.matchFields),"
        f" (has(t.matchExpressions) ? [] : [{expressions}])"
        f" + {missing}.map(r, {another})).flatten()"
    )
    return f"variables.terms.size() == 0 ? {_parent('nodeAffinity')} + [{first}] : {more}"


def _prefer() -> str:
    """One preference of the highest weight, unless it is there already."""
    path = f"/spec/affinity/nodeAffinity/{_PREFERRED}"
    preference = "{'weight': dyn(100), 'preference': dyn({'matchExpressions': variables.needed})}"
    there = (
        "variables.preferences.exists(p, variables.needed.all(r,"
        f" p.preference.?matchExpressions.orValue([]).exists(e, {_SAYS})))"
    )
    first, another = patch(f"'{path}'", f"[{preference}]"), patch(f"'{path}/-'", preference)
    return (
        f"{there} ? [] : variables.preferences.size() > 0 ? [{another}]"
        f" : {_parent('nodeAffinity')} + [{first}]"
    )


def _node_affinity() -> str:
    return (
        "variables.needed.size() == 0 ? []"
        f" : variables.mode == 'Required' ? ({_require()})"
        f" : variables.mode == 'Preferred' ? ({_prefer()})"
        " : []"
    )


def _tolerations() -> str:
    """The pool's tolerations, one by one, because old and new ones cannot stand in one list."""
    same = " && ".join(
        f"o.?{field}.orValue({default}) == t.?{field}.orValue({default})"
        for field, default in (
            ("key", "''"),
            ("operator", "'Equal'"),
            ("value", "''"),
            ("effect", "''"),
            ("tolerationSeconds", "-1"),
        )
    )
    first, another = patch("'/spec/tolerations'", "[]"), patch("'/spec/tolerations/-'", "t")
    missing = (
        "variables.pool.?tolerations.orValue([]).filter(t,"
        f" !object.spec.?tolerations.orValue([]).exists(o, {same}))"
    )
    return (
        f"variables.mode == 'Off' || {missing}.size() == 0 ? []"
        f" : (has(object.spec.tolerations) ? [] : [{first}])"
        f" + {missing}.map(t, {another})"
    )


def _distance() -> str:
    """The soft anti-affinity of Coder's own template: weight 1, between nodes."""
    path = f"/spec/affinity/podAntiAffinity/{_PREFERRED}"
    selector = (
        "{'matchExpressions': [{'key': dyn(variables.sharedLabel[0][0]), 'operator': dyn('In'),"
        " 'values': dyn([variables.sharedLabel[0][1]])}]}"
    )
    term = (
        "{'weight': dyn(1), 'podAffinityTerm': dyn({'topologyKey': dyn('kubernetes.io/hostname'),"
        f" 'labelSelector': dyn({selector})}})}}"
    )
    first, another = patch(f"'{path}'", f"[{term}]"), patch(f"'{path}/-'", term)
    return (
        "variables.isCoderd || !variables.pool.?antiAffinity.orValue(false)"
        " || variables.sharedLabel.size() == 0 || variables.keepsDistance ? []"
        f" : variables.distances.size() > 0 ? [{another}]"
        f" : {_parent('podAntiAffinity')} + [{first}]"
    )


def policy_spec() -> dict[str, Any]:
    """The spec of the MutatingAdmissionPolicy; what differs between deployments is in its parameter."""
    return {
        "paramKind": {"apiVersion": "cva.coder.com/v1alpha1", "kind": "CoderDeployment"},
        "matchConstraints": {
            "resourceRules": [
                {
                    "apiGroups": [""],
                    "apiVersions": ["v1"],
                    "operations": ["CREATE"],
                    "resources": ["pods"],
                    "scope": "Namespaced",
                }
            ]
        },
        "matchConditions": [
            {"name": name, "expression": expression} for name, expression in CONDITIONS
        ],
        "variables": [{"name": name, "expression": expression} for name, expression in VARIABLES],
        "mutations": [
            {"patchType": "JSONPatch", "jsonPatch": {"expression": expression}}
            for expression in (_node_affinity(), _tolerations(), _distance())
        ],
        # An error here must never keep a workspace, or coderd, from starting.
        "failurePolicy": "Ignore",
        # A webhook that changes the Pod afterwards runs this again, which changes nothing twice.
        "reinvocationPolicy": "IfNeeded",
    }
