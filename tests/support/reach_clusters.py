"""Random clusters for reachability: a number in, raw manifests and questions out; the same ones each time.

Everything that the API server admits and that people write by mistake: empty selectors and absent ones,
rules for nobody and for everybody, named ports that differ from Pod to Pod, exceptions that hold a Pod's
own address, both families, Pods on their nodes' network, Pods that have ended and whose address is
another's by now, Pods without an address.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Any

SPACES = {"one": {"team": "red"}, "two": {"team": "blue", "tier": "1"}, "three": {}}
VALUES = {"app": ("web", "db"), "tier": ("1", "2"), "id": ("a", "b", "c")}
SPACE_VALUES = {
    "team": ("red", "blue"),
    "tier": ("1",),
    "kubernetes.io/metadata.name": tuple(SPACES),
}
PORTS = [53, 80, 8080, 8081]
NAMES = ("http", "dns", "admin")
PROTOCOLS = ("TCP", "UDP", "SCTP")
NODES = {"node-1": ("192.168.0.1", "fd01::1"), "node-2": ("192.168.0.2", "fd01::2")}
ADDRESSES = ("203.0.113.7", "8.8.8.8", "2001:db8::7", "192.168.0.1", "fd01::2")
CIDRS = {
    "0.0.0.0/0": ("10.0.0.0/8", "10.1.0.1/32", "192.168.0.0/16", "128.0.0.0/1"),
    "10.0.0.0/8": ("10.1.0.0/24", "10.1.0.2/32"),
    "10.1.0.0/24": ("10.1.0.1/32", "10.1.0.3/32", "10.1.0.0/30"),
    "10.1.0.2/32": (),
    "192.168.0.0/24": ("192.168.0.1/32",),
    "203.0.113.0/24": ("203.0.113.7/32", "203.0.113.0/30"),
    "::/0": ("fd00::/16", "fd01::/16"),
    "fd00::/64": ("fd00::1/128", "fd00::2/127"),
    "fd01::1/128": (),
    "2001:db8::/32": ("2001:db8::7/128",),
}


@dataclass(frozen=True)
class Question:
    """Ends are the number of a Pod or an address."""

    source: int | str
    target: int | str
    port: int
    protocol: str


@dataclass(frozen=True)
class Cluster:
    """What is in it, and what is asked."""

    number: int
    manifests: list[dict[str, Any]]
    questions: list[Question]


def cluster(number: int, asked: int = 40) -> Cluster:
    """The cluster of this number."""
    dice = Random(number)
    pods = pods_of(dice)
    policies = [policy(dice, at) for at in range(dice.randint(1, 6))]
    spaces = [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        for name, labels in SPACES.items()
    ]
    return Cluster(number, [*spaces, *pods, *policies], questions(dice, len(pods), asked))


def questions(dice: Random, pods: int, count: int) -> list[Question]:
    """Between Pods, of a Pod to itself, from and to addresses."""
    found = []
    for _ in range(count):
        ends: list[int | str] = [dice.randrange(pods), dice.randrange(pods)]
        if dice.random() < 0.2:
            ends[dice.randrange(2)] = dice.choice(ADDRESSES)
        protocol = dice.choice(("TCP", "TCP", "TCP", "UDP", "SCTP"))
        found.append(Question(ends[0], ends[1], dice.choice(PORTS), protocol))
    return found


def pods_of(dice: Random) -> list[dict[str, Any]]:
    """Two to six, all of the cluster's families, some of one family alone."""
    families = dice.choice(((4,), (4,), (4, 6), (6,)))
    return [pod(dice, at, families) for at in range(dice.randint(2, 6))]


