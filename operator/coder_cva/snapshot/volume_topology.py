"""Volumes and a pool's nodes in, the volumes that none of these nodes can attach out.

A volume in a zone, or on the disk of a node, keeps its Pod there for ever: the scheduler compares the
volume's required node affinity with every node's labels (Kubernetes: PersistentVolume, node affinity).
"""

from collections.abc import Iterable, Mapping
from typing import Final

from coder_cva.snapshot.records import Node, NodeExpression, NodeTerm, PersistentVolume

_NAME: Final = "metadata.name"
"""The one field of a node that a term may ask for; it is looked up like a label."""
_LET_GO: Final = frozenset({"Released", "Failed"})
"""Phases of a volume whose claim is gone; a new claim of that name gets another volume."""


def out_of_reach(
    volumes: Iterable[PersistentVolume], nodes: Iterable[Node]
) -> tuple[PersistentVolume, ...]:
    """The volumes that are held for a claim and that no node of these can attach, in their order.

    Each different place is looked at once, however many volumes are in it.
    """
    known = _Nodes(nodes)
    reached: dict[tuple[NodeTerm, ...], bool] = {}
    found = []
    for one in volumes:
        terms = one.node_terms
        if terms is None or not one.claim[1] or one.phase in _LET_GO:
            continue
        if terms not in reached:
            reached[terms] = any(known.has_one_for(term) for term in terms)
        if not reached[terms]:
            found.append(one)
    return tuple(found)


def meets(labels: Mapping[str, str], expression: NodeExpression) -> bool:
    """Whether labels meet an expression, as the scheduler reads it; an unknown operator is never met."""
    value, values = labels.get(expression.key), expression.values
    match expression.operator:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case operator:
            return _compares(operator, value, values)


def place(terms: Iterable[NodeTerm]) -> str:
    """Where a volume is, in words: ``topology.kubernetes.io/zone=b``."""
    return " or ".join(" and ".join(_written(one) for one in term) for term in terms) or "nowhere"


class _Nodes:
    """Nodes by the values of the labels that terms name, so that a term rarely looks at all of them."""

    def __init__(self, nodes: Iterable[Node]) -> None:
        self._nodes = [{**one.meta.labels, _NAME: one.meta.name} for one in nodes]
        self._by_value: dict[str, dict[str, list[Mapping[str, str]]]] = {}

    def has_one_for(self, term: NodeTerm) -> bool:
        """Whether a node meets all of a term; nothing meets the empty one."""
        return bool(term) and any(
            all(meets(labels, one) for one in term) for labels in self._candidates(term)
        )

    def _candidates(self, term: NodeTerm) -> Iterable[Mapping[str, str]]:
        first = next((one for one in term if one.operator == "In"), None)
        if first is None:
            return self._nodes
        known = self._of(first.key)
        return (labels for value in sorted(set(first.values)) for labels in known.get(value, ()))

    def _of(self, key: str) -> Mapping[str, list[Mapping[str, str]]]:
        if key not in self._by_value:
            found: dict[str, list[Mapping[str, str]]] = {}
            for labels in self._nodes:
                if key in labels:
                    found.setdefault(labels[key], []).append(labels)
            self._by_value[key] = found
        return self._by_value[key]


def _compares(operator: str, value: str | None, values: tuple[str, ...]) -> bool:
    """Gt and Lt, which hold between whole numbers only."""
    try:
        (bound,) = map(int, values)
        found = int(value or "")
    except ValueError:
        return False
    return (operator == "Gt" and found > bound) or (operator == "Lt" and found < bound)


def _written(expression: NodeExpression) -> str:
    values = ", ".join(expression.values)
    if expression.operator == "In" and len(expression.values) == 1:
        return f"{expression.key}={values}"
    return f"{expression.key} {expression.operator}" + (f" ({values})" if values else "")
