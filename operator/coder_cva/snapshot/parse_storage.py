"""Claims, volumes, storage classes and CSI drivers in, their records out."""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot import sharing
from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records import (
    CSIDriver,
    NodeExpression,
    NodeTerm,
    PersistentVolume,
    PersistentVolumeClaim,
    StorageClass,
)
from coder_cva.snapshot.shapes import byte_count, flag, mapping, mappings, pairs, text, texts
from coder_cva.values.manifest import dig

_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)

_PLACES: Final = {
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region": "topology.kubernetes.io/region",
    "topology.kubernetes.io/zone": "topology.kubernetes.io/zone",
}
"""Labels by which a volume itself names its place, and what nodes call it today (Kubernetes' well-known labels)."""
_COMMON: Final = frozenset(
    {
        "accessModes",
        "capacity",
        "claimRef",
        "mountOptions",
        "nodeAffinity",
        "persistentVolumeReclaimPolicy",
        "storageClassName",
        "volumeAttributesClassName",
        "volumeMode",
    }
)
"""Parts of a volume's spec that say nothing of its storage (Kubernetes: PersistentVolumeSpec)."""
_ALTERNATIVES: Final = "__"
"""What stands between several zones in one such label."""


def persistent_volume_claim(body: Any) -> PersistentVolumeClaim | None:
    """A claim; that it names no class (None) and that it wants none ("") are told apart."""
    meta = identified(body)
    if meta is None:
        return None
    storage_class = dig(body, "spec", "storageClassName")
    return PersistentVolumeClaim(
        meta=meta,
        storage_class=text(storage_class) if isinstance(storage_class, str) else None,
        access_modes=tuple(sorted(texts(dig(body, "spec", "accessModes")))),
        requested_bytes=byte_count(dig(body, "spec", "resources", "requests", "storage")),
        phase=text(dig(body, "status", "phase")),
        volume_name=text(dig(body, "spec", "volumeName")),
    )


def persistent_volume(body: Any) -> PersistentVolume | None:
    """A volume, its claim and where it can be attached; its labels are not kept beyond that."""
    meta = identified(body, with_labels=False)
    if meta is None:
        return None
    claim = mapping(dig(body, "spec", "claimRef"))
    return PersistentVolume(
        meta=meta,
        claim=(text(claim.get("namespace")), text(claim.get("name"))),
        phase=text(dig(body, "status", "phase")),
        source=_source(mapping(dig(body, "spec"))),
        node_terms=_node_terms(body),
    )


def _source(spec: Mapping[str, Any]) -> str:
    """What is left of a volume's spec beside what every volume has: the one part that names its storage."""
    found = sorted(key for key, one in spec.items() if key not in _COMMON and one is not None)
    return text(found[0]) if found else ""


def _node_terms(body: Any) -> tuple[NodeTerm, ...] | None:
    """The required node affinity, with the volume's own zone and region in every term.

    A requirement of a broken shape is one that no node meets: dropped, it would widen what is left.
    """
    required = dig(body, "spec", "nodeAffinity", "required")
    places = _places(pairs(dig(body, "metadata", "labels")))
    if required is None:
        return sharing.node_terms((places,)) if places else None
    terms = [_node_term(one) for one in mappings(mapping(required).get("nodeSelectorTerms"))]
    return sharing.node_terms(tuple((*term, *places) for term in terms if term))


def _node_term(raw: Mapping[str, Any]) -> NodeTerm:
    """One term; its fields, of which there is only the node's name, stand beside the labels."""
    said = [raw.get(part) for part in ("matchExpressions", "matchFields")]
    return tuple(_node_expression(one) for part in said if part for one in _each(part))


def _each(value: Any) -> tuple[Any, ...]:
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _node_expression(raw: Any) -> NodeExpression:
    found = mapping(raw)
    values = texts(found.get("values"))
    return NodeExpression(text(found.get("key")), text(found.get("operator")), values)


def _places(labels: Mapping[str, str]) -> NodeTerm:
    found = {
        _PLACES[key]: tuple(sorted(value.split(_ALTERNATIVES)))
        for key, value in sorted(labels.items())
        if key in _PLACES
    }
    return tuple(NodeExpression(key, "In", values) for key, values in sorted(found.items()))


def storage_class(body: Any) -> StorageClass | None:
    """A StorageClass; several may call themselves the default."""
    meta = identified(body)
    if meta is None:
        return None
    return StorageClass(
        meta=meta,
        provisioner=text(dig(body, "provisioner")),
        default=any(meta.annotations.get(key) == "true" for key in _DEFAULT_CLASS),
        binding_mode=text(dig(body, "volumeBindingMode")) or "Immediate",
        expandable=flag(dig(body, "allowVolumeExpansion")),
    )


def csi_driver(body: Any) -> CSIDriver | None:
    """A CSI driver."""
    meta = identified(body)
    return CSIDriver(meta) if meta else None
