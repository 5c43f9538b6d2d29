"""Object metadata in, the identity that is kept of it out."""

from collections.abc import Mapping
from typing import Any

from coder_cva.snapshot import marks, sharing
from coder_cva.snapshot.records import Meta, Owner
from coder_cva.snapshot.shapes import flag, mapping, mappings, pairs, text, whole
from coder_cva.values.manifest import dig


def identified(body: Any, *, with_labels: bool = True) -> Meta | None:
    """The metadata of an object; None where it has no name, so that nothing could refer to it."""
    raw = mapping(dig(body, "metadata"))
    name = raw.get("name")
    if not isinstance(name, str) or not name:
        return None
    return meta(raw, with_labels=with_labels)


def meta(raw: Mapping[str, Any], *, with_labels: bool = True) -> Meta:
    """Metadata as kept, also of a Pod template, which has no name.

    Of the annotations only those stay that somebody reads (see ``marks.is_kept``): the others may
    hold whole objects with their secrets in them.
    """
    return Meta(
        name=text(raw.get("name")),
        namespace=text(raw.get("namespace")),
        uid=text(raw.get("uid")),
        labels=sharing.labels(pairs(raw.get("labels"))) if with_labels else {},
        annotations=annotations(raw.get("annotations")) if with_labels else {},
        owner=_controller(raw.get("ownerReferences")),
        created=text(raw.get("creationTimestamp")),
        generation=whole(raw.get("generation")),
        deleting=bool(raw.get("deletionTimestamp")),
    )


def annotations(value: Any) -> Mapping[str, str]:
    """The annotations that somebody reads."""
    kept = {key: one for key, one in mapping(value).items() if marks.is_kept(str(key))}
    return sharing.labels(pairs(kept))


def _controller(references: Any) -> Owner | None:
    for one in mappings(references):
        if flag(one.get("controller")):
            return Owner(text(one.get("kind")), text(one.get("name")), text(one.get("uid")))
    return None
