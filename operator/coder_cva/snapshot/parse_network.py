"""Services, Ingresses, HTTPRoutes and NetworkPolicies in, their records out."""

from collections.abc import Iterable, Mapping
from typing import Any

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records import Ingress, NetworkPolicy, Service
from coder_cva.snapshot.records_cilium import CiliumPolicy
from coder_cva.snapshot.shapes import mapping, mappings, pairs, text, texts, whole
from coder_cva.values.manifest import dig


def service(body: Any) -> Service | None:
    """A Service; a port's target is text, its number or its name."""
    meta = identified(body)
    if meta is None:
        return None
    return Service(
        meta=meta,
        type=text(dig(body, "spec", "type")) or "ClusterIP",
        selector=pairs(dig(body, "spec", "selector")),
        ports=tuple(sorted(_port(one) for one in mappings(dig(body, "spec", "ports")))),
        headless=dig(body, "spec", "clusterIP") == "None",
    )


def _port(raw: Mapping[str, Any]) -> tuple[str, int, str, str]:
    number, target = whole(raw.get("port")), raw.get("targetPort")
    is_given = isinstance(target, (int, str)) and not isinstance(target, bool)
    return (
        text(raw.get("name")),
        number,
        str(target) if is_given else str(number),
        text(raw.get("protocol")) or "TCP",
    )


def ingress(body: Any) -> Ingress | None:
    """An Ingress: its backends are in its own namespace, as the API has it."""
    meta = identified(body)
    if meta is None:
        return None
    rules = mappings(dig(body, "spec", "rules"))
    default = dig(body, "spec", "defaultBackend")
    paths = [path for rule in rules for path in mappings(dig(rule, "http", "paths"))]
    names = [dig(one, "service", "name") for one in (default, *(dig(p, "backend") for p in paths))]
    return Ingress(
        meta=meta,
        hosts=_sorted(dig(rule, "host") for rule in rules),
        backends=_backends((meta.namespace, name) for name in names),
    )


def http_route(body: Any) -> Ingress | None:
    """An HTTPRoute of the Gateway API; a backend may be in another namespace."""
    meta = identified(body)
    if meta is None:
        return None
    references = [
        one
        for rule in mappings(dig(body, "spec", "rules"))
        for one in mappings(dig(rule, "backendRefs"))
        if (one.get("kind") or "Service") == "Service" and not one.get("group")
    ]
    return Ingress(
        meta=meta,
        hosts=_sorted(texts(dig(body, "spec", "hostnames"))),
        backends=_backends((one.get("namespace") or meta.namespace, one.get("name")) for one in references),
    )  # fmt: skip


def network_policy(body: Any) -> NetworkPolicy | None:
    """A NetworkPolicy with its spec as it stands."""
    meta = identified(body)
    return NetworkPolicy(meta, mapping(dig(body, "spec"))) if meta else None


def cilium_policy(body: Any) -> CiliumPolicy | None:
    """A CiliumNetworkPolicy: whom it selects for egress, by its one rule or by its list of rules."""
    meta = identified(body)
    if meta is None:
        return None
    rules = [*mappings([dig(body, "spec")]), *mappings(dig(body, "specs"))]
    return CiliumPolicy(
        meta, tuple(mapping(dig(one, "endpointSelector")) for one in rules if _isolates_egress(one))
    )


def _isolates_egress(rule: Mapping[str, Any]) -> bool:
    """Whether a rule puts whom it selects into default deny for egress; it may say that it does not."""
    said = dig(rule, "enableDefaultDeny", "egress")
    return said if isinstance(said, bool) else "egress" in rule or "egressDeny" in rule


def _sorted(found: Iterable[Any]) -> tuple[str, ...]:
    return tuple(sorted({text(one) for one in found} - {""}))


def _backends(found: Iterable[tuple[Any, Any]]) -> tuple[tuple[str, str], ...]:
    pairs_found = {(text(namespace), text(name)) for namespace, name in found}
    return tuple(sorted(one for one in pairs_found if one[1]))
