"""Reachability: what the API of NetworkPolicy says, case by case, and a plain model of it on any policies."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coder_cva.snapshot import address_ranges
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.parse import gathered
from coder_cva.snapshot.reachability import Answer, Peer, Reachability, Side, best
from coder_cva.values import selectors
from support import builders as b
from support.strategies import JSON, mutated

PORTS = [{"name": "http", "containerPort": 8080}, {"name": "dns", "containerPort": 53, "protocol": "UDP"}]  # fmt: skip
ALL_OF = {"matchLabels": {"kubernetes.io/metadata.name": "one"}}


def policy(namespace: str = "two", **spec: Any) -> Any:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "it", "namespace": namespace},
        "spec": {"podSelector": {}, **spec},
    }


def pod(namespace: str, labels: dict[str, str] | None = None, **spec: Any) -> Any:
    containers = [{"name": "main", "image": "nginx", "ports": PORTS}]
    return b.pod("it", namespace, labels=labels, spec={"containers": containers, **spec})


def ends(*policies: Any, **spec: Any) -> tuple[Reachability, Peer, Peer]:
    """A Pod of namespace one, and one of namespace two, which declares the ports."""
    snapshot = b.snapshot_of(
        pod("one", {"app": "client"}), pod("two", {"app": "server"}, **spec), *policies
    )
    net = Reachability(snapshot)
    client, server = (net.pod(one) for one in snapshot.items(Need.PODS))
    return net, client, server


def answer(*policies: Any, port: int | None = 8080, protocol: str = "TCP") -> Answer:
    net, client, server = ends(*policies)
    return net.connection(client, server, port, protocol)


def test_without_policies_everything_is_open() -> None:
    """And the answer says so for both ends."""
    found = answer()

    assert found.possible is True
    assert found.policies == ()
    assert (
        found.why
        == "no policy isolates Pod one/it for egress; no policy isolates Pod two/it for ingress"
    )


def test_a_closed_end_names_its_policies() -> None:
    """The answer is about the end that closes, and says what is missing."""
    found = answer(policy())

    assert found.possible is False
    assert [one.direction for one in found.deciding] == ["ingress"]
    assert found.policies == ("two/it",)
    assert "ingress of Pod two/it is isolated by NetworkPolicy two/it" in found.why
    assert "nothing there allows Pod one/it on TCP 8080" in found.why


@pytest.mark.parametrize(
    ("spec", "ingress", "egress"),
    [
        ({}, False, True),
        ({"policyTypes": []}, False, True),
        ({"policyTypes": ["Ingress"]}, False, True),
        ({"policyTypes": ["Egress"]}, True, False),
        ({"policyTypes": ["Ingress", "Egress"]}, False, False),
        ({"egress": []}, False, True),
        ({"egress": [{"ports": [{"port": 1}]}]}, False, False),
        ({"policyTypes": ["Ingress"], "egress": [{"ports": [{"port": 1}]}]}, False, True),
    ],
)
def test_which_directions_a_policy_is_about(spec: Any, ingress: bool, egress: bool) -> None:
    """Said, or else ingress always and egress where there is a rule for it: the API's own default."""
    assert answer(policy("two", **spec)).possible is ingress
    assert answer(policy("one", **spec)).possible is egress


@pytest.mark.parametrize(
    ("selector", "isolated"),
    [
        ({}, True),
        (None, True),
        ({"matchLabels": {"app": "server"}}, True),
        ({"matchLabels": {"app": "other"}}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["server"]}]}, False),
        ({"matchExpressions": [{"key": "app", "operator": "Of"}]}, False),
    ],
)
def test_whom_a_policy_selects(selector: Any, isolated: bool) -> None:
    """Of its own namespace those whose labels match; without a selector all of them."""
    assert answer(policy("two", podSelector=selector)).possible is not isolated
    assert answer(policy("three", podSelector=selector)).possible is True


