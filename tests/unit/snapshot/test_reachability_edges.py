"""Where an evaluator could be wrong and no cluster of the other tests would show it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from coder_cva.snapshot.address_ranges import networks
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.plugin_readings import Asked, rule_truth
from coder_cva.snapshot.reachability import Opening, Peer, Reachability
from support import builders


def policy(namespace: str, **spec: Any) -> dict[str, Any]:
    """A policy for all Pods of a namespace."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "p", "namespace": namespace},
        "spec": {"podSelector": {}, **spec},
    }


def pod(name: str, namespace: str, *addresses: str) -> dict[str, Any]:
    """A running Pod with these addresses."""
    made = builders.running(builders.pod(name, namespace, labels={"app": name}), ["node"])
    made["status"]["podIPs"] = [{"ip": one} for one in addresses]
    return made


def ends(*manifests: Any) -> tuple[Reachability, dict[str, Peer]]:
    """The evaluator, and every Pod by its name."""
    snapshot = builders.snapshot_of(*manifests)
    net = Reachability(snapshot)
    return net, {one.meta.name: net.very(one) for one in snapshot.items(Need.PODS)}


@pytest.mark.parametrize(
    "peer",
    [
        {"podSelector": [1]},
        {"namespaceSelector": [1]},
        {"podSelector": [1], "namespaceSelector": {}},
        {"podSelector": {}, "namespaceSelector": [1]},
        {"podSelector": [1], "namespaceSelector": [1]},
    ],
)
def test_a_broken_selector_lets_nobody_in(peer: Any) -> None:
    """It is not taken for one that is absent, which would allow more than was meant."""
    net, found = ends(
        pod("a", "two", "10.1.0.1"),
        pod("b", "two", "10.1.0.2"),
        policy("two", ingress=[{"from": [peer]}]),
    )

    assert net.connection(found["a"], found["b"], 80).possible is False


def test_both_ends_meet_by_addresses_of_one_family() -> None:
    """One lets IPv4 out, the other IPv6 in: no packet is of both."""
    net, found = ends(
        pod("a", "one", "10.1.0.1", "fd00::1"),
        pod("b", "two", "10.1.0.2", "fd00::2"),
        policy("one", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "10.1.0.2/32"}}]}]),
        policy("two", ingress=[{"from": [{"ipBlock": {"cidr": "fd00::1/128"}}]}]),
    )  # fmt: skip

    assert net.connection(found["a"], found["b"], 80).possible is False


@pytest.mark.parametrize(
    ("labels", "possible"),
    [
        ({"kubernetes.io/metadata.name": "gone"}, True),
        ({"kubernetes.io/metadata.name": "other"}, False),
        ({"app": "x"}, None),
        ({"team": "x"}, None),
        ({"kubernetes.io/metadata.name": "gone", "team": "x"}, None),
    ],
)
def test_of_a_namespace_that_was_not_read_the_name_is_known(labels: Any, possible: Any) -> None:
    """By any other label it cannot be told."""
    snapshot = builders.snapshot_of(
        pod("b", "two"), policy("two", ingress=[{"from": [{"namespaceSelector": {"matchLabels": labels}}]}])
    )  # fmt: skip
    net = Reachability(snapshot)
    (b,) = snapshot.items(Need.PODS)
    (gone,) = builders.snapshot_of(pod("a", "gone")).items(Need.PODS)

    assert net.connection(net.pod(gone), net.pod(b), 80).possible is possible


@pytest.mark.parametrize("cidr", ["10.0.0.0/8", "fd00::/8"])
def test_a_pod_that_has_no_address_may_get_one_of_either_family(cidr: str) -> None:
    """So a block of either may be for it, and whether blocks are for Pods is not said."""
    net, found = ends(
        pod("a", "one"),
        pod("b", "two"),
        policy("two", ingress=[{"from": [{"ipBlock": {"cidr": cidr}}]}]),
    )

    assert net.connection(found["a"], found["b"], 80).possible is None


