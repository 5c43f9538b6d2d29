"""The policies by which egress is restricted, of Kubernetes and of Cilium."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.egress import Destination
from coder_cva.api.v1alpha1.resource import CoderDeployment
from coder_cva.desired.egress_listed import cilium_rules
from coder_cva.desired.egress_rules import ANY_POD, EVERYWHERE, Allowed, block
from coder_cva.desired.metadata import metadata
from coder_cva.snapshot.needs import SOURCES, Need
from coder_cva.values.manifest import Manifest

_OPEN_BY_DEFAULT: Final = {"enableDefaultDeny": {"egress": False}}
"""What Cilium's policy allows or denies is all that it does: it isolates nobody (since Cilium 1.16)."""


def only(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    selector: Mapping[str, Any],
    found: Iterable[Allowed],
) -> Manifest:
    """The NetworkPolicy that leaves open what is allowed, and closes all other egress."""
    return _network_policy(owner, name, namespace, selector, [one.rule for one in found])


def all_but(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    selector: Mapping[str, Any],
    closed: tuple[str, ...],
) -> Manifest:
    """The NetworkPolicy that leaves open everything but these addresses."""
    peers = [ANY_POD, *(peer for one in EVERYWHERE for peer in block(one, closed))]
    return _network_policy(owner, name, namespace, selector, [{"to": peers}])


def denied(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    selector: Mapping[str, Any],
    closed: tuple[str, ...],
) -> Manifest:
    """Cilium's policy that denies these addresses and leaves everything else as it is.

    A NetworkPolicy that allows all addresses would cut the nodes: to Cilium they are no addresses.
    """
    rules = {"egress": [{"toEntities": ["all"]}], "egressDeny": [{"toCIDR": [*closed]}]}
    return _cilium_policy(owner, name, namespace, selector, rules)


def by_name(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    selector: Mapping[str, Any],
    found: Iterable[Destination],
) -> Manifest:
    """Cilium's policy that allows DNS names beside what the NetworkPolicy allows."""
    return _cilium_policy(owner, name, namespace, selector, {"egress": cilium_rules(found)})


def _network_policy(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    selector: Mapping[str, Any],
    rules: list[dict[str, Any]],
) -> Manifest:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(owner, name, namespace),
        "spec": {"podSelector": dict(selector), "policyTypes": ["Egress"], "egress": rules},
    }


def _cilium_policy(
    owner: CoderDeployment,
    name: str,
    namespace: str,
    selector: Mapping[str, Any],
    rules: Mapping[str, Any],
) -> Manifest:
    source = SOURCES[Need.CILIUM_POLICIES]
    return {
        "apiVersion": source.api_version,
        "kind": source.kind,
        "metadata": metadata(owner, name, namespace),
        "spec": {"endpointSelector": dict(selector), **_OPEN_BY_DEFAULT, **rules},
    }