@pytest.mark.parametrize(
    ("peers", "allowed"),
    [
        (None, True),
        ([], True),
        ([{"namespaceSelector": {}}], True),
        ([{"namespaceSelector": ALL_OF}], True),
        ([{"podSelector": {}}], False),
        ([{"podSelector": {"matchLabels": {"app": "client"}}}], False),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "client"}}}], True),
        ([{"namespaceSelector": {}, "podSelector": {"matchLabels": {"app": "other"}}}], False),
        ([{"namespaceSelector": ALL_OF, "podSelector": {}}], True),
        ([{"namespaceSelector": {"matchLabels": {"team": "x"}}}], False),
        ([{"podSelector": {"matchLabels": {"app": "x"}}}, {"namespaceSelector": {}}], True),
        ([{"ipBlock": {"cidr": "8.8.8.8/32"}}], False),
        ([{"ipBlock": {"cidr": "0.0.0.0/0"}}], None),
        ([{"ipBlock": {"cidr": "10.0.0.0/8"}}], None),
        ([{"ipBlock": {"cidr": "0.0.0.0/0"}}, {"namespaceSelector": {}}], True),
    ],
)
def test_whom_a_rule_lets_in(peers: Any, allowed: bool | None) -> None:
    """Without a namespaceSelector its own namespace only; whether addresses cover Pods is not known."""
    rule = {} if peers is None else {"from": peers}

    assert answer(policy(ingress=[rule])).possible is allowed


@pytest.mark.parametrize(
    ("ports", "port", "protocol", "allowed"),
    [
        ([], 8080, "TCP", True),
        ([{"port": 8080}], 8080, "TCP", True),
        ([{"port": 8080}], 8080, "UDP", False),
        ([{"port": 8080, "protocol": "UDP"}], 8080, "TCP", False),
        ([{"port": 80}], 8080, "TCP", False),
        ([{"protocol": "TCP"}], 8080, "TCP", True),
        ([{"protocol": "SCTP"}], 8080, "TCP", False),
        ([{"port": 8000, "endPort": 8080}], 8080, "TCP", True),
        ([{"port": 8081, "endPort": 9000}], 8080, "TCP", False),
        ([{"port": "http"}], 8080, "TCP", True),
        ([{"port": "http"}], 8081, "TCP", False),
        ([{"port": "dns"}], 53, "TCP", False),
        ([{"port": "dns", "protocol": "UDP"}], 53, "UDP", True),
        ([{"port": "https"}], 8080, "TCP", False),
        ([{"port": 1}, {"port": 8080}], 8080, "TCP", True),
        ([{"port": 1.5}], 8080, "TCP", False),
        ([], None, "TCP", True),
        ([{"port": 5432}], None, "TCP", None),
        ([{"port": "postgres"}], None, "TCP", None),
        ([{"port": 53}], None, "TCP", False),
        ([{"port": 53, "endPort": 54}], None, "TCP", None),
        ([{"port": 5432, "protocol": "UDP"}], None, "TCP", False),
        ([{"protocol": "TCP"}], None, "TCP", True),
    ],
)
def test_on_which_ports(ports: Any, port: int | None, protocol: str, allowed: bool | None) -> None:
    """Numbers, spans, names of the served Pod's ports; of a port that is not known only: not that of DNS."""
    assert answer(policy(ingress=[{"ports": ports}]), port=port, protocol=protocol).possible is allowed  # fmt: skip


def test_names_of_ports_are_those_of_the_target_in_both_directions() -> None:
    """An egress rule that says http means the port that the other Pod calls so."""
    named = policy("one", policyTypes=["Egress"], egress=[{"ports": [{"port": "http"}]}])

    assert answer(named).possible is True
    assert answer(named, port=8081).possible is False


def test_policies_are_a_union() -> None:
    """What one closes another one opens; peers and ports of different rules do not combine."""
    closed = policy()
    by_port = {"ports": [{"port": 8080}]}
    opened = policy(ingress=[{**by_port, "from": [{"namespaceSelector": {}}]}])
    crossed = policy(ingress=[{**by_port, "from": [{"podSelector": {}}]}, {"from": [{"namespaceSelector": {}}], "ports": [{"port": 1}]}])  # fmt: skip
    opened["metadata"]["name"] = crossed["metadata"]["name"] = "other"

    assert answer(closed, opened).possible is True
    assert answer(closed, crossed).possible is False


