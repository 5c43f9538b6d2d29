"""ScaledObjects of KEDA and VerticalPodAutoscalers in, their records out.

Sources: KEDA, "ScaledObject specification" (defaults, pausing); Kubernetes, "Vertical Pod Autoscaling".
"""

from collections.abc import Mapping
from typing import Any, Final

from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records_scalers import ScaledObject, VerticalAutoscaler
from coder_cva.snapshot.shapes import mapping, mappings, text, whole
from coder_cva.values.manifest import dig

_PAUSED: Final = "autoscaling.keda.sh/paused"
_PAUSED_AT: Final = "autoscaling.keda.sh/paused-replicas"
_MOST: Final = 100
"""KEDA's own default of ``maxReplicaCount``."""


def scaled_object(body: Any) -> ScaledObject | None:
    """A ScaledObject and what it scales: a Deployment where no kind is said."""
    identity = identified(body)
    if identity is None:
        return None
    spec = mapping(dig(body, "spec"))
    idle = spec.get("idleReplicaCount")
    return ScaledObject(
        meta=identity,
        target=_target(spec.get("scaleTargetRef"), "Deployment"),
        min_replicas=whole(spec.get("minReplicaCount")),
        max_replicas=whole(spec.get("maxReplicaCount"), default=_MOST),
        idle_replicas=whole(idle) if idle is not None else None,
        paused=_is_paused(mapping(dig(body, "metadata", "annotations"))),
    )


def vertical_autoscaler(body: Any) -> VerticalAutoscaler | None:
    """A VerticalPodAutoscaler and whose Pods it sizes."""
    identity = identified(body)
    if identity is None:
        return None
    policies = mappings(dig(body, "spec", "resourcePolicy", "containerPolicies"))
    return VerticalAutoscaler(
        meta=identity,
        target=_target(dig(body, "spec", "targetRef"), ""),
        mode=text(dig(body, "spec", "updatePolicy", "updateMode")),
        idle=any(one.get("containerName") == "*" for one in policies)
        and all(one.get("mode") == "Off" for one in policies),
    )


def _target(reference: Any, kind: str) -> tuple[str, str]:
    found = mapping(reference)
    return text(found.get("kind"), default=kind) or kind, text(found.get("name"))


def _is_paused(annotations: Mapping[str, Any]) -> bool:
    return annotations.get(_PAUSED) == "true" or _PAUSED_AT in annotations