@pytest.mark.parametrize("direction", [("ingress", "from"), ("egress", "to")])
@pytest.mark.parametrize(
    "selector",
    [
        {"matchLabels": {"app": "a"}},
        {"matchExpressions": [{"key": "app", "operator": "In", "values": ["a"]}]},
    ],
)
def test_pods_that_a_rule_tells_apart_are_not_of_one_kind(direction: Any, selector: Any) -> None:
    """One of them may not speak for the other; where no rule asks for the label it may."""
    pods = [pod(name, "one") for name in ("a", "b")]
    rules, end = direction
    told_apart = policy("two", **{rules: [{end: [{"podSelector": selector}]}]})

    for policies, kinds in (((told_apart,), 2), ((), 1)):
        snapshot = builders.snapshot_of(pods, *policies)
        net = Reachability(snapshot)
        assert len({net.kind(one) for one in snapshot.items(Need.PODS)}) == kinds


@pytest.mark.parametrize(
    ("addresses", "possible"),
    [
        (["192.168.0.1"], True),
        (["192.168.0.1", "203.0.113.7"], False),
        (["203.0.113.7", "192.168.0.1"], False),
        (["203.0.113.7"], False),
    ],
)
def test_only_an_end_that_is_the_node_itself_is_never_closed_out(
    addresses: list[str], possible: bool
) -> None:
    """Addresses of which the node's is one are somebody else's too."""
    on_node = pod("b", "two", "10.1.0.2")
    on_node["status"]["hostIPs"] = [{"ip": "192.168.0.1"}]
    net, found = ends(on_node, policy("two", ingress=[]))
    outside = Peer("outside", ranges=(networks(addresses),))

    assert net.connection(outside, found["b"], 80).possible is possible


def test_a_pod_on_the_network_of_the_same_node_counts_as_that_node() -> None:
    """To plugins to which it is its node: by name, whatever object that is. No rule has the merit."""
    host = pod("a", "one", "192.168.0.1")
    host["spec"]["hostNetwork"] = True
    net, found = ends(
        host, pod("b", "two", "10.1.0.2"), policy("two", ingress=[{"from": [{"podSelector": {}}]}])
    )
    source, target = replace(found["a"], node=str(b"node", "ascii")), found["b"]

    (end,) = (one for one in net.ends(source, target) if one.direction == "ingress")
    (rule,) = end.rules

    assert net.connection(source, target, 80).possible is None
    assert rule_truth(source, target, end, rule, Asked(80, "TCP")) is False


@pytest.mark.parametrize(
    ("cidr", "possible"), [("10.0.0.0/8", None), ("8.8.8.8/32", False), ("nowhere", False)]
)
def test_whether_an_opening_by_address_is_for_a_pod_cannot_be_told(
    cidr: str, possible: Any
) -> None:
    """But where no Pod has such an address it is not."""
    _, found = ends(pod("a", "one"))
    opening = Opening("two/p", "two", (), ())

    assert opening.lets_in({"ipBlock": {"cidr": cidr}}, found["a"]) is possible


def test_namespaces_are_compared_as_texts() -> None:
    """Not as objects, which are one in most snapshots."""
    net, found = ends(
        pod("a", "two"), pod("b", "two"), policy("two", ingress=[{"from": [{"podSelector": {}}]}])
    )
    source = replace(found["a"], namespace=str(b"two", "ascii"))

    assert net.connection(source, found["b"], 80).possible is True


@pytest.mark.parametrize(
    ("peers", "possible"), [([7], False), ([{"podSelector": {}}], None), ([], True)]
)
def test_a_rule_for_nobody_is_not_for_somebody_of_whom_nothing_is_known(
    peers: Any, possible: Any
) -> None:
    """What cannot be read as a peer is no one; it does not make the rule one for everybody."""
    net, found = ends(pod("b", "two"), policy("two", ingress=[{"from": peers}]))

    assert net.connection(Peer("somebody"), found["b"], 80).possible is possible


@pytest.mark.parametrize(
    ("on_nodes_network", "ingress", "said"),
    [(False, [], False), (False, [{}], False), (True, [], True), (True, [{}], False)],
)
def test_the_plugins_choice_is_told_of_pods_on_their_nodes_network_that_are_closed(
    on_nodes_network: bool, ingress: Any, said: bool
) -> None:
    """Of no other Pod, and not where every plugin lets it through."""
    target = pod("b", "two", "10.1.0.2")
    target["spec"]["hostNetwork"] = on_nodes_network
    net, found = ends(pod("a", "one", "10.1.0.1"), target, policy("two", ingress=ingress))

    why = net.connection(found["a"], found["b"], 80).sides[-1].why

    assert ("if the network plugin holds policies against Pods" in why) is said