def test_whether_policies_cover_a_pod_on_its_nodes_network_is_the_plugins_choice() -> None:
    """As a target it is closed to some and open to most; as a source it is a node, or a Pod."""
    net, client, server = ends(policy(), hostNetwork=True)
    assert net.connection(client, server, 8080).possible is None
    assert "if the network plugin holds policies" in net.connection(client, server, 8080).why
    assert net.isolating(server, "ingress") == ()
    assert net.openings(server) is None

    net, client, server = ends(policy("three"), hostNetwork=True)
    assert net.connection(client, server, 8080).possible is True
    assert "uses its node's network, and no policy" in net.connection(client, server, 8080).why

    net, client, server = ends(
        policy("one", ingress=[{"from": [{"namespaceSelector": {}}]}]), hostNetwork=True
    )
    assert net.connection(server, client, 8080).possible is None


def outside(*cidrs: str) -> Peer:
    return Peer("outside", ranges=(address_ranges.networks(cidrs),))


@pytest.mark.parametrize(
    ("rules", "cidrs", "allowed"),
    [
        ([], ["203.0.113.7/32"], False),
        ([{}], ["203.0.113.7/32"], True),
        ([{"ports": [{"port": 443}]}], ["203.0.113.7/32"], True),
        ([{"ports": [{"port": 80}]}], ["203.0.113.7/32"], False),
        ([{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}], ["203.0.113.7/32"], True),
        ([{"to": [{"ipBlock": {"cidr": "203.0.113.0/24", "except": ["203.0.113.7/32"]}}]}], ["203.0.113.7/32"], False),
        ([{"to": [{"ipBlock": {"cidr": "203.0.113.0/25"}}]}], ["203.0.113.0/24"], None),
        ([{"to": [{"ipBlock": {"cidr": "203.0.113.0/25"}}]}, {"to": [{"ipBlock": {"cidr": "203.0.113.128/25"}}]}], ["203.0.113.0/24"], True),
        ([{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}]}], ["203.0.113.7/32", "198.51.100.1/32"], None),
        ([{"to": [{"namespaceSelector": {}}]}], ["203.0.113.7/32"], False),
        ([{"to": [{"ipBlock": {"cidr": "203.0.113.0/24"}}], "ports": [{"port": "https"}]}], ["203.0.113.7/32"], False),
    ],
)  # fmt: skip
def test_addresses_outside(rules: Any, cidrs: list[str], allowed: bool | None) -> None:
    """All of them, some (not known), or none; ranges of several rules add up."""
    net, client, _ = ends(policy("one", policyTypes=["Egress"], egress=rules))

    assert net.connection(client, outside(*cidrs), 443).possible is allowed


def test_one_family_that_is_allowed_is_enough() -> None:
    """A cluster of IPv6 has no rule for IPv4."""
    rules = [{"to": [{"ipBlock": {"cidr": "::/0"}}]}]
    net, client, _ = ends(policy("one", policyTypes=["Egress"], egress=rules))

    assert net.connection(client, Peer("world", ranges=address_ranges.INTERNET), 443).possible


@pytest.mark.parametrize(
    ("rules", "allowed"),
    [
        ([], False),
        ([{}], True),
        ([{"to": [{"podSelector": {}}]}], None),
        ([{"ports": [{"port": 80}]}], False),
    ],
)
def test_somebody_of_whom_nothing_is_known(rules: Any, allowed: bool | None) -> None:
    """Only a rule for everybody surely lets them through."""
    net, client, _ = ends(policy("one", policyTypes=["Egress"], egress=rules))

    assert net.connection(client, Peer("somebody"), 443).possible is allowed


def test_the_end_that_cannot_be_told_makes_the_answer_unsure() -> None:
    """Unless the other end is closed: then it is no."""
    unsure = policy("two", ingress=[{"from": [{"ipBlock": {"cidr": "10.0.0.0/8"}}]}])
    closed = policy("one", policyTypes=["Egress"])

    assert answer(unsure).possible is None
    assert answer(unsure, closed).possible is False


def test_the_best_of_several_ways() -> None:
    """One way is enough; of equals the first."""
    yes, no, perhaps = (
        Answer((Side("egress", possible=one, why=str(one)),)) for one in (True, False, None)
    )

    assert best([no, perhaps, yes]) is yes
    assert best([no, perhaps]) is perhaps
    assert best(iter([no, Answer((Side("egress", possible=False, why="later"),))])) is no
    with pytest.raises(ValueError, match="nothing was asked"):
        best([])


