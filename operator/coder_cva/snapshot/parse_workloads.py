"""Deployments, ReplicaSets, disruption budgets and autoscalers in, their records out."""

from typing import Any

from coder_cva.snapshot import marks
from coder_cva.snapshot.masking import masked
from coder_cva.snapshot.parse_meta import identified, meta
from coder_cva.snapshot.parse_pods import shape
from coder_cva.snapshot.records import (
    Autoscaler,
    Deployment,
    Meta,
    PodDisruptionBudget,
    ReplicaSet,
)
from coder_cva.snapshot.shapes import mapping, mappings, selector, text, whole
from coder_cva.values.manifest import dig


def deployment(body: Any) -> Deployment | None:
    """A Deployment; the body stays, without its secrets, where it plays a role of Coder's own."""
    identity = identified(body)
    if identity is None:
        return None
    spec, status = mapping(dig(body, "spec")), mapping(dig(body, "status"))
    template_meta = meta(mapping(dig(spec, "template", "metadata")))
    found = shape(dig(spec, "template", "spec"), template_meta)
    return Deployment(
        meta=identity,
        replicas=whole(spec.get("replicas"), default=1),  # the API's own default
        selector=selector(spec.get("selector")) or _NOBODY,
        template_meta=template_meta,
        shape=found,
        present_replicas=whole(status.get("replicas")),
        ready_replicas=whole(status.get("readyReplicas")),
        updated_replicas=whole(status.get("updatedReplicas")),
        available_replicas=whole(status.get("availableReplicas")),
        observed_generation=whole(status.get("observedGeneration")),
        progress_failure=_progress_failure(status),
        node_name=text(dig(spec, "template", "spec", "nodeName")),
        body=masked(body) if found.role or _is_ours(identity) else None,
    )


_NOBODY = {"matchExpressions": [{"key": "", "operator": "Exists", "values": []}]}
"""Selects nothing. The API demands a selector; what has none owns no Pod, rather than all."""


def _is_ours(identity: Meta) -> bool:
    """Whether this operator made it, by the label that stays on: it is coderd whatever its command is now."""
    return marks.OWNER_UID in identity.labels


def replica_set(body: Any) -> ReplicaSet | None:
    """A ReplicaSet without labels: it is only a step on the way from a Pod to its Deployment."""
    identity = identified(body, with_labels=False)
    return ReplicaSet(identity) if identity else None


def pod_disruption_budget(body: Any) -> PodDisruptionBudget | None:
    """A PodDisruptionBudget; numbers and percentages as text."""
    identity = identified(body)
    if identity is None:
        return None
    return PodDisruptionBudget(
        meta=identity,
        selector=selector(dig(body, "spec", "selector")),
        min_available=_number_or_share(dig(body, "spec", "minAvailable")),
        max_unavailable=_number_or_share(dig(body, "spec", "maxUnavailable")),
        disruptions_allowed=whole(dig(body, "status", "disruptionsAllowed")),
    )


def autoscaler(body: Any) -> Autoscaler | None:
    """A HorizontalPodAutoscaler and what it scales."""
    identity = identified(body)
    if identity is None:
        return None
    target = mapping(dig(body, "spec", "scaleTargetRef"))
    return Autoscaler(
        meta=identity,
        target=(text(target.get("kind")), text(target.get("name"))),
        min_replicas=whole(dig(body, "spec", "minReplicas"), default=1),
        max_replicas=whole(dig(body, "spec", "maxReplicas")),
    )


def _progress_failure(status: Any) -> str:
    """Why Kubernetes gave the rollout up, "" while it has not.

    The progress condition says only that time ran out; the cause, a quota for instance, stands in
    the one about replicas.
    """
    conditions = {text(one.get("type")): one for one in mappings(status.get("conditions"))}
    progress = mapping(conditions.get("Progressing"))
    if progress.get("status") != "False":
        return ""
    words = [text(progress.get("message")) or text(progress.get("reason")) or "no progress"]
    replicas = mapping(conditions.get("ReplicaFailure"))
    if replicas.get("status") == "True":
        words.append(text(replicas.get("message")))
    return ": ".join(word for word in words if word)


def _number_or_share(value: Any) -> str:
    if isinstance(value, bool) or not isinstance(value, (int, str)):
        return ""
    return str(value)
