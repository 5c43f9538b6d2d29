"""coderd's environment as far as its Deployment says it: literal values only, never a Secret's."""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot import parse_roles
from coder_cva.snapshot.records import Deployment
from coder_cva.snapshot.shapes import mapping, mappings
from coder_cva.values.manifest import dig

_TRUE: Final = frozenset({"1", "t", "T", "TRUE", "true", "True"})
"""What Go's strconv.ParseBool takes for true; coderd reads its switches with it."""


def container(deployment: Deployment) -> Mapping[str, Any]:
    """The container of Coder's own among those of the template; sidecars are none of ours."""
    found = mappings(dig(deployment.body, "spec", "template", "spec", "containers"))
    for one in found:
        if parse_roles.playing((one,), deployment.template_meta)[0]:
            return one
    return found[0] if found else {}


def literal(deployment: Deployment, name: str) -> str | None:
    """The value of a variable as it is written; None where it is not set, or not in clear.

    Of a name that is set twice the last one counts, as in Kubernetes.
    """
    found = _entry(deployment, name)
    value = found.get("value", "") if found is not None and not found.get("valueFrom") else None
    return value if isinstance(value, str) else None


def is_elsewhere(deployment: Deployment, name: str) -> bool:
    """Whether the value may stand in a ConfigMap or a Secret, which are not read here."""
    found = _entry(deployment, name)
    if found is not None:
        return bool(found.get("valueFrom"))
    return bool(mappings(container(deployment).get("envFrom")))


def is_set(deployment: Deployment, name: str) -> bool:
    """Whether the variable is there by name, wherever its value comes from."""
    found = _entry(deployment, name)
    return found is not None and bool(found.get("value") or found.get("valueFrom"))


def is_true(value: str | None) -> bool:
    """Whether coderd takes the value of a switch for true."""
    return value in _TRUE


def _entry(deployment: Deployment, name: str) -> Mapping[str, Any] | None:
    entries = [one for one in mappings(container(deployment).get("env")) if one.get("name") == name]
    return mapping(entries[-1]) if entries else None