SELECTORS = st.sampled_from(
    [
        {},
        {"matchLabels": {"app": "client"}},
        {"matchLabels": {"app": "server"}},
        {"matchExpressions": [{"key": "app", "operator": "Exists"}]},
        {"matchExpressions": [{"key": "app", "operator": "NotIn", "values": ["client"]}]},
    ]
)
SPACES = st.sampled_from([{}, ALL_OF, {"matchLabels": {"team": "x"}}])
PEERS = st.fixed_dictionaries({}, optional={"podSelector": SELECTORS, "namespaceSelector": SPACES})
PORT_RULES = st.fixed_dictionaries(
    {},
    optional={
        "port": st.sampled_from([8080, 80, "http", "dns"]),
        "endPort": st.just(9000),
        "protocol": st.sampled_from(["TCP", "UDP"]),
    },
).filter(lambda one: "endPort" not in one or isinstance(one.get("port"), int))
RULES = st.lists(
    st.tuples(st.lists(PEERS.filter(bool), max_size=2), st.lists(PORT_RULES, max_size=2)),
    max_size=2,
)
TYPES = st.lists(st.sampled_from(["Ingress", "Egress"]), unique=True)


@st.composite
def policies(draw: st.DrawFn, number: int) -> Any:
    rules = draw(RULES), draw(RULES)
    made = policy(
        draw(st.sampled_from(["one", "two", "three"])),
        podSelector=draw(SELECTORS),
        policyTypes=draw(TYPES),
        ingress=[{"from": peers, "ports": ports} for peers, ports in rules[0]],
        egress=[{"to": peers, "ports": ports} for peers, ports in rules[1]],
    )
    made["metadata"]["name"] = f"policy-{number}"
    return made


def model(found: list[Any]) -> bool:
    """The sentence of the API's documentation, word by word, for the two Pods of ``ends`` on TCP 8080."""
    labels = {"one": {"app": "client"}, "two": {"app": "server"}}

    def is_open(here: str, there: str, direction: str, end: str) -> bool:
        selecting = [
            one["spec"]
            for one in found
            if one["metadata"]["namespace"] == here
            and selectors.matches(one["spec"]["podSelector"], labels[here])
            and direction
            in (
                [word.lower() for word in one["spec"]["policyTypes"]]
                or ["ingress", *(["egress"] if one["spec"]["egress"] else [])]
            )
        ]
        return not selecting or any(
            (not rule[end] or any(is_peer(peer, here, there) for peer in rule[end]))
            and (not rule["ports"] or any(map(is_port, rule["ports"])))
            for spec in selecting
            for rule in spec[direction]
        )

    def is_peer(peer: Any, here: str, there: str) -> bool:
        space = {"kubernetes.io/metadata.name": there}
        in_space = (
            selectors.matches(peer["namespaceSelector"], space)
            if "namespaceSelector" in peer
            else there == here
        )
        return in_space and selectors.matches(peer.get("podSelector", {}), labels[there])

    def is_port(one: Any) -> bool:
        if one.get("protocol", "TCP") != "TCP":
            return False
        first = one.get("port", 8080)
        return first == "http" if isinstance(first, str) else first <= 8080 <= one.get("endPort", first)  # fmt: skip

    return is_open("one", "two", "egress", "to") and is_open("two", "one", "ingress", "from")


@given(st.tuples(*(policies(number) for number in range(3))).map(list))
def test_any_policies_mean_what_the_plain_model_says(found: list[Any]) -> None:
    """Two Pods, three policies of any kind: the answer is the model's, and never in doubt."""
    assert answer(*found).possible is model(found)


@given(
    st.lists(mutated([policy("one", policyTypes=["Egress"], egress=[{"to": [{"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}], "ports": [{"port": 1, "endPort": 2}]}]), policy("two", ingress=[{"from": [{"namespaceSelector": {}, "podSelector": {}}]}])]), max_size=3),
    JSON,
)  # fmt: skip
def test_no_policy_raises(found: list[Any], junk: Any) -> None:
    """Whatever shape it has, there is an answer with words in it."""
    snapshot = b.snapshot_of(pod("one"), pod("two"))
    records = gathered(Need.NETWORK_POLICIES, [*found, policy("one", ingress=junk, egress=junk)])
    net = Reachability(replace(snapshot, network_policies=records))
    client, server = (net.pod(one) for one in snapshot.items(Need.PODS))

    for target in (server, outside("10.2.0.0/16"), Peer("somebody")):
        for port in (8080, None):
            assert net.connection(client, target, port).why
