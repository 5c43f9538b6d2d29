"""May A open a connection to B, by brute force: raw manifests in, every allowed connection written out.

Written from the specification of NetworkPolicy alone, for the evaluator to be held against; it imports
nothing of the operator. Each policy becomes the set of all (who, protocol, port) that it allows, out of
everybody and every port that occurs; a connection is allowed if it is in the sets. What the specification
leaves open is tried both ways, an address that is not known at every place that a policy could tell apart:
where all of these agree the answer is certain.
"""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from itertools import product
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

Actor = tuple[str, Any]
"""``("pod", number)``, ``("ip", (version, number))``, or a Pod by its address: ``("at", (number, address))``."""
Line = tuple[Actor, str, int]
FINISHED = {"Succeeded", "Failed"}
PROTOCOLS = ("TCP", "UDP", "SCTP")


@dataclass(frozen=True)
class Plugin:
    """What a network plugin makes of the two things that the specification leaves open."""

    hosts_are_pods: bool
    blocks_hold_pods: bool


PLUGINS = [Plugin(*choice) for choice in product((True, False), repeat=2)]


class Oracle:
    """One cluster, every connection of it."""

    def __init__(
        self, manifests: list[dict[str, Any]], ports: list[int], addresses: Iterable[str] = ()
    ) -> None:
        """Every port and every address outside about which is going to be asked has to be said."""
        self.pods = [one for one in manifests if one["kind"] == "Pod"]
        self.policies = [one for one in manifests if one["kind"] == "NetworkPolicy"]
        self.spaces = {
            one["metadata"]["name"]: {
                **(one["metadata"].get("labels") or {}),
                "kubernetes.io/metadata.name": one["metadata"]["name"],
            }
            for one in manifests
            if one["kind"] == "Namespace"
        }
        self.ports = ports
        self.outside = {numbered(one) for one in addresses}
        self.places = places(self.policies)
        self._known: dict[Any, set[Line] | None] = {}

    def may(self, source: Actor, target: Actor, port: int, protocol: str) -> bool | None:
        """True or False, None where plugins, or addresses that are not known, make a difference."""
        if source == target:
            return not self._ended(source)
        if self._ended(source) or self._ended(target):
            return False
        outcomes = set()
        for plugin, mine, yours in product(PLUGINS, self._homes(source), self._homes(target)):
            pairs = [(a, b) for a in mine for b in yours if a[0] == b[0]]
            pairs = pairs or [(a, b) for a in mine for b in yours]
            outcomes.add(
                any(
                    self._passes(plugin, source, target, b, "egress", (protocol, port))
                    and self._passes(plugin, target, source, a, "ingress", (protocol, port))
                    for a, b in pairs
                )
            )
        return outcomes.pop() if len(outcomes) == 1 else None

    def _homes(self, actor: Actor) -> list[list[Any]]:
        """The addresses that an end has, in each case that there is."""
        if actor[0] == "ip":
            return [[actor[1]]]
        known = [numbered(one["ip"]) for one in self._status(actor).get("podIPs") or []]
        return [known] if known else [[place] for place in self.places]

    def _passes(
        self, plugin: Plugin, here: Actor, there: Actor, at: Any, way: str, port: tuple[str, int]
    ) -> bool:
        if here[0] == "ip" or (self._is_host(here) and not plugin.hosts_are_pods):
            return True
        is_node = there[0] == "ip" or (self._is_host(there) and not plugin.hosts_are_pods)
        if is_node and self._is_node_of(here, there):
            return True
        allowed = self._allowed(here, way)
        if allowed is None:
            return True
        if is_node:
            return (("ip", at), *port) in allowed  # which has no named ports
        actors: list[Actor] = [there]
        actors += [("at", (there[1], at))] if plugin.blocks_hold_pods else []
        return any((one, *port) in allowed for one in actors)

    def _is_node_of(self, pod: Actor, other: Actor) -> bool:
        if other[0] == "ip":
            return other[1] in [
                numbered(one["ip"]) for one in self._status(pod).get("hostIPs") or []
            ]
        mine = self.pods[pod[1]]["spec"].get("nodeName")
        return bool(mine) and mine == self.pods[other[1]]["spec"].get("nodeName")

    def _allowed(self, here: Actor, way: str) -> set[Line] | None:
        """Everything that the policies which select a Pod allow together; None where none selects it."""
        key = (here, way)
        if key not in self._known:
            self._known[key] = self._written_out(here, way)
        return self._known[key]

    def _written_out(self, here: Actor, way: str) -> set[Line] | None:
        pod = self.pods[here[1]]
        selecting = [
            one
            for one in self.policies
            if one["metadata"]["namespace"] == pod["metadata"]["namespace"]
            and way in directions(one["spec"])
            and here[1] in self._chosen(one["spec"].get("podSelector") or {}, range(len(self.pods)))
        ]
        if not selecting:
            return None
        lines: set[Line] = set()
        for policy in selecting:
            for rule in policy["spec"].get(way) or []:
                for who in self._who(rule, policy["metadata"]["namespace"], way):
                    named = self.pods[here[1]] if way == "ingress" else self._pod(who)
                    lines |= {(who, *port) for port in self._on(rule, named)}
        return lines

    def _who(self, rule: dict[str, Any], space: str, way: str) -> set[Actor]:
        pods: set[Actor] = {("pod", number) for number in range(len(self.pods))}
        addresses = self._every_address()
        peers = rule.get("from" if way == "ingress" else "to")
        if not peers:
            return pods | addresses
        found: set[Actor] = set()
        for peer in peers:
            if "ipBlock" in peer:
                found |= {one for one in addresses if in_block(place(one), peer["ipBlock"])}
                continue
            spaces = {space}
            if peer.get("namespaceSelector") is not None:
                names = sorted(self.spaces)
                labels = [self.spaces[name] for name in names]
                spaces = {names[at] for at in chosen(peer["namespaceSelector"], labels)}
            inside = [
                n for n, one in enumerate(self.pods) if one["metadata"]["namespace"] in spaces
            ]
            found |= {
                ("pod", number) for number in self._chosen(peer.get("podSelector") or {}, inside)
            }
        return found

    def _on(self, rule: dict[str, Any], named: dict[str, Any] | None) -> set[tuple[str, int]]:
        if not rule.get("ports"):
            return set(product(PROTOCOLS, self.ports))
        found = set()
        for one in rule["ports"]:
            protocol = one.get("protocol") or "TCP"
            if "port" not in one:
                numbers = set(self.ports)
            elif isinstance(one["port"], str):
                numbers = {
                    port["containerPort"]
                    for container in (named or {}).get("spec", {}).get("containers", [])
                    for port in container.get("ports", [])
                    if port.get("name") == one["port"] and port.get("protocol", "TCP") == protocol
                }
            else:
                numbers = {
                    n for n in self.ports if one["port"] <= n <= one.get("endPort", one["port"])
                }
            found |= {(protocol, number) for number in numbers}
        return found

    def _chosen(self, selector: dict[str, Any], among: Any) -> set[int]:
        numbers = list(among)
        labels = [self.pods[number]["metadata"].get("labels") or {} for number in numbers]
        return {numbers[at] for at in chosen(selector, labels)}

    def _every_address(self) -> set[Actor]:
        """Addresses outside, of nodes, and of Pods: where they may be while nobody knows."""
        pods = range(len(self.pods))
        homes = [at for number in pods for one in self._homes(("pod", number)) for at in one]
        found: set[Actor] = {("ip", one) for one in (*self.outside, *homes)}
        return found | {
            ("at", (number, at))
            for number in pods
            for one in self._homes(("pod", number))
            for at in one
        }

    def _pod(self, actor: Actor) -> dict[str, Any] | None:
        if actor[0] == "ip":
            return None
        return self.pods[actor[1] if actor[0] == "pod" else actor[1][0]]

    def _status(self, actor: Actor) -> dict[str, Any]:
        status: dict[str, Any] = self.pods[actor[1]]["status"]
        return status

    def _ended(self, actor: Actor) -> bool:
        return actor[0] == "pod" and self._status(actor).get("phase") in FINISHED

    def _is_host(self, actor: Actor) -> bool:
        return actor[0] == "pod" and bool(self.pods[actor[1]]["spec"].get("hostNetwork"))