def pod(dice: Random, at: int, families: tuple[int, ...]) -> dict[str, Any]:
    node = dice.choice(sorted(NODES))
    is_host = dice.random() < 0.2
    phase = dice.choice(("Running",) * 8 + ("Succeeded", "Failed"))
    status: dict[str, Any] = {"phase": phase, "hostIPs": [{"ip": one} for one in NODES[node]]}
    mine = families if dice.random() < 0.9 else (dice.choice((4, 6)),)
    if dice.random() < 0.9:
        # Few addresses: one that has ended often had that of one which lives.
        own = {4: f"10.1.0.{1 + at % 4}", 6: f"fd00::{1 + at % 4}"}
        at_node = dict(zip((4, 6), NODES[node], strict=True))
        status["podIPs"] = [{"ip": (at_node if is_host else own)[one]} for one in mine]
    labels = {key: dice.choice(values) for key, values in VALUES.items() if dice.random() < 0.6}
    ports = [
        {"name": name, "containerPort": dice.choice(PORTS), "protocol": dice.choice(PROTOCOLS[:2])}
        for name in (dice.choice(NAMES), *NAMES)  # two containers may call their ports alike
        if dice.random() < 0.6
    ]
    halves = (ports[:1], ports[1:])
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": f"pod-{at}", "namespace": dice.choice(sorted(SPACES)), "labels": labels},
        "spec": {
            "nodeName": node,
            "hostNetwork": is_host,
            "containers": [{"name": f"c{n}", "image": "x", "ports": one} for n, one in enumerate(halves)],
        },
        "status": status,
    }  # fmt: skip


def policy(dice: Random, at: int) -> dict[str, Any]:
    spec: dict[str, Any] = {}
    if dice.random() < 0.95:
        spec["podSelector"] = {} if dice.random() < 0.4 else selector(dice, VALUES)
    types = dice.choice((None, [], ["Ingress"], ["Egress"], ["Ingress", "Egress"], None))
    if types is not None:
        spec["policyTypes"] = types
    for direction, end in (("ingress", "from"), ("egress", "to")):
        if dice.random() < 0.7:
            spec[direction] = [rule(dice, end) for _ in range(dice.randint(0, 3))]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": f"policy-{at}", "namespace": dice.choice(sorted(SPACES))},
        "spec": spec,
    }


def rule(dice: Random, end: str) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if dice.random() < 0.85:
        made[end] = [peer(dice) for _ in range(dice.choice((0, 1, 1, 2)))]
    if dice.random() < 0.6:
        made["ports"] = [port(dice) for _ in range(dice.choice((0, 1, 1, 2)))]
    return made


def peer(dice: Random) -> dict[str, Any]:
    kind = dice.choice(("pods", "spaces", "both", "block", "block"))
    if kind == "block":
        cidr = dice.choice(sorted(CIDRS))
        block: dict[str, Any] = {"cidr": cidr}
        if CIDRS[cidr] and dice.random() < 0.6:
            block["except"] = dice.sample(CIDRS[cidr], dice.randint(1, len(CIDRS[cidr])))
        return {"ipBlock": block}
    made = {}
    if kind != "spaces":
        made["podSelector"] = selector(dice, VALUES)
    if kind != "pods":
        made["namespaceSelector"] = selector(dice, SPACE_VALUES)
    return made


def port(dice: Random) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if dice.random() < 0.5:
        made["protocol"] = dice.choice(PROTOCOLS)
    kind = dice.choice(("none", "number", "number", "name", "name", "span"))
    if kind == "name":
        made["port"] = dice.choice(NAMES)
    elif kind != "none":
        made["port"] = dice.choice(PORTS)
        if kind == "span":
            made["endPort"] = max(made["port"], dice.choice((80, 8080, 9000, 65535)))
    return made


def selector(dice: Random, keys: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    if dice.random() < 0.6:
        key = dice.choice(sorted(keys))
        made["matchLabels"] = dice.choice(
            ({}, {key: dice.choice(keys[key])}, {key: dice.choice(keys[key])})
        )
    if dice.random() < 0.4:
        made["matchExpressions"] = [expression(dice, keys) for _ in range(dice.randint(0, 2))]
    return made


def expression(dice: Random, keys: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    key = dice.choice((*sorted(keys), "absent"))
    operator = dice.choice(("In", "NotIn", "Exists", "DoesNotExist"))
    made: dict[str, Any] = {"key": key, "operator": operator}
    if operator in {"In", "NotIn"}:
        values = keys.get(key, ("x",))
        made["values"] = dice.sample(values, dice.randint(1, min(2, len(values))))
    return made
