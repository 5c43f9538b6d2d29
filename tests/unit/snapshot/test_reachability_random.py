"""Random clusters against a second evaluator, written from the API's documentation and sharing nothing.

Pods of three namespaces, up to five policies. Where an ipBlock might hold Pods, plugins differ: the second
evaluator answers for the strictest and for the kindest plugin, and only where both agree is it certain.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.reachability import Reachability
from support import builders as b

SPACES = {"one": {"team": "red"}, "two": {"team": "blue"}, "three": {}}
VALUES = {"app": ("web", "db"), "tier": ("1", "2"), "id": ("a", "b", "c")}
PORTS = [
    {"name": "http", "containerPort": 8080},
    {"name": "dns", "containerPort": 8080, "protocol": "UDP"},
]
PRIVATE, PUBLIC = "10.0.0.0/8", "203.0.113.0/24"


def expressions(keys: dict[str, tuple[str, ...]]) -> st.SearchStrategy[Any]:
    return st.sampled_from(sorted(keys)).flatmap(
        lambda key: st.one_of(
            st.fixed_dictionaries(
                {
                    "key": st.just(key),
                    "operator": st.sampled_from(["In", "NotIn"]),
                    "values": st.lists(st.sampled_from(keys[key]), min_size=1, max_size=2),
                }
            ),
            st.fixed_dictionaries(
                {"key": st.just(key), "operator": st.sampled_from(["Exists", "DoesNotExist"])}
            ),
        )
    )


def selector(keys: dict[str, tuple[str, ...]]) -> st.SearchStrategy[Any]:
    """Mostly narrow ones: an empty selector in each policy would make all clusters alike."""
    exact = st.sampled_from(sorted(keys)).flatmap(
        lambda key: st.builds(lambda value: {key: value}, st.sampled_from(keys[key]))
    )
    return st.fixed_dictionaries(
        {}, optional={"matchLabels": exact, "matchExpressions": st.lists(expressions(keys), max_size=2)}
    )  # fmt: skip


POD_SELECTOR = selector(VALUES)
SPACE_SELECTOR = selector(
    {"team": ("red", "blue"), "kubernetes.io/metadata.name": ("one", "two", "three")}
)
PEER = st.one_of(
    st.fixed_dictionaries({"podSelector": POD_SELECTOR}, optional={"namespaceSelector": SPACE_SELECTOR}),
    st.fixed_dictionaries({"namespaceSelector": SPACE_SELECTOR}),
    st.builds(lambda cidr: {"ipBlock": {"cidr": cidr}}, st.sampled_from([PRIVATE, PUBLIC])),
)  # fmt: skip
PORT = st.one_of(
    st.fixed_dictionaries({}, optional={"protocol": st.sampled_from(["TCP", "UDP"])}),
    st.fixed_dictionaries(
        {"port": st.sampled_from([80, 8080, 8000, "http", "dns"])},
        optional={"protocol": st.sampled_from(["TCP", "UDP"])},
    ),
    st.fixed_dictionaries({"port": st.sampled_from([80, 8000, 8081]), "endPort": st.just(9000)}),
)


def rules(end: str) -> st.SearchStrategy[Any]:
    rule = st.fixed_dictionaries(
        {}, optional={end: st.lists(PEER, max_size=2), "ports": st.lists(PORT, max_size=2)}
    )
    return st.lists(rule, max_size=2)


SPEC = st.fixed_dictionaries(
    {"podSelector": POD_SELECTOR},
    optional={
        "policyTypes": st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True),
        "ingress": rules("from"),
        "egress": rules("to"),
    },
)
POD = st.fixed_dictionaries(
    {
        "namespace": st.sampled_from(sorted(SPACES)),
        "labels": st.fixed_dictionaries({}, optional={key: st.sampled_from(VALUES[key]) for key in VALUES}),
        "host": st.sampled_from([False, False, False, True]),
    }
)  # fmt: skip
POLICY = st.tuples(st.sampled_from(sorted(SPACES)), SPEC)


@settings(max_examples=200)
@given(st.lists(POD, min_size=2, max_size=4), st.lists(POLICY, max_size=5))
def test_random_clusters_mean_what_the_documentation_says(pods: Any, policies: Any) -> None:
    """Between every two Pods: certain where every plugin agrees, in doubt where they differ."""
    net, peers = cluster(pods, policies)

    for source, here in zip(pods, peers, strict=True):
        for target, there in zip(pods, peers, strict=True):
            least, most = (may(source, target, policies, kind=kind) for kind in (False, True))
            expected = least if least == most else None
            found = net.connection(here, there, 8080)
            assert found.possible is expected, (source, target, found.why)


@settings(max_examples=200)
@given(st.lists(POD, min_size=2, max_size=6), st.lists(POLICY, max_size=5))
def test_pods_of_one_kind_have_the_same_answers(pods: Any, policies: Any) -> None:
    """So one of thousands may speak for all of them, whatever labels no selector asks for."""
    net, peers = cluster(pods, policies)
    records = snapshot_pods(pods, policies)
    kinds: dict[Any, list[Any]] = {}
    for record, peer in zip(records, peers, strict=True):
        kinds.setdefault(net.kind(record), []).append(peer)

    for alike in kinds.values():
        for other in peers:
            assert len({net.connection(one, other, 8080).possible for one in alike}) == 1
            assert len({net.connection(other, one, 8080).possible for one in alike}) == 1


def objects(pods: Any, policies: Any) -> list[Any]:
    containers = [{"name": "main", "image": "nginx", "ports": PORTS}]
    return [
        *(b.namespace(name, labels=labels) for name, labels in SPACES.items()),
        *(
            b.pod(f"pod-{at}", one["namespace"], labels=one["labels"], spec={"containers": containers, "hostNetwork": one["host"]})
            for at, one in enumerate(pods)
        ),
        *(
            {
                "apiVersion": "networking.k8s.io/v1",
                "kind": "NetworkPolicy",
                "metadata": {"name": f"policy-{at}", "namespace": space},
                "spec": spec,
            }
            for at, (space, spec) in enumerate(policies)
        ),
    ]  # fmt: skip


def snapshot_pods(pods: Any, policies: Any) -> list[Any]:
    """The records of the Pods in the order in which they were drawn."""
    found = b.snapshot_of(objects(pods, policies)).items(Need.PODS)
    return sorted(found, key=lambda one: one.meta.name)


def cluster(pods: Any, policies: Any) -> tuple[Reachability, list[Any]]:
    net = Reachability(b.snapshot_of(objects(pods, policies)))
    return net, [net.pod(one) for one in snapshot_pods(pods, policies)]


def may(source: Any, target: Any, policies: Any, *, kind: bool) -> bool:
    """Whether a connection to TCP 8080 is possible; ``kind`` plugins let an ipBlock hold a Pod or a node."""
    return passes(source, target, policies, "egress", kind) and passes(
        target, source, policies, "ingress", kind
    )


def passes(subject: Any, other: Any, policies: Any, direction: str, kind: bool) -> bool:
    """One end: isolated by the policies that select it for this direction, and then open as they say."""
    if subject["host"]:
        return True
    selecting = [
        (space, spec)
        for space, spec in policies
        if space == subject["namespace"]
        and chosen(spec["podSelector"], subject["labels"])
        and direction in directions(spec)
    ]
    end = "to" if direction == "egress" else "from"
    return not selecting or any(
        (not rule.get(end) or any(is_peer(one, other, space, kind) for one in rule[end]))
        and (not rule.get("ports") or any(is_port(one) for one in rule["ports"]))
        for space, spec in selecting
        for rule in spec.get(direction, [])
    )


def directions(spec: Any) -> set[str]:
    if spec.get("policyTypes"):
        return {one.lower() for one in spec["policyTypes"]}
    return {"ingress", "egress"} if spec.get("egress") else {"ingress"}


def is_peer(peer: Any, other: Any, space: str, kind: bool) -> bool:
    if other["host"]:
        return kind  # a node: which addresses and whose labels count is the plugin's word
    if "ipBlock" in peer:
        return kind and bool(peer["ipBlock"]["cidr"] == PRIVATE)
    there = other["namespace"]
    if "namespaceSelector" in peer:
        labels = {"kubernetes.io/metadata.name": there, **SPACES[there]}
        if not chosen(peer["namespaceSelector"], labels):
            return False
    elif there != space:
        return False
    return "podSelector" not in peer or chosen(peer["podSelector"], other["labels"])


def is_port(port: Any) -> bool:
    if port.get("protocol", "TCP") != "TCP":
        return False
    if "port" not in port:
        return True
    if isinstance(port["port"], str):
        return bool(port["port"] == "http")
    return bool(port["port"] <= 8080 <= port.get("endPort", port["port"]))


def chosen(wanted: Any, labels: dict[str, str]) -> bool:
    """A label selector: all of its parts hold."""
    for key, value in wanted.get("matchLabels", {}).items():
        if labels.get(key) != value:
            return False
    for one in wanted.get("matchExpressions", []):
        has, value = one["key"] in labels, labels.get(one["key"])
        holds = {
            "In": has and value in one.get("values", []),
            "NotIn": not has or value not in one.get("values", []),
            "Exists": has,
            "DoesNotExist": not has,
        }
        if not holds[one["operator"]]:
            return False
    return True
