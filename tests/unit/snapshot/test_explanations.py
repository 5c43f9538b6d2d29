"""An answer explains itself: which policies select, what each rule does, and what is missing."""

from __future__ import annotations

from typing import Any

import pytest

from coder_cva.snapshot.address_ranges import networks
from coder_cva.snapshot.explanations import Explanation, explain
from coder_cva.snapshot.missing_policies import lasting
from coder_cva.snapshot.model import Absence
from coder_cva.snapshot.needs import Need
from coder_cva.snapshot.policy_words import rule_words, selector_words
from coder_cva.snapshot.reachability import Peer, Reachability
from coder_cva.values import selectors
from support import builders as b
from support.reach_agreement import end, evaluator
from support.reach_clusters import Cluster, Question, cluster


def policy(name: str, namespace: str, **spec: Any) -> Any:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {"podSelector": {}, **spec},
    }


def explained(*policies: Any, port: int = 8080, **pods: Any) -> Explanation:
    """From Pod one/client to Pod two/server."""
    labels = {"app": "client", "pod-template-hash": "5f9"}
    snapshot = b.snapshot_of(
        b.running(b.pod("client", "one", labels=pods.get("client", labels))),
        b.running(b.pod("server", "two", labels={"app": "server"}, spec=pods.get("server"))),
        *policies,
    )
    net = Reachability(snapshot)
    client, server = map(net.very, snapshot.items(Need.PODS))
    return explain(net, client, server, port)


def test_each_rule_says_what_it_does() -> None:
    """Whose it is, where it stands, what it allows, and why it does not help."""
    found = explained(
        policy("a", "two", ingress=[{"ports": [{"port": 1}]}, {"from": [{"podSelector": {}}]}]),
        policy("b", "two", ingress=[{"from": [{"namespaceSelector": {}}]}]),
    )

    assert found.answer.possible is True
    assert [(one.policy, one.place, one.allows, one.why) for one in found.ends[1].rules] == [
        ("two/a", "spec.ingress[0]", False, "for other ports"),
        ("two/a", "spec.ingress[1]", False, "for others"),
        ("two/b", "spec.ingress[0]", True, ""),
    ]
    assert found.ends[1].missing is None
    assert found.ends[0].rules == ()


def test_what_is_missing_is_a_policy_to_apply() -> None:
    """Beside the one that closes: of its Pods only those like this one, for whom asks, on that port."""
    listed = {"key": "app", "operator": "Exists"}
    found = explained(policy("a", "two", podSelector={"matchExpressions": [listed]}))

    assert found.ends[1].missing == policy(
        "allow-from-client-on-8080",
        "two",
        podSelector={"matchLabels": {"app": "server"}, "matchExpressions": [listed]},
        policyTypes=["Ingress"],
        ingress=[
            {
                "from": [
                    {
                        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "one"}},
                        "podSelector": {"matchLabels": {"app": "client"}},
                    }
                ],
                "ports": [{"port": 8080, "protocol": "TCP"}],
            }
        ],
    )  # fmt: skip
    assert found.ends[1].caution == ""


def test_whom_else_a_missing_policy_would_let_in_is_said() -> None:
    """A Pod without labels cannot be told from others of its namespace."""
    found = explained(policy("a", "two"), client={"pod-template-hash": "5f9"})

    assert "lets in every Pod of its namespace" in found.ends[1].caution
    passing = {
        "pod-template-hash": "5f9",
        "helm.sh/chart": "coder-2.30.0",
        "topology.kubernetes.io/zone": "a",
    }
    assert lasting({**passing, "app": "x"}) == {"app": "x"}


@pytest.mark.parametrize(
    ("spec", "pods", "words"),
    [
        ({"from": [{"ipBlock": {"cidr": "0.0.0.0/0"}}]}, {}, "hold addresses to be those of Pods"),
        ({"from": [{"podSelector": {}}]}, {"server": {"hostNetwork": True}}, "on its node's network"),
    ],
)  # fmt: skip
def test_what_cannot_be_told_says_what_it_hangs_on(spec: Any, pods: Any, words: str) -> None:
    """And what would make it sure."""
    found = explained(policy("a", "two", ingress=[spec]), **pods)

    assert found.answer.possible is None
    assert words in found.ends[1].rules[0].why
    assert found.ends[1].missing is not None


def test_labels_of_a_namespace_that_was_not_read_are_not_guessed() -> None:
    """Its name is known all the same."""
    pods = [b.running(b.pod("client", "one")), b.running(b.pod("server", "two"))]
    for selector, possible in (
        ({}, True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "one"}}, True),
        ({"matchLabels": {"kubernetes.io/metadata.name": "two"}}, False),
        ({"matchLabels": {"team": "red"}}, None),
    ):
        rule = {"from": [{"namespaceSelector": selector}]}
        snapshot = b.snapshot_of(
            *pods, policy("a", "two", ingress=[rule]), unavailable={Need.NAMESPACES: Absence.FORBIDDEN}
        )  # fmt: skip
        net = Reachability(snapshot)
        client, server = map(net.very, snapshot.items(Need.PODS))
        found = explain(net, client, server, 8080)
        assert found.answer.possible is possible
        if possible is None:
            assert "labels of namespace one could not be read" in found.ends[1].rules[0].why


