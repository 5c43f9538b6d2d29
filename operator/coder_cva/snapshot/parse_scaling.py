"""The objects of autoscalers in, their records out."""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from coder_cva.snapshot import autoscaler_status as status_text
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.snapshot.parse_meta import identified
from coder_cva.snapshot.records import Meta
from coder_cva.snapshot.records_scaling import (
    AutoscalerStatus,
    DisruptionBudget,
    Limit,
    MachineAutoscaler,
    MachineDeployment,
    NodePool,
)
from coder_cva.snapshot.shapes import (
    byte_count,
    mapping,
    mappings,
    millicores,
    pairs,
    text,
    texts,
    whole,
)
from coder_cva.values.manifest import dig

LEAST: Final = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-min-size"
MOST: Final = "cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size"
"""The sizes between which cluster-autoscaler scales a MachineDeployment (Cluster API provider)."""
NODE_POOL: Final = "karpenter.sh/nodepool"
_UPDATED: Final = "cluster-autoscaler.kubernetes.io/last-updated"


def autoscaler_status(body: Any) -> AutoscalerStatus | None:
    """cluster-autoscaler's status, of whatever namespace; ConfigMaps of other names are none.

    Without its annotations: one of them is the time of the last write.
    """
    identity = identified(body, with_labels=False)
    if identity is None or identity.name != SOURCES[Need.CLUSTER_AUTOSCALER].name:
        return None
    status = text(dig(body, "data", "status"))
    updated = text(dig(body, "metadata", "annotations", _UPDATED))
    return AutoscalerStatus(
        identity,
        status_text.groups(status),
        status_text.written(status) or status_text.written(updated),
    )


def node_pool(body: Any) -> NodePool | None:
    """A NodePool, of v1 or v1beta1: what is read here is alike in both, but for where its age stands."""
    identity = identified(body)
    if identity is None:
        return None
    spec = mapping(dig(body, "spec"))
    disruption = mapping(spec.get("disruption"))
    replicas = spec.get("replicas")
    used = mapping(dig(body, "status", "resources"))
    return NodePool(
        meta=identity,
        replicas=None if replicas is None else whole(replicas),
        nodes=whole(dig(body, "status", "nodes")) or _amount("nodes", used.get("nodes")),
        policy=text(disruption.get("consolidationPolicy")),
        after=text(disruption.get("consolidateAfter")),
        expires=text(dig(spec, "template", "spec", "expireAfter"))
        or text(disruption.get("expireAfter")),
        budgets=tuple(_budget(one) for one in mappings(disruption.get("budgets"))),
        limits=tuple(_limits(mapping(spec.get("limits")), used)),
        labels=_labels(identity, mapping(dig(spec, "template"))),
        taints=tuple(
            pairs({key: one.get(key) for key in ("key", "value", "effect")})
            for one in mappings(dig(spec, "template", "spec", "taints"))
        ),
        failure=_failure(body),
        is_ready=any(
            one.get("type") == "Ready" and one.get("status") == "True"
            for one in mappings(dig(body, "status", "conditions"))
        ),
    )


def machine_deployment(body: Any) -> MachineDeployment | None:
    """A MachineDeployment with its sizes, which are texts in annotations."""
    identity = identified(body)
    if identity is None:
        return None
    return MachineDeployment(
        identity,
        whole(dig(body, "spec", "replicas"), default=1),  # the API's own default
        _said(identity, LEAST),
        _said(identity, MOST),
    )


def machine_autoscaler(body: Any) -> MachineAutoscaler | None:
    """A MachineAutoscaler and its MachineSet."""
    identity = identified(body)
    if identity is None:
        return None
    return MachineAutoscaler(
        identity,
        text(dig(body, "spec", "scaleTargetRef", "name")),
        whole(dig(body, "spec", "minReplicas")),
        whole(dig(body, "spec", "maxReplicas")),
    )


def _budget(raw: Mapping[str, Any]) -> DisruptionBudget:
    return DisruptionBudget(
        text(raw.get("nodes")), texts(raw.get("reasons")), raw.get("schedule") is not None
    )


def _failure(body: Any) -> str:
    """v1beta1 may say nothing about readiness: only what is told is a failure."""
    for one in mappings(dig(body, "status", "conditions")):
        if one.get("type") == "Ready" and one.get("status") == "False":
            return text(one.get("message")) or text(one.get("reason")) or "not ready"
    return ""


def _limits(limits: Mapping[str, Any], used: Mapping[str, Any]) -> Iterator[Limit]:
    for resource, most in sorted((str(key), one) for key, one in limits.items()):
        yield Limit(resource, _amount(resource, used.get(resource)), _amount(resource, most))


def _amount(resource: str, value: Any) -> int:
    return millicores(value) if resource == "cpu" else byte_count(value)


def _labels(identity: Meta, template: Mapping[str, Any]) -> Mapping[str, tuple[str, ...]]:
    """What every node has, and what the requirements leave open between values."""
    known: dict[str, tuple[str, ...]] = {NODE_POOL: (identity.name,)}
    for one in mappings(dig(template, "spec", "requirements")):
        if one.get("operator") == "In":
            known[text(one.get("key"))] = texts(one.get("values"))
    fixed = pairs(dig(template, "metadata", "labels"))
    return {**known, **{key: (value,) for key, value in fixed.items()}}


def _said(identity: Meta, annotation: str) -> int | None:
    value = identity.annotations.get(annotation, "")
    return int(value) if value.isascii() and value.isdecimal() and len(value) < 10 else None
