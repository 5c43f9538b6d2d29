"""The policy that places Pods when they are created: the pool's node affinity, tolerations, distance.

Clauses: CVA-NODE-003 (coderd on its pool), CVA-NODE-005 (workspaces on theirs), CVA-NODE-006 (the soft
anti-affinity of Coder's example). Templates and Deployments of others are never touched: only the Pods
that they bring, on CREATE.
"""

from inspect import cleandoc
from typing import Any, Final

from coder_cva.desired.admission_cel import (
    HAS_CONTROLLER,
    HAS_PLACEMENT,
    IS_BARE,
    IS_CODERD,
    IS_LAUNCHER,
    IS_NO_MIRROR,
    IS_WANTED,
    PARAM_KIND,
    WORKSPACES,
    both,
    either,
    is_workspace,
    named,
    on_create,
    patch,
)
from coder_cva.desired.admission_variables import PREFERRED, REQUIRED, SAYS, VARIABLES

_IS_PLACED: Final = either(
    both(IS_CODERD, HAS_CONTROLLER),
    both(
        IS_WANTED,
        # Bare Pods have their own switch: nothing but the next start of the workspace moves them.
        either(HAS_CONTROLLER, both(f"{WORKSPACES}.?barePods.orValue(false)", IS_BARE)),
        # So have virtual machines, which move while they run.
        either(f"{WORKSPACES}.?virtualMachines.orValue(false)", f"!({IS_LAUNCHER})"),
        # Last, for it may read every variable of every container.
        is_workspace(),
    ),
)


def policy_spec() -> dict[str, Any]:
    """The spec of the MutatingAdmissionPolicy; what differs between deployments is in its parameter."""
    return {
        "paramKind": dict(PARAM_KIND),
        "matchConstraints": on_create(("", "pods")),
        # Everybody else's Pods are let through here, before anything is computed.
        "matchConditions": named(
            ("no-static-pod", IS_NO_MIRROR),
            ("placement-known", HAS_PLACEMENT),
            ("coderd-or-workspace", _IS_PLACED),
        ),
        "variables": named(*VARIABLES),
        "mutations": [{"patchType": "JSONPatch", "jsonPatch": {"expression": _mutation()}}],
        # An error here must never keep a workspace, or coderd, from starting.
        "failurePolicy": "Ignore",
        # A webhook that changes the Pod afterwards runs this again, which changes nothing twice.
        "reinvocationPolicy": "IfNeeded",
    }


def _mutation() -> str:
    """All patches in one list.

    For each mutation of a policy the API server writes the whole Pod as JSON, reads it again and works
    out the variables anew, which takes longer than the patches; and an error leaves no Pod half placed.
    """
    affinity = patch("'/spec/affinity'", "{}")
    parent = f"""(has(object.spec.affinity) || !(variables.isBound || variables.isDistanced) ? []
          : [{affinity}])"""
    parts = (parent, *(f"({part})" for part in (_node_affinity(), _tolerations(), _distance())))
    return "\n+ ".join(cleandoc(part) for part in parts)


def _node_affinity() -> str:
    return f"""
        !variables.isBound ? []
        : variables.mode == 'Required' ? (
        {_require()})
        : (
        {_prefer()})
    """


def _require() -> str:
    """The requirements in every term that is there, for terms are ORed; else the first term of all.

    An empty term selects no node; an expression in it would make it select some, so it stays empty.
    What a term says already is written anew with the rest: a patch takes no list that is put together
    from an old one and a new one.
    """
    path = f"/spec/affinity/nodeAffinity/{REQUIRED}"
    first = patch(f"'{path}'", "{'nodeSelectorTerms': [{'matchExpressions': variables.needed}]}")
    said = "t.?matchExpressions.orValue([])"
    unsaid = f"variables.needed.filter(r, !{said}.exists(e, {SAYS}))"
    whole = f"""({said} + {unsaid})
              .map(e, {{
                'key': dyn(e.key),
                'operator': dyn(e.operator),
                'values': dyn(e.?values.orValue([]).map(v, v))
              }})"""
    another = patch(f"'{path}/nodeSelectorTerms/' + string(i) + '/matchExpressions'", whole)
    return f"""variables.terms.size() == 0
          ? {_parent("nodeAffinity")}
            + [{first}]
          : variables.terms.transformList(i, t,
            (has(t.matchExpressions) || has(t.matchFields))
            && {unsaid}.size() > 0,
            {another})"""


def _prefer() -> str:
    """One preference of the highest weight, unless it is there already."""
    path = f"/spec/affinity/nodeAffinity/{PREFERRED}"
    first = patch(f"'{path}'", "[variables.preference]")
    another = patch(f"'{path}/-'", "variables.preference")
    return f"""variables.preferences.exists(p, variables.needed.all(r,
            p.preference.?matchExpressions.orValue([]).exists(e, {SAYS}))) ? []
          : variables.preferences.size() > 0
          ? [{another}]
          : {_parent("nodeAffinity")}
            + [{first}]"""


def _tolerations() -> str:
    """The pool's tolerations, one by one, because old and new ones cannot stand in one list."""
    defaults = {
        "key": "''",
        "operator": "'Equal'",
        "value": "''",
        "effect": "''",
        "tolerationSeconds": "-1",
    }
    same = "\n              && ".join(
        f"o.?{field}.orValue({default}) == t.?{field}.orValue({default})"
        for field, default in defaults.items()
    )
    missing = f"""variables.pool.?tolerations.orValue([]).filter(t,
            !object.spec.?tolerations.orValue([]).exists(o,
              {same}))"""
    first, another = patch("'/spec/tolerations'", "[]"), patch("'/spec/tolerations/-'", "t")
    return f"""
        variables.mode == 'Off' ? []
        : (has(object.spec.tolerations) || variables.pool.?tolerations.orValue([]).size() == 0 ? []
          : [{first}])
          + {missing}
          .map(t, {another})
    """


def _distance() -> str:
    """The soft anti-affinity, where there is a label to select by and none like it already."""
    path = f"/spec/affinity/podAntiAffinity/{PREFERRED}"
    first = patch(f"'{path}'", "[variables.distance]")
    another = patch(f"'{path}/-'", "variables.distance")
    return f"""
        !variables.isDistanced ? []
        : variables.distances.size() > 0
        ? [{another}]
        : {_parent("podAntiAffinity")}
          + [{first}]
    """


def _parent(field: str) -> str:
    """The patch for a field of the Pod's affinity, where it is missing."""
    inner = patch(f"'/spec/affinity/{field}'", "{}")
    return f"(object.spec.?affinity.?{field}.hasValue() ? [] : [{inner}])"
