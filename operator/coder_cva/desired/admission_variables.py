"""The reasoning of the placement policy, step by step: what is asked of a Pod, what it chose itself.

Variables build on each other in this order, and the API server evaluates each when it is needed.
"""

from typing import Final

from coder_cva.desired.admission_cel import CONTROL_PLANE, IS_CODERD, LABELS, WORKSPACES
from coder_cva.snapshot import marks

REQUIRED: Final = "requiredDuringSchedulingIgnoredDuringExecution"
PREFERRED: Final = "preferredDuringSchedulingIgnoredDuringExecution"

SAYS: Final = "e.key == r.key && e.operator == 'In' && e.values.all(v, v in r.values)"
"""Whether an expression ``e`` of a node affinity says what the requirement ``r`` asks for, or less."""

# Whether nodes of the pool meet an expression, as far as is known. A label that the operator does not
# tell about is not known, so only what its absence satisfies is met.
_MET: Final = """\
variables.requirements.exists(r, r.key == e.key)
              || (e.operator == 'In'
                && e.values.exists(v, v in variables.nodeLabels[?e.key].orValue([])))
              || (e.operator == 'NotIn' && !(e.key in variables.nodeLabels
                && variables.nodeLabels[e.key].all(v, v in e.values)))
              || (e.operator == 'Exists' && e.key in variables.nodeLabels)
              || (e.operator == 'DoesNotExist' && !(e.key in variables.nodeLabels))"""

