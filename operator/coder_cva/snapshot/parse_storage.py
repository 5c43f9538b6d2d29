"""Claims, storage classes and CSI drivers in, their records out."""

from typing import Any

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records import CSIDriver, PersistentVolumeClaim, StorageClass
from coder_cva.snapshot.shapes import byte_count, flag, text, texts
from coder_cva.values.manifest import dig

_DEFAULT_CLASS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


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
