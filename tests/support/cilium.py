"""A stand-in for Cilium's policies: a CRD of our own writing under Cilium's group, version and kind.

No Cilium runs behind it, and it is no copy of Cilium's: it knows the fields that the operator writes, by the
types that Cilium's documentation gives them, and drops all others, as the API server does for a field that
a CRD does not know. What such a policy does to connections is not shown by it.
"""

from __future__ import annotations

from typing import Any

NAME = "ciliumnetworkpolicies.cilium.io"

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "items": _TEXT}


def _object(**fields: Any) -> dict[str, Any]:
    return {"type": "object", "properties": fields}


def _list(**fields: Any) -> dict[str, Any]:
    return {"type": "array", "items": _object(**fields)}


_SELECTOR = _object(
    matchLabels={"type": "object", "additionalProperties": _TEXT},
    matchExpressions=_list(key=_TEXT, operator=_TEXT, values=_TEXTS),
)
_PORTS = _list(
    ports=_list(port=_TEXT, endPort={"type": "integer"}, protocol=_TEXT),
    rules=_object(dns=_list(matchName=_TEXT, matchPattern=_TEXT)),
)
_SPEC = _object(
    endpointSelector=_SELECTOR,
    enableDefaultDeny=_object(egress={"type": "boolean"}, ingress={"type": "boolean"}),
    egress=_list(
        toEndpoints={"type": "array", "items": _SELECTOR},
        toFQDNs=_list(matchName=_TEXT, matchPattern=_TEXT),
        toEntities=_TEXTS,
        toPorts=_PORTS,
    ),
    egressDeny=_list(toCIDR=_TEXTS, toPorts=_PORTS),
)


def crd() -> dict[str, Any]:
    """The CustomResourceDefinition to apply."""
    group, kind = "cilium.io", "CiliumNetworkPolicy"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": NAME},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {
                "kind": kind,
                "plural": "ciliumnetworkpolicies",
                "singular": "ciliumnetworkpolicy",
                "shortNames": ["cnp"],
            },
            "versions": [
                {
                    "name": "v2",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": _object(spec=_SPEC)},
                }
            ],
        },
    }
