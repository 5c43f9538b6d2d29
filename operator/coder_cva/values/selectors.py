"""Label selectors as Kubernetes means them, over plain mappings."""

from collections.abc import Mapping
from typing import Any

from coder_cva.values.manifest import dig


def matches(selector: Mapping[str, Any] | None, labels: Mapping[str, str]) -> bool:
    """Whether a LabelSelector selects these labels.

    None selects nothing and the empty selector selects everything, as the API defines it. An
    operator that is not known selects nothing: a guess would be a connection opened or a Pod moved.
    """
    if selector is None:
        return False
    exact: Mapping[str, str] = dig(selector, "matchLabels", default={})
    if any(labels.get(key) != value for key, value in exact.items()):
        return False
    return all(_expression(one, labels) for one in dig(selector, "matchExpressions", default=[]))


def has_labels(wanted: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    """Whether every wanted label is there with its value: a nodeSelector or a Service's selector."""
    return wanted.items() <= labels.items()


def _expression(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    key, values = expression.get("key", ""), expression.get("values") or []
    match expression.get("operator"):
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
        case _:
            return False