def directions(spec: dict[str, Any]) -> set[str]:
    """Said, else ingress always and egress where there is a rule for it."""
    if spec.get("policyTypes"):
        return {one.lower() for one in spec["policyTypes"]}
    return {"ingress", "egress"} if spec.get("egress") else {"ingress"}


def chosen(selector: dict[str, Any], labels: list[dict[str, str]]) -> set[int]:
    """By number those whom a label selector selects: what each requirement leaves, cut with one another."""
    every = set(range(len(labels)))
    left = set(every)
    for key, value in (selector.get("matchLabels") or {}).items():
        left &= {at for at in every if (key, value) in labels[at].items()}
    for one in selector.get("matchExpressions") or []:
        having = {at for at in every if one["key"] in labels[at]}
        named = {at for at in having if labels[at][one["key"]] in (one.get("values") or [])}
        left &= {"In": named, "NotIn": every - named, "Exists": having, "DoesNotExist": every - having}[one["operator"]]  # fmt: skip
    return left


def place(actor: Actor) -> tuple[int, int]:
    """The address of an actor that has one."""
    found: tuple[int, int] = actor[1] if actor[0] == "ip" else actor[1][1]
    return found


def numbered(address: str) -> tuple[int, int]:
    """An address as its version and its number."""
    parsed = ip_address(address)
    return parsed.version, int(parsed)


def bounds(cidr: str) -> tuple[int, int, int]:
    """A range as its version, its first and its last number."""
    parsed = ip_network(cidr)
    return parsed.version, int(parsed[0]), int(parsed[-1])


def in_block(at: tuple[int, int], block: dict[str, Any]) -> bool:
    """Whether an address is in a block and in none of its exceptions."""

    def within(cidr: str) -> bool:
        version, first, last = bounds(cidr)
        return at[0] == version and first <= at[1] <= last

    return within(block["cidr"]) and not any(within(one) for one in block.get("except") or [])


def places(policies: list[dict[str, Any]]) -> list[tuple[int, int]]:
    """An address of every stretch that no block of the policies divides."""
    found = {(4, 0), (6, 0)}
    for policy in policies:
        for way, end in (("ingress", "from"), ("egress", "to")):
            for rule in policy["spec"].get(way) or []:
                for peer in rule.get(end) or []:
                    block = peer.get("ipBlock") or {}
                    for cidr in [*([block["cidr"]] if block else []), *(block.get("except") or [])]:
                        version, first, last = bounds(cidr)
                        after = last + 1
                        found |= {(version, first)} | ({(version, after)} if after >> (32 if version == 4 else 128) == 0 else set())  # fmt: skip
    return sorted(found)
