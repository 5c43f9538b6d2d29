"""What spec.network.egress lists: addresses and Pods for NetworkPolicies, names for Cilium."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from coder_cva.api.v1alpha1.egress import Destination
from coder_cva.catalogue.connections import End, PortRange, connections
from coder_cva.desired.egress_rules import Allowed, Peer, block, pods
from coder_cva.snapshot.reachability import SPACE_NAME
from coder_cva.values.manifest import dig

_SPACE: Final = "k8s:io.kubernetes.pod.namespace"
"""The label by which Cilium knows the namespace of a Pod."""


def listed(found: Iterable[Destination], home: str, closed: tuple[str, ...]) -> tuple[Allowed, ...]:
    """The addresses and Pods of the list, sorted by name; what is closed is not opened by it."""
    every = (
        Allowed(one.name, tuple(_peers(one, home, closed)), _ports(one))
        for one in sorted(found, key=lambda it: it.name)
    )
    return tuple(one for one in every if one.peers)


def named(found: Iterable[Destination]) -> tuple[Destination, ...]:
    """The entries that are DNS names, sorted by name."""
    return tuple(sorted((one for one in found if one.fqdns), key=lambda it: it.name))


def cilium_rules(found: Iterable[Destination]) -> list[dict[str, Any]]:
    """The egress rules of a CiliumNetworkPolicy for names: Cilium learns them from the DNS that it sees."""
    dns = connections().places[End.DNS]
    endpoints = [_endpoint(one) for one in dns if "podSelector" in one]
    ports = sorted({str(one.port) for one in connections().line("workspace-to-dns").ports})
    lookups = {
        "toEndpoints": endpoints,
        "toPorts": [
            {
                "ports": [{"port": one, "protocol": "ANY"} for one in ports],
                "rules": {"dns": [{"matchPattern": "*"}]},
            }
        ],
    }
    return [lookups, *(_by_name(one) for one in named(found))]


def _by_name(one: Destination) -> dict[str, Any]:
    names = [{"matchPattern" if it.startswith("*") else "matchName": it} for it in one.fqdns]
    rule: dict[str, Any] = {"toFQDNs": names}
    ports = [
        {
            "port": str(it.port),
            **({"endPort": it.end_port} if it.end_port is not None else {}),
            "protocol": it.protocol,
        }
        for it in one.ports
    ]
    return {**rule, "toPorts": [{"ports": ports}]} if ports else rule


def _endpoint(peer: Peer) -> dict[str, Any]:
    """A peer by labels, as Cilium has it."""
    space = dig(peer, "namespaceSelector", "matchLabels", SPACE_NAME)
    labels: Mapping[str, Any] = peer["podSelector"]
    exact = {f"k8s:{key}": value for key, value in labels.get("matchLabels", {}).items()}
    others = [{**one, "key": f"k8s:{one['key']}"} for one in labels.get("matchExpressions", ())]
    made: dict[str, Any] = {"matchLabels": {_SPACE: space, **exact}}
    return {**made, "matchExpressions": others} if others else made


def _peers(one: Destination, home: str, closed: tuple[str, ...]) -> Iterator[Peer]:
    for cidr in one.cidrs:
        yield from block(cidr, closed)
    if one.namespace_selector is not None or one.pod_selector is not None:
        yield pods(one.namespace_selector, one.pod_selector, home)


def _ports(one: Destination) -> tuple[PortRange, ...]:
    return tuple(
        PortRange.model_validate({"port": it.port, "end": it.end_port, "protocol": it.protocol})
        for it in one.ports
    )
