"""Who already isolates a Pod: NetworkPolicies are a union, and the first one that selects a Pod isolates it.

Source: the Kubernetes API of NetworkPolicy. A Pod that no policy selects for a direction is open in that
direction; one that a policy selects is closed but for what some policy allows.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

from coder_cva.snapshot.managers import is_of_name
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.records import NetworkPolicy
from coder_cva.snapshot.records_cilium import CiliumPolicy
from coder_cva.snapshot.world import World
from coder_cva.values import selectors
from coder_cva.values.manifest import dig

Direction = Literal["Ingress", "Egress"]


def isolating(
    world: World, namespace: str, pods: Iterable[Mapping[str, str]], direction: Direction
) -> tuple[NetworkPolicy, ...]:
    """Policies that others made and that isolate one of these Pods, told by their labels, in this direction."""
    others = others_in(world, namespace, direction)
    labels = tuple(pods) if others else ()
    return tuple(one for one in others if any(selects(one.spec, pod) for pod in labels))


def others_in(world: World, namespace: str, direction: Direction) -> tuple[NetworkPolicy, ...]:
    """Policies of a namespace that others made and that isolate somebody in this direction."""
    owner = world.deployment
    return tuple(
        policy
        for policy in world.snapshot.within(Need.NETWORK_POLICIES, namespace)
        if not is_of_name(policy.meta, owner.uid, owner.reference)
        and isolates(policy.spec, direction)
    )


def cilium_isolating(
    world: World, namespace: str, pods: Iterable[Mapping[str, str]]
) -> tuple[CiliumPolicy, ...]:
    """Cilium's policies that others made and that isolate one of these Pods for egress."""
    owner = world.deployment
    labels = tuple(pods)
    return tuple(
        policy
        for policy in world.snapshot.within(Need.CILIUM_POLICIES, namespace)
        if not is_of_name(policy.meta, owner.uid, owner.reference)
        and any(
            _endpoint_is(one, pod, namespace) for one in policy.egress_selectors for pod in labels
        )
    )


def _endpoint_is(selector: Mapping[str, Any], pod: Mapping[str, str], namespace: str) -> bool:
    """Whether Cilium's selector selects a Pod; its labels may have the prefix ``k8s:`` or ``any:``."""
    known = {**pod, "io.kubernetes.pod.namespace": namespace}
    said = {**dig(selector, "matchLabels", default={})}
    plain = {_plain(key): value for key, value in said.items()}
    expressions = [
        {**one, "key": _plain(one["key"])}
        for one in dig(selector, "matchExpressions", default=())
        if isinstance(one, Mapping) and isinstance(one.get("key"), str)
    ]
    return selectors.matches({"matchLabels": plain, "matchExpressions": expressions}, known)


def _plain(key: str) -> str:
    return key.removeprefix("k8s:").removeprefix("any:")


def isolates(spec: Mapping[str, Any], direction: Direction) -> bool:
    """Whether a policy's spec is about this direction.

    Where policyTypes are not said, a policy is about ingress, and about egress if it has a rule for it.
    """
    types = dig(spec, "policyTypes")
    if types is not None:
        return direction in types
    return direction == "Ingress" or bool(dig(spec, "egress"))


def selects(spec: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a policy's spec selects a Pod with these labels; an empty podSelector selects every one."""
    return selectors.matches(dig(spec, "podSelector", default={}), labels)


def named(policies: Sequence[NetworkPolicy | CiliumPolicy]) -> str:
    """The policies' names for a message, the first three."""
    names = sorted(one.meta.path for one in policies)
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return ", ".join(names[:3]) + more