VARIABLES: Final[tuple[tuple[str, str], ...]] = (
    ("labels", LABELS),
    ("isCoderd", IS_CODERD),
    # What the operator worked out for this kind of Pod.
    ("pool", f"variables.isCoderd ? {CONTROL_PLANE} : {WORKSPACES}"),
    # The pool's labels, as requirements of a node affinity. They are made anew: what comes from the
    # parameter and what is written here cannot stand in one list of a patch.
    (
        "requirements",
        """
        variables.pool.?requirements.orValue([])
        .map(r, {'key': dyn(r.key), 'operator': dyn('In'), 'values': dyn(r.values)})
        """,
    ),
    # Which values some labels have on the pool's ready nodes.
    ("nodeLabels", "variables.pool.?nodeLabels.orValue({})"),
    # What the template says itself.
    ("nodeSelector", "object.spec.?nodeSelector.orValue({})"),
    (
        "terms",
        f"object.spec.?affinity.?nodeAffinity.?{REQUIRED}.?nodeSelectorTerms.orValue([])",
    ),
    ("preferences", f"object.spec.?affinity.?nodeAffinity.?{PREFERRED}.orValue([])"),
    ("distances", f"object.spec.?affinity.?podAntiAffinity.?{PREFERRED}.orValue([])"),
    # The template names a node, or speaks of the pool's own labels and means another pool: an explicit
    # choice, which a rule reports and nobody overrules.
    (
        "choseOtherwise",
        f"""
        object.spec.?nodeName.orValue('') != ''
        || variables.requirements.exists(r,
          r.key in variables.nodeSelector && !(variables.nodeSelector[r.key] in r.values))
        || variables.terms.exists(t, t.?matchExpressions.orValue([]).exists(e,
          variables.requirements.exists(r, r.key == e.key)
          && e.operator != 'Exists'
          && !variables.requirements.exists(r, {SAYS})))
        """,
    ),
    # The template's other wishes (a zone, an architecture, a device, a node by name) are met by nodes
    # of the pool. Where that is not known, requiring the pool could leave the Pod Pending for ever.
    (
        "poolSuffices",
        f"""
        variables.nodeSelector.all(k,
          variables.requirements.exists(r, r.key == k)
          || variables.nodeSelector[k] in variables.nodeLabels[?k].orValue([]))
        && (variables.terms.size() == 0
          || variables.terms.exists(t, !has(t.matchFields)
            && t.?matchExpressions.orValue([]).all(e,
              {_MET})))
        && !has(object.spec.resourceClaims)
        && (object.spec.containers + object.spec.?initContainers.orValue([])).all(c,
          c.?resources.?limits.orValue({{}}).all(k, !k.contains('/')))
        """,
    ),
    # Its volumes can be attached by nodes of the pool: one that is in another zone stays there.
    (
        "volumesReach",
        """
        object.spec.?volumes.orValue([]).all(v,
          !has(v.persistentVolumeClaim)
          || !(request.namespace + '/' + v.persistentVolumeClaim.claimName
            in variables.pool.?strandedClaims.orValue([])))
        """,
    ),
    # How firmly this Pod is bound: Required, Preferred or Off. The one that a virtual machine moves into while
    # it runs must find a node: beside the one it leaves, and by the CPU that it has.
    (
        "mode",
        f"""
        variables.choseOtherwise ? 'Off'
        : variables.pool.?mode.orValue('Off') != 'Required' ? variables.pool.?mode.orValue('Off')
        : '{marks.MIGRATION}' in variables.labels ? 'Preferred'
        : variables.pool.?decided.orValue(false) || (variables.poolSuffices && variables.volumesReach)
        ? 'Required'
        : 'Preferred'
        """,
    ),
    # The requirements that the Pod's nodeSelector does not state already.
    ("needed", "variables.requirements.filter(r, !(r.key in variables.nodeSelector))"),
    # Whether the Pod's node affinity is our business: whether it says so already is seen term by term.
    ("isBound", "variables.needed.size() > 0 && variables.mode != 'Off'"),
    # The same as a preference of the highest weight. Values of different types need ``dyn``.
    (
        "preference",
        "{'weight': dyn(100), 'preference': dyn({'matchExpressions': variables.needed})}",
    ),
    # Labels that this Pod shares with other workspaces: an anti-affinity by one of them selects somebody.
    (
        "sharedLabels",
        f"""
        [
          ['{marks.NAME}', '{marks.WORKSPACE_NAME}'],
          ['com.coder.resource', 'true'],
          ['app', '{marks.WORKSPACE_NAME}']
        ].filter(label, variables.labels[?label[0]].orValue('') == label[1])
        """,
    ),
    # Whether the Pod keeps its distance from such Pods already: between nodes, and in its own namespace.
    (
        "keepsDistance",
        """
        variables.distances.exists(d,
          d.podAffinityTerm.topologyKey == 'kubernetes.io/hostname'
          && !has(d.podAffinityTerm.namespaceSelector)
          && (d.podAffinityTerm.?namespaces.orValue([]).size() == 0
            || request.namespace in d.podAffinityTerm.namespaces)
          && variables.sharedLabels.exists(label,
            d.podAffinityTerm.?labelSelector.?matchLabels.orValue({}) == {label[0]: label[1]}
            || (d.podAffinityTerm.?labelSelector.?matchExpressions.orValue([]).size() == 1
              && d.podAffinityTerm.labelSelector.matchExpressions.exists(e,
                e.key == label[0] && e.operator == 'In' && label[1] in e.values))))
        """,
    ),
    # Whether the soft anti-affinity is wanted, there is a label to select by, and none like it already.
    (
        "isDistanced",
        """
        !variables.isCoderd && variables.pool.?antiAffinity.orValue(false)
        && variables.sharedLabels.size() > 0 && !variables.keepsDistance
        """,
    ),
    # The soft anti-affinity of Coder's own template: weight 1, between nodes.
    (
        "distance",
        """
        {
          'weight': dyn(1),
          'podAffinityTerm': dyn({
            'topologyKey': dyn('kubernetes.io/hostname'),
            'labelSelector': dyn({'matchExpressions': [{
              'key': dyn(variables.sharedLabels[0][0]),
              'operator': dyn('In'),
              'values': dyn([variables.sharedLabels[0][1]])
            }]})
          })
        }
        """,
    ),
)