def test_where_no_policy_is_asked_no_rule_is_told() -> None:
    """Of a Pod that has ended, and of a node and its own Pod, none decides and none is missing."""
    server = b.running(b.pod("server", "two"))
    server["status"]["hostIPs"] = [{"ip": "192.168.0.1"}]
    rule: dict[str, Any] = {"from": [{"podSelector": {}}]}
    closed = policy("a", "two", ingress=[rule], policyTypes=["Ingress", "Egress"])
    node = Peer("192.168.0.1", ranges=(networks(["192.168.0.1"]),))
    for phase, possible, words in (
        ("Running", True, "its own node"),
        ("Failed", False, "has ended"),
    ):
        server["status"]["phase"] = phase
        snapshot = b.snapshot_of(server, closed)
        net = Reachability(snapshot)
        pod = net.very(snapshot.items(Need.PODS)[0])
        for found in (explain(net, node, pod, 80), explain(net, pod, node, 80)):
            (one,) = found.ends
            assert found.answer.possible is possible
            assert words in one.side.why
            assert (one.rules, one.missing, one.caution) == ((), None, "")


def test_notes_say_what_policies_do_not() -> None:
    """No address yet, a port that nobody declares."""
    assert explained().notes == (
        "Pod one/client has no address yet: the answer is for when it has one",
        "Pod two/server has no address yet: the answer is for when it has one",
        "Pod two/server declares no port 8080 of TCP, and may listen on it all the same",
    )


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({}, "from everybody, on every port"),
        ({"from": [{"podSelector": {}}], "ports": [{"port": 1, "endPort": 2}, {"protocol": "UDP"}]},
         "from every Pod of this namespace, on TCP 1-2, every port of UDP"),
        ({"from": [{"namespaceSelector": {}}, {"ipBlock": {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"]}}]},
         "from every Pod of any namespace or addresses of 10.0.0.0/8 without 10.1.0.0/16, on every port"),
        ({"from": [{"namespaceSelector": {"matchLabels": {"a": "b"}}, "podSelector": {"matchLabels": {"c": "d"}}}]},
         "from Pods with c=d of namespaces with a=b, on every port"),
        ({"ports": [{"port": n} for n in range(1, 9)]},
         "from everybody, on TCP 1, TCP 2, TCP 3, TCP 4, TCP 5, 3 more"),
    ],
)  # fmt: skip
def test_a_rule_in_words(rule: Any, words: str) -> None:
    """As much as fits into a line."""
    assert rule_words(rule, "ingress") == words


def test_a_selector_in_words() -> None:
    """Every operator, and one that nobody knows."""
    expressions = [
        {"key": "a", "operator": "In", "values": ["1", "2"]},
        {"key": "b", "operator": "NotIn", "values": ["3"]},
        {"key": "c", "operator": "Exists"},
        {"key": "d", "operator": "DoesNotExist"},
        {"key": "e", "operator": "Of"},
    ]
    assert selector_words({"matchLabels": {"x": "y"}, "matchExpressions": expressions}) == (
        "x=y and a in (1, 2) and b not in (3) and with a label c and without a label d and e Of"
    )


@pytest.mark.parametrize("number", range(150))
def test_the_missing_policies_open_this_connection_and_close_none(number: int) -> None:
    """Applied to any random cluster; a Pod on its node's network needs an address to be named by."""
    made = cluster(number)
    net, pods = evaluator(made)
    asked = [one for one in made.questions if one.source != one.target]
    before = {one: answered(net, pods, one) for one in asked}
    lacking = next((one for one in asked if is_mendable(pods, one, before[one])), None)
    if lacking is None:
        return

    missing = [one.missing for one in before[lacking].ends if one.missing]
    mended, pods = evaluator(Cluster(number, [*made.manifests, *missing], made.questions))

    assert answered(mended, pods, lacking).answer.possible is True
    for one in asked:
        if before[one].answer.possible:
            assert answered(mended, pods, one).answer.possible, one


def answered(net: Reachability, pods: Any, one: Question) -> Explanation:
    return explain(net, end(pods, one.source), end(pods, one.target), one.port, one.protocol)


def is_mendable(pods: Any, one: Question, found: Explanation) -> bool:
    peers = [pods[place] for place in (one.source, one.target) if isinstance(place, int)]
    is_there = all(not peer.ended and (peer.addresses or not peer.host_network) for peer in peers)
    return is_there and not found.answer.possible


def test_a_question_does_not_go_through_ten_thousand_policies(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each workspace with a policy of its own: the index leads to those few that may select."""
    many = 10_000
    policies = [
        policy(f"p{n}", "two", podSelector={"matchLabels": {"id": str(n)}}) for n in range(many)
    ]
    pods = [b.running(b.pod(name, "two", labels={"id": name})) for name in ("7", "8")]
    snapshot = b.snapshot_of(*pods, *policies)
    net = Reachability(snapshot)
    calls = []
    matches = selectors.matches

    def counted(*arguments: Any) -> bool:
        calls.append(arguments)
        return matches(*arguments)

    monkeypatch.setattr(selectors, "matches", counted)
    one, other = map(net.very, snapshot.items(Need.PODS))

    assert explain(net, one, other, 8080).answer.policies == ("two/p8",)
    assert len(calls) < 20
